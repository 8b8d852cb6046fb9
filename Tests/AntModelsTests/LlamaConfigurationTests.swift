import AntFiles
import AntModels
import Foundation
import Testing

@Suite struct LlamaConfigurationTests {
  @Test func headsWiderThanAttentionTakesAreNamed() {
    func problem(heads: Int) -> String? {
      LlamaConfiguration(
        vocabularySize: 100, hiddenSize: 512, intermediateSize: 64, layers: 1, heads: heads, maximumLength: 64
      ).problem
    }
    #expect(problem(heads: 2) == nil)
    #expect(problem(heads: 1)?.contains("at most 256") == true)
  }

  @Test func keepsItselfInJSON() throws {
    for name in LlamaConfiguration.presetNames {
      let configuration = try #require(LlamaConfiguration.preset(name, vocabularySize: 1000))
      #expect(configuration.problem == nil)
      let data = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(LlamaConfiguration.self, from: data) == configuration)
    }
    #expect(LlamaConfiguration.preset("llama-huge", vocabularySize: 1000) == nil)
  }

  @Test func readsBothWaysOfWritingRotary() throws {
    let file = TemporaryFile()
    let rest = """
      "model_type":"llama","vocab_size":10,"hidden_size":8,"intermediate_size":12,"num_hidden_layers":1,
      "num_attention_heads":2,"num_key_value_heads":2,"eos_token_id":null,"someone_elses_key":[{}]}
      """
    try Data(("{\"rope_theta\":5000.0,\"rope_scaling\":null," + rest).utf8).write(to: file.url)
    let first = try #require(ModelConfiguration(contentsOf: file.url).architecture as? LlamaConfiguration)
    #expect(first.ropeTheta == 5000)
    let nested = "{\"rope_parameters\":{\"rope_theta\":5000.0,\"rope_type\":\"default\"}," + rest
    try Data(nested.utf8).write(to: file.url)
    let read = try #require(ModelConfiguration(contentsOf: file.url).architecture as? LlamaConfiguration)
    #expect(read.ropeTheta == 5000 && read.endID == nil && !read.tiesEmbeddings)
  }

  @Test(arguments: [
    ("model_type", "\"mistral\"", "model_type is 'mistral'"),
    ("num_key_value_heads", "1", "num_key_value_heads is 1, not the 2 of num_attention_heads"),
    ("head_dim", "16", "head_dim is 16"),
    ("hidden_act", "\"gelu\"", "hidden_act is 'gelu'"),
    ("attention_bias", "true", "attention_bias is true"),
    ("hidden_size", "9", "hidden_size 9 does not divide into 2 heads"),
    ("hidden_size", "0", "hidden_size is 0"),
    ("num_attention_heads", "0", "num_attention_heads is 0"),
    ("num_attention_heads", "\"two\"", "\"num_attention_heads\" is \"two\", not a whole number"),
    ("vocab_size", "-1", "vocab_size is -1"),
    ("vocab_size", "999999999999999", "vocab_size is"),
    ("rms_norm_eps", "0", "rms_norm_eps is 0"),
    ("rope_theta", "0", "rope_theta is 0"),
    ("bos_token_id", "-3", "bos_token_id is -3"),
    ("eos_token_id", "10", "eos_token_id is 10, no token of the 10"),
    ("pad_token_id", "[99]", "pad_token_id is 99"),
    ("rope_scaling", "{\"type\":\"linear\",\"factor\":2}", "rope_scaling is of type 'linear'"),
    (
      "rope_parameters", "{\"rope_type\":\"llama3\",\"rope_theta\":1e4}",
      "rope_parameters is of type 'llama3'"
    ),
    (
      "rope_parameters", "{\"sliding\":{\"rope_type\":\"default\"},\"full\":{\"rope_type\":\"default\"}}",
      "rope_parameters is different for layers of type 'full'"
    ),
    ("rope_parameters", "{\"partial_rotary_factor\":0.5}", "rope_parameters is for 0.5 of a head"),
    ("partial_rotary_factor", "0.25", "partial_rotary_factor is 0.25"),
    ("quantization_config", "{\"quant_method\":\"gptq\"}", "its weights are quantized (gptq)"),
  ])
  func refusesWhatItCannotCompute(key: String, value: String, complaint: String) throws {
    var keys = [
      "model_type": "\"llama\"", "vocab_size": "10", "hidden_size": "8", "intermediate_size": "12",
      "num_hidden_layers": "1", "num_attention_heads": "2",
    ]
    keys[key] = value
    let file = TemporaryFile()
    let text = keys.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
    try Data("{\(text)}".utf8).write(to: file.url)
    try expectRefusal(file, complaint)
  }

  /// The base as transformers 5 reads it: `rope_scaling` where it says anything, else `rope_parameters`, and a base
  /// within before the one beside.
  @Test(arguments: [
    ("{}", 10_000), ("{\"rope_theta\": 7}", 7), ("{\"rope_theta\": null}", 10_000),
    ("{\"rope_scaling\": null, \"rope_parameters\": null, \"rope_theta\": 7}", 7),
    ("{\"rope_scaling\": {\"rope_type\": \"default\"}, \"rope_theta\": 7}", 7),
    ("{\"rope_scaling\": {\"type\": \"default\", \"rope_theta\": 5}, \"rope_theta\": 7}", 5),
    ("{\"rope_parameters\": {\"rope_theta\": 5}, \"rope_theta\": 7}", 5),
    ("{\"rope_parameters\": {\"rope_theta\": null}, \"rope_theta\": 7}", 7),
    (
      "{\"rope_parameters\": {\"rope_theta\": 5}, \"rope_scaling\": {\"rope_theta\": 6}, \"rope_theta\": 7}",
      6
    ),
    ("{\"rope_parameters\": {\"rope_theta\": 5}, \"rope_scaling\": {}, \"rope_theta\": 7}", 5),
  ])
  func readsTheRotaryBase(keys: String, base: Double) throws {
    let text = """
      {"model_type": "llama", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
       "num_attention_heads": 2, "head_dim": null, "hidden_act": null, "bos_token_id": null\(keys == "{}" ? "" : ",")
      """ + keys.dropFirst()
    let model = try ModelConfiguration(Data(text.utf8), file: "f").architecture as? LlamaConfiguration
    #expect(model?.ropeTheta == base)
  }

  /// Some write no token as -1, and some several that end a text.
  @Test func readsSpecialTokens() throws {
    let text = """
      {"model_type": "llama", "vocab_size": 10, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
       "num_attention_heads": 2, "bos_token_id": 3, "eos_token_id": [7, 8], "pad_token_id": -1}
      """
    let model = try ModelConfiguration(Data(text.utf8), file: "f").architecture
    #expect(model.beginningID == 3 && model.endID == 7 && model.paddingID == nil)
    // A size that is none is refused, not compared with.
    #expect(throws: ModelError.self) {
      try ModelConfiguration(
        Data(text.replacing("\"vocab_size\": 10", with: "\"vocab_size\": -1").utf8), file: "f")
    }
  }

  @Test func refusesWhatIsNoConfiguration() throws {
    let file = TemporaryFile()
    #expect(throws: FileError("read", file.path, code: ENOENT)) {
      try ModelConfiguration(contentsOf: file.url)
    }
    for (text, complaint) in [
      ("", "no JSON: nothing"), ("{", "no JSON: no '\"' at byte 1"), ("[]", "it is a list, not an object"),
      ("{}", "no \"model_type\""), ("{\"model_type\":\"llama\", \"more\": NaN}", "no \"vocab_size\""),
      ("{\"model_type\":\"llama\", \"vocab_size\": NaN}", "\"vocab_size\" is NaN, not a whole number"),
    ] {
      try Data(text.utf8).write(to: file.url)
      try expectRefusal(file, complaint)
    }
  }

  private func expectRefusal(_ file: TemporaryFile, _ complaint: String) throws {
    let error = #expect(throws: ModelError.self) { try ModelConfiguration(contentsOf: file.url) }
    let text = try #require(error).description
    #expect(text.contains(complaint) && text.hasPrefix(file.path) && !text.contains("\n"), "\(text)")
  }
}
