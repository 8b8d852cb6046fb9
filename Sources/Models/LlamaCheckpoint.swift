import Autograd
import Device
import Files
import Foundation

/// A Llama as a Hugging Face folder: `config.json`, `generation_config.json` and `model.safetensors`, which
/// transformers' AutoModelForCausalLM opens as they are.
extension Llama {
  /// Reads a model from `folder`, and puts it on `device`.
  ///
  /// - Throws: ``ModelError`` or ``SafeTensorsError``, one line each.
  public convenience init(contentsOf folder: URL, on device: any Device) throws {
    let configuration = try LlamaConfiguration(contentsOf: folder.appendingPathComponent("config.json"))
    let weights = try SafeTensors(contentsOf: folder.appendingPathComponent("model.safetensors"))
    try self.init(configuration, weights: weights, on: device)
  }

  /// A model of the tensors in `weights`; each must be there in the right shape, and nothing else.
  public convenience init(_ configuration: LlamaConfiguration, weights: SafeTensors, on device: any Device)
    throws
  {
    // Names and shapes first: what does not fit must not cost the memory it asks for.
    let file = weights.file.path
    var expected: Set<String> = []
    for tensor in Self.segments(configuration).flatMap(\.tensors) {
      guard let entry = weights.entry(tensor.name) else {
        throw ModelError.missingTensor(file: file, tensor: tensor.name)
      }
      guard entry.shape == tensor.shape else {
        throw ModelError.wrongShape(
          file: file, tensor: tensor.name, found: entry.shape, expected: tensor.shape)
      }
      expected.insert(tensor.name)
    }
    // Some writers repeat a tied output layer; older ones store the rotary frequencies.
    let known = weights.entries.lazy.map(\.name).filter {
      !($0 == Name.output && configuration.tiesEmbeddings) && !$0.hasSuffix(".rotary_emb.inv_freq")
    }
    if let extra = known.first(where: { !expected.contains($0) }) {
      throw ModelError.unexpectedTensor(file: file, tensor: extra)
    }

    self.init(zeros: configuration, on: device)
    var flat = [Float](repeating: 0, count: parameters.count)
    for tensor in parameters.segments.flatMap(\.tensors) {
      try flat.withUnsafeMutableBufferPointer {
        try weights.copy(tensor.name, into: UnsafeMutableBufferPointer(rebasing: $0[tensor.range]))
      }
    }
    parameters.write(flat)
  }

  /// Writes the model's three files into `folder`, which must exist, and waits until they are on the disk.
  ///
  /// - Parameter section: what `config.json` says under `antlm`.
  /// - Throws: `FileError`, or the device's failure: a failed device
  ///   leaves no checkpoint.
  public func write(to folder: URL, section: (any Encodable)? = nil) throws {
    let flat = try parameters.read()
    let sources = parameters.segments.flatMap(\.tensors).map {
      SafeTensors.Source($0.name, shape: $0.shape, values: flat[$0.range])
    }
    try configuration.write(to: folder, section: section)
    try SafeTensors.write(sources, to: folder.appendingPathComponent("model.safetensors"))
  }
}

extension LlamaConfiguration {
  /// Writes `config.json` and `generation_config.json` into `folder`.
  public func write(to folder: URL, section: (any Encodable)? = nil) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let generation = Generation(beginningID: beginningID, endID: endID, paddingID: paddingID)
    for (name, data) in [
      ("config.json", try encoder.encode(File(configuration: self, section: section))),
      ("generation_config.json", try encoder.encode(generation)),
    ] {
      try FileSystem.write(data + Data("\n".utf8), to: folder.appending(path: name))
    }
  }

  private struct File: Encodable {
    var configuration: LlamaConfiguration
    var section: (any Encodable)?

    enum CodingKeys: String, CodingKey { case antlm }

    func encode(to encoder: any Encoder) throws {
      try configuration.encode(to: encoder)
      guard let section else { return }
      var container = encoder.container(keyedBy: CodingKeys.self)
      try section.encode(to: container.superEncoder(forKey: .antlm))
    }
  }

  private struct Generation: Encodable {
    var beginningID: Int?
    var endID: Int?
    var paddingID: Int?

    enum CodingKeys: String, CodingKey {
      case beginningID = "bos_token_id"
      case endID = "eos_token_id"
      case paddingID = "pad_token_id"
    }
  }
}
