import AntDevice
import AntFiles
import AntModels
import AntText
import AntTraining
import Foundation

/// A model and its tokenizer, ready to be asked.
public struct TrainedModel {
  public let model: any Transformer
  public let tokenizer: Tokenizer
  /// The checkpoint folder it came from.
  public let folder: URL
  /// The run and the step it was opened at; nil for a checkpoint folder opened by itself.
  public let source: (run: RunDirectory, step: Int)?
  /// What the run was trained by; nil where none is known.
  private let options: RunSection.Options?

  public var specials: SpecialTokens { tokenizer.specials }

  /// What a run's config.json holds beside the model's keys, as far as it is read here.
  private struct RunSection: Decodable {
    struct Options: Decodable {
      var tokenizerChecksum: String?
      var schedule: String?
      var extensions: [String]?
      var initialModel: String?
    }
    var antlm: Options?

    init(of folder: URL) throws {
      let file = folder.appending(path: "config.json")
      do {
        self = try JSONReader().decode(Self.self, from: FileSystem.read(own: file))
      } catch let error as DecodingError {
        throw RunError.configuration(
          path: file.path,
          reason: "\(error.problem); restore it from a copy, or name one of the run's checkpoints")
      }
    }
  }

  /// How many positions before a hidden token the model predicts it: as the objectives of its run's schedule do, of which
  /// those that predict in place go first; 0 where no schedule is known.
  ///
  /// - Throws: ``InferenceError/notTrainedMasked(run:schedule:)`` where the schedule fills in nothing.
  func maskShift() throws -> Int {
    guard let run = source?.run, let options, options.initialModel == nil, let notation = options.schedule
    else { return 0 }
    let schedules = [notation] + (options.extensions ?? [])
    // A schedule of a caller's own objectives is not read here.
    guard let phases = try? schedules.flatMap({ try Schedule($0).phases }) else { return 0 }
    let trained = phases.flatMap(\.mixture.objectives).compactMap { Objectives.standard[$0] }
    let shifts = trained.filter { $0.readsBothWays }.map { $0.shift }
    guard let least = shifts.min() else {
      throw InferenceError.notTrainedMasked(run: run.url.path, schedule: schedules.joined(separator: "+"))
    }
    return least
  }

  /// Throws a `ModelError` that says what `folder` is where it is no run but some other thing that is known, and
  /// ``RunError/configuration(path:reason:)`` where that cannot be told.
  private static func refuseOtherThanRun(_ folder: URL) throws {
    guard FileSystem.exists(folder) else { return }
    guard FileSystem.isFolder(folder) else { return try ModelFolder.requireModel(in: folder) }
    guard FileSystem.exists(folder.appending(path: "config.json")) else {
      return try ModelFolder.refuseOtherForms(in: folder)
    }
    if try RunSection(of: folder).antlm == nil { try ModelFolder.requireModel(in: folder) }
  }

  /// Opens a run (its newest checkpoint unless another is named) or a checkpoint folder.
  ///
  /// - Parameters:
  ///   - path: a run directory, or a Hugging Face folder with model.safetensors in it.
  ///   - checkpoint: `latest`, `best` or `step-N`.
  ///   - architectures: those the model may be of.
  public init(
    _ path: String, checkpoint: String = "latest", on device: any Device,
    architectures: Architectures = .standard
  ) throws {
    guard !path.isEmpty else { throw RunError.notARun(path: "''") }
    let url = FileSystem.url(path)
    if ModelFolder.hasWeights(url) {
      guard checkpoint == "latest" else { throw RunError.noCheckpoints(path: path, name: checkpoint) }
      folder = url
      source = nil
    } else {
      try Self.refuseOtherThanRun(url)
      let run = try RunDirectory(path)
      let found = try run.checkpoint(checkpoint)
      folder = found.url
      source = (run, found.step)
    }
    tokenizer = try Tokenizer(ofModelIn: folder)
    model = try ModelFolder.read(folder, on: device, architectures: architectures)
    // Models are padded to a round number of tokens; what the tokenizer has, the model must have.
    guard model.vocabularySize >= tokenizer.vocabularySize else {
      throw TrainingError.vocabularyMismatch(
        tokenizer: folder.appending(path: "tokenizer.json").path, tokens: tokenizer.vocabularySize,
        model: folder.path, vocabulary: model.vocabularySize)
    }
    options = try source.flatMap { try RunSection(of: $0.run.url).antlm }
    if let trained = options?.tokenizerChecksum, trained != tokenizer.checksum {
      throw TrainingError.tokenizerChanged(file: folder.appending(path: "tokenizer.json").path)
    }
  }
}
