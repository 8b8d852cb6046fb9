import AntAutograd
import AntDevice
import AntFiles
import Foundation

/// A model as a Hugging Face folder: `config.json`, `generation_config.json` and `model.safetensors`. Where
/// transformers has the architecture, it opens there as it is.
public enum ModelFolder {
  /// Reads the model in `folder`, whatever its architecture, and puts it on `device`.
  ///
  /// - Parameter architectures: those it may be of.
  /// - Throws: ``ModelError`` or ``SafeTensorsError``, one line each.
  public static func read(
    _ folder: URL, on device: any Device, architectures: Architectures = .standard
  ) throws -> any Transformer {
    try requireModel(in: folder)
    let configuration = try ModelConfiguration(
      contentsOf: folder.appending(path: ModelFiles.configuration), architectures: architectures)
    return try model(configuration, weights: ModelWeights(in: folder), on: device)
  }

  /// Whether weights lie in `folder` that ``read(_:on:architectures:)`` reads.
  public static func hasWeights(_ folder: URL) -> Bool { ModelFiles.hasWeights(folder) }

  /// Throws a ``ModelError`` that says what `folder` is where it is no folder with a model in a form that is read.
  public static func requireModel(in folder: URL) throws { try ModelFiles.require(in: folder) }

  /// Throws a ``ModelError`` that names a model in a form that is not read, where one lies in `folder`.
  public static func refuseOtherForms(in folder: URL) throws {
    if let other = ModelFiles.otherForm(in: folder) { throw other }
  }

  /// A model of the tensors in `weights`; each must be there in the right shape, under its own name or that of a
  /// copy, and nothing else but what follows from them.
  public static func model(
    _ configuration: ModelConfiguration, weights: ModelWeights, on device: any Device
  ) throws -> any Transformer {
    // Names and shapes first: what does not fit must not cost the memory it asks for.
    let architecture = configuration.architecture
    let file = weights.file.path
    let names = weights.names
    // What holds each tensor of the model.
    var sources: [String: String] = [:]
    for tensor in architecture.segments.flatMap(\.tensors) {
      let source =
        weights.entry(tensor.name) != nil
        ? tensor.name : names.first { architecture.derivation(of: $0) == .copy(of: tensor.name) }
      guard let source, let entry = weights.entry(source) else {
        // One name is part of the other, from a point on.
        if let found = names.first(where: {
          $0.hasSuffix("." + tensor.name) || tensor.name.hasSuffix("." + $0)
        }) {
          throw ModelError.otherNames(file: file, found: found, expected: tensor.name)
        }
        throw ModelError.missingTensor(file: file, tensor: tensor.name)
      }
      guard entry.shape == tensor.shape else {
        throw ModelError.wrongShape(file: file, tensor: source, found: entry.shape, expected: tensor.shape)
      }
      sources[tensor.name] = source
    }
    let used = Set(sources.values.map { ExactText($0) })
    for name in names where !used.contains(ExactText(name)) {
      guard let derivation = architecture.derivation(of: name) else {
        throw ModelError.unexpectedTensor(file: file, tensor: name)
      }
      if case .copy(let parameter) = derivation {
        let original = sources[parameter] ?? parameter
        guard
          weights.entry(name)?.shape == weights.entry(original)?.shape,
          try weights.floats(name) == weights.floats(original)
        else { throw ModelError.notTied(file: file, tensor: name, original: original) }
      }
    }

    let model = architecture.makeModel(on: device)
    var flat = [Float](repeating: 0, count: model.parameters.count)
    for tensor in model.parameters.segments.flatMap(\.tensors) {
      try flat.withUnsafeMutableBufferPointer {
        try weights.copy(
          sources[tensor.name] ?? tensor.name, into: UnsafeMutableBufferPointer(rebasing: $0[tensor.range]))
      }
    }
    model.parameters.write(flat)
    return model
  }
}

extension Transformer {
  /// Writes the model's files into `folder`, which must exist, and waits until they are on the disk. Parameters
  /// that lie beside its own (see ``Architecture/makeModel(on:with:)``) are no part of it.
  ///
  /// - Throws: `FileError`, or the device's failure: a failed device leaves no checkpoint.
  public func write(to folder: URL) throws {
    let own = Set(configuration.architecture.segments.map(\.name))
    try configuration.write(to: folder)
    try SafeTensors.write(
      tensors { own.contains($0.name) }, to: folder.appending(path: ModelFiles.weights))
  }
}

extension Transformer {
  /// The tensors of some segments, to be written.
  func tensors(_ isIncluded: (Parameters.Segment) -> Bool) -> [SafeTensors.Source] {
    parameters.segments.filter(isIncluded).flatMap(\.tensors).map {
      SafeTensors.Source($0.name, shape: $0.shape, parameters.values[$0.range], on: device)
    }
  }
}

extension ModelConfiguration {
  /// Writes `config.json`, `generation_config.json` and what transformers needs beside them into `folder`.
  public func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    for (name, data) in [
      (ModelFiles.configuration, try encoder.encode(self)),
      ("generation_config.json", try encoder.encode(GenerationConfiguration(architecture))),
    ] {
      try FileSystem.write(data + Data("\n".utf8), to: folder.appending(path: name))
    }
    for companion in architecture.companions {
      try FileSystem.write(Data(companion.bytes), to: folder.appending(path: companion.name))
    }
  }
}

/// What transformers' `generate` reads.
private struct GenerationConfiguration: Encodable {
  private let beginningID: Int?
  private let endID: Int?
  private let paddingID: Int?

  init(_ architecture: any Architecture) {
    beginningID = architecture.beginningID
    endID = architecture.endID
    paddingID = architecture.paddingID
  }

  enum CodingKeys: String, CodingKey {
    case beginningID = "bos_token_id"
    case endID = "eos_token_id"
    case paddingID = "pad_token_id"
  }
}
