import AntDevice
import AntFiles
import AntModels
import AntText
import AntTraining
import Foundation

/// Models on their way between this program and others: whole Hugging Face folders, model and tokenizer.
public enum ModelExchange {
  /// What transformers reads of a tokenizer, beside tokenizer.json.
  private static let tokenizerCompanions = ["tokenizer_config.json", "special_tokens_map.json"]

  /// Reads the model that others saved in `source`, checks all of it, and writes it to `target` as this program
  /// does: one file of float32 weights, every tensor under its own name once.
  ///
  /// - Parameters:
  ///   - said: keys that its config.json leaves out (see ``AntModels/Architecture/unsaidKeys``), and their values.
  ///   - architectures: those it may be of.
  ///   - device: where the model is put while it is checked.
  /// - Returns: the model's sizes, and why the tokenizer cannot be used here; nil where it can.
  public static func importModel(
    from source: String, to target: String, saying said: [String: String] = [:], on device: any Device,
    architectures: Architectures = .standard
  ) throws -> (architecture: any Architecture, tokenizerProblem: String?) {
    let source = FileSystem.url(source)
    try ModelFolder.requireModel(in: source)
    let configuration = try configuration(in: source, saying: said, architectures: architectures)
    let model = try ModelFolder.model(configuration, weights: ModelWeights(in: source), on: device)
    let problem = try write(model, tokenizerOf: source, to: target)
    return (configuration.architecture, problem)
  }

  /// Writes the model of a run to `target`, without what only training needs.
  ///
  /// - Parameter companions: names of files beside the weights that go with them, where they are there.
  public static func export(_ model: TrainedModel, with companions: [String] = [], to target: String) throws {
    _ = try write(model.model, tokenizerOf: model.folder, to: target) { folder in
      for name in companions {
        let file = model.folder.appending(path: name)
        if FileSystem.exists(file) {
          try FileSystem.write(FileSystem.read(own: file), to: folder.appending(path: name))
        }
      }
    }
  }

  /// As ``export(_:to:)``, of a model that a run's was made into, with further files beside it.
  ///
  /// - Parameters:
  ///   - source: the folder with the tokenizer's files.
  ///   - more: writes further files into the folder it is given.
  public static func export(
    _ model: any Transformer, tokenizerOf source: URL, to target: String, with more: (URL) throws -> Void
  ) throws {
    _ = try write(model, tokenizerOf: source, to: target, with: more)
  }

  /// Throws ``RunError/folderNotEmpty(path:)`` where nothing can be written to `target`: better said before than
  /// after the work.
  public static func requireNew(_ target: String) throws {
    let folder = FileSystem.url(target)
    guard FileSystem.exists(folder) else { return }
    let names = FileSystem.isFolder(folder) ? try FileSystem.names(in: folder) : [target]
    guard names.allSatisfy({ $0 == incomplete }) else { throw RunError.folderNotEmpty(path: target) }
  }

  private static func configuration(
    in source: URL, saying said: [String: String], architectures: Architectures
  ) throws -> ModelConfiguration {
    let file = source.appending(path: "config.json")
    guard !said.isEmpty, case .object(var keys)? = try? JSON(FileSystem.read(own: file)) else {
      return try ModelConfiguration(contentsOf: file, architectures: architectures)
    }
    for (key, value) in said {
      if case .string(let found)? = keys[key], !found.isExactly(value) {
        throw ModelError.invalidConfiguration(
          file: file.path, problem: "\(key) is '\(found)', not '\(value)'")
      }
      keys.list.append((key, .string(value)))
    }
    let configuration = try ModelConfiguration(.object(keys), file: file.path, architectures: architectures)
    let type = type(of: configuration.architecture)
    if let key = said.keys.first(where: { !type.unsaidKeys.map(\.name).contains($0) }) {
      throw ModelError.noModel(
        path: file.path, found: "model_type is '\(type.modelType)', which has no \(key)",
        advice: "leave that out")
    }
    return configuration
  }

  /// Where the files lie until all of them are there.
  private static let incomplete = ".incomplete"

  /// The files get their names when all are written, config.json last. Gives why the tokenizer cannot be used here.
  private static func write(
    _ model: any Transformer, tokenizerOf source: URL, to target: String,
    with more: (URL) throws -> Void = { _ in }
  ) throws -> String? {
    try requireNew(target)
    let final = FileSystem.url(target)
    let isThere = FileSystem.exists(final)
    let partial = final.appending(path: incomplete)
    var placed: [URL] = []
    do {
      if FileSystem.exists(partial) { try FileSystem.remove(partial) }
      try FileSystem.makeFolder(partial)
      try model.write(to: partial)
      try more(partial)
      for name in [Tokenizer.file] + tokenizerCompanions
      where FileSystem.exists(source.appending(path: name)) {
        try FileSystem.write(
          FileSystem.read(own: source.appending(path: name)), to: partial.appending(path: name))
      }
      let names = try FileSystem.names(in: partial).filter { $0 != "config.json" }
      for name in names + ["config.json"] {
        try FileSystem.rename(partial.appending(path: name), to: final.appending(path: name))
        placed.append(final.appending(path: name))
      }
      try FileSystem.remove(partial)
      try FileSystem.synchronize(final)
    } catch {
      for file in isThere ? placed + [partial] : [final] { try? FileSystem.remove(file) }
      throw error
    }
    do {
      let tokenizer = try Tokenizer(ofModelIn: source)
      guard tokenizer.vocabularySize <= model.vocabularySize else {
        return "tokenizer.json has \(tokenizer.vocabularySize) tokens, the model \(model.vocabularySize)"
      }
      return nil
    } catch {
      return "\(error)"
    }
  }
}
