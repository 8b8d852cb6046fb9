import AntTraining
import Foundation
import Testing

/// The commands that no other suite here drives, each as a user calls it.
@Suite struct CommandLineTests {
  private let terminal = Terminal()

  private func objects(_ result: Terminal.Result) throws -> [[String: Any]] {
    #expect(result.code == 0, "\(result.errors)")
    return try result.lines.map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
    }
  }

  /// Every option of a run is offered, and none is passed over in silence when a run is taken up.
  @Test func resumeRefusesEveryOption() throws {
    let help = try terminal.antlm("train", "--help").output
    let offers = TrainingOptions.list.compactMap(\.offer)
    #expect(offers.count > 25)
    for offer in offers {
      #expect(help.contains("--\(offer.flag) ") || help.contains("--\(offer.flag)\n"), "\(offer.flag)")
      // The first of few values, or a number.
      let values = (offer.valueName ?? "").split(separator: "|")
      let value = values.count > 1 ? String(values[0]) : "1"
      let given = offer.isSwitch ? "--\(offer.flag)" : "--\(offer.flag)=\(value)"
      expectRefusal(
        try terminal.antlm("train", "--resume", "run", given), code: 2, "--\(offer.flag) cannot be given")
    }
  }

  @Test func devicesNamesTheBuiltInOne() throws {
    let found = try objects(terminal.antlm("devices", "--json"))
    let builtIn = try #require(found.last)
    #expect(builtIn["device"] as? String == "cpu" && builtIn["kind"] as? String == "cpu")
    #expect((builtIn["computeUnits"] as? Int ?? 0) >= 1 && (builtIn["memoryBytes"] as? Int ?? 0) > 0)
    let table = try terminal.antlm("devices")
    #expect(table.code == 0 && table.lines.count >= 2 && table.lines[0].hasPrefix("device"))
  }

  @Test func checkComparesOneFamily() throws {
    let lines = try objects(
      terminal.antlm("check", "--family", "dropout", "--quick", "--device", "cpu", "--json"))
    let total = try #require(lines.last)
    #expect(total["correct"] as? Bool == true)
    let cases = try #require(total["cases"] as? Int)
    #expect(cases > 0 && cases == total["passed"] as? Int)
    #expect(lines.dropLast().allSatisfy { $0["family"] as? String == "dropout" } && lines.count > 1)
    expectRefusal(
      try terminal.antlm("check", "--family", "cookery", "--device", "cpu"), code: 2, "cookery", "softmax",
      "--family")
  }

  @Test func benchMeasuresAndCompares() throws {
    let bench = [
      "bench", "--matmul", "16x24x32", "--device", "cpu", "--json", "--no-peaks", "--repeats", "1",
    ]
    let result = try terminal.antlm(bench)
    let line = try #require(objects(result).first)
    #expect(line["shape"] as? String == "nn 16x24x32" && (line["seconds"] as? Double ?? 0) > 0)
    for name in ["before", "after"] { try terminal.write(Data(result.output.utf8), to: name) }
    let compared = try terminal.antlm("bench", "--compare", "before", "after")
    #expect(compared.code == 0 && compared.output.contains("nn 16x24x32"), "\(compared.errors)")
    let step = try objects(
      terminal.antlm(
        "bench", "--model", "llama-micro", "--objective", "PrefixLM", "--batch", "1", "--length", "8",
        "--vocab",
        "64", "--device", "cpu", "--json", "--no-peaks", "--repeats", "1"))
    #expect((step.first?["shape"] as? String)?.hasPrefix("llama-micro PrefixLM 1x8") == true)
    expectRefusal(
      try terminal.antlm("bench", "--model", "llama-micro", "--objective", "CLN"), code: 2, "CLN", "MNTP")
  }

  @Test func tuneHasNothingToDoOnTheBuiltInDevice() throws {
    let result = try terminal.antlm("tune", "--device", "cpu")
    #expect(result.code == 0 && (result.output + result.errors).contains("nothing to tune"))
    expectRefusal(try terminal.antlm("tune", "--matmul", "16x", "--device", "cpu"), code: 2, "16x")
  }

  @Test func presetsSayWhereTheirValuesComeFrom() throws {
    let presets = try objects(terminal.antlm("presets", "--json")).compactMap { $0["preset"] as? String }
    #expect(presets.contains("antlm-babyllama") && presets == presets.sorted())
    let values = try objects(terminal.antlm("presets", "antlm-babyllama", "--json"))
    let schedule = try #require(values.first { $0["option"] as? String == "schedule" })
    #expect(schedule["value"] as? String == "4_CLM+16_MLM+4_CLM" && schedule["standing"] != nil)
    expectRefusal(
      try terminal.antlm("presets", "nothing"), code: 2, "antlm: preset is 'nothing'", "antlm-babyllama")
  }

  /// From a run to a folder, and from a folder to another: the same model throughout.
  @Test func exportImportAndEmbed() throws {
    try terminal.prepare()
    #expect(try terminal.antlm(terminal.training("run", schedule: "4s_CLM")).code == 0)
    #expect(try terminal.antlm("export", "run", "--checkpoint", "step-3", "--out", "exported").code == 0)
    #expect(try terminal.antlm("import", "exported", "--out", "imported").code == 0)
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
      #expect(try terminal.read("exported/\(file)") == terminal.read("imported/\(file)"), "\(file)")
    }
    #expect(!terminal.exists("exported/optimizer.safetensors"))
    expectRefusal(try terminal.antlm("export", "run", "--out", "exported"), code: 1, "exported", "--out")
    expectRefusal(try terminal.antlm("import", "nowhere", "--out", "other"), code: 1, "nowhere")

    try terminal.write(Data("The dog sees Anna.\nA cat.\n".utf8), to: "lines.txt")
    func embed(_ model: String) throws -> String {
      let result = try terminal.antlm("embed", model, "--mode", "causal", "lines.txt", "--device", "cpu")
      #expect(result.code == 0, "\(result.errors)")
      return result.output
    }
    let vectors = try embed("exported")
    #expect(vectors.split(separator: "\n").count == 2)
    #expect(try embed("imported") == vectors)
  }

  @Test func studyComparesAndGoesOn() throws {
    try terminal.prepare()
    #expect(
      try terminal.antlm(
        "corpus", "--sentences", "5", "--out", "unused.txt", "--pairs", "pairs.jsonl", "--pairs-each", "2"
      ).code == 0)
    try terminal.write(
      Data(
        """
        models: [model.json]
        epochs: 2
        schedules: {both: 1_CLM+1_MLM}
        seeds: [1]
        text: {train: [train.txt], dev: [dev.txt], tokenizer: tok.json}
        pairs: {paths: [pairs.jsonl], limit: 1, scoring: [causal]}
        training: {batch: 16, length: 16, learningRate: 1e-2}
        """.utf8), to: "study.yaml")
    let study = ["study", "--config", "study.yaml", "--out", "study", "--device", "cpu"]
    let first = try terminal.antlm(study)
    #expect(first.code == 0, "\(first.errors)")
    let table = String(decoding: try terminal.read("study/results.csv"), as: UTF8.self)
    #expect(table.split(separator: "\n").count == 4)  // CLM and MLM alone are always among them
    #expect(try terminal.antlm(study).code == 0)
    #expect(String(decoding: try terminal.read("study/results.csv"), as: UTF8.self) == table)
    #expect(terminal.exists("study/results.md"))
    let shown = try terminal.antlm("study", "--print-config")
    #expect(shown.code == 0 && shown.output.contains("schedules:"))
    try terminal.write(
      Data("models: [model.json]\nepochs: 1\nschedules: {a: 1_CLM}\nseeds: [1]\ntraining: {batch: 0}\n".utf8),
      to: "bad.yaml")
    expectRefusal(
      try terminal.antlm("study", "--config", "bad.yaml", "--out", "bad"), code: 2, "bad.yaml", "batch")
  }
}
