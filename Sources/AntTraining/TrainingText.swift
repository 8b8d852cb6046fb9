import AntFiles
import AntText

/// What a run is trained on, and what it is evaluated on.
public struct TrainingText: Sendable {
  public let training: TokenCorpus
  /// Nil for no evaluation.
  public let development: TokenCorpus?

  public init(training: TokenCorpus, development: TokenCorpus? = nil) {
    self.training = training
    self.development = development
  }

  /// The text that the options name.
  ///
  /// - Throws: `CorpusError`.
  package init(
    _ configuration: TrainingConfiguration, tokenizer: Tokenizer,
    report: (TrainingRun.Event) -> Void = { _ in }
  ) throws {
    report(.reading(configuration.training))
    training = try Self.corpus(configuration.training, tokenizer)
    if configuration.development.isEmpty {
      development = nil
    } else {
      report(.reading(configuration.development))
      development = try Self.corpus(configuration.development, tokenizer)
    }
  }

  /// What a run records of its text.
  package var checksum: String { training.checksum + (development.map { "-\($0.checksum)" } ?? "") }

  /// Throws where the files that `configuration` names, under which another checksum is recorded, are not its text as an
  /// older version of the program called it.
  ///
  /// - Throws: ``TrainingError/textChanged(files:)`` or ``TrainingError/textReadOtherwise(files:)``.
  static func requireFormer(_ configuration: TrainingConfiguration, tokenizer: Tokenizer) throws {
    let files = configuration.training + configuration.development
    let former = try? [configuration.training, configuration.development].filter { !$0.isEmpty }
      .map { try TokenCorpus.former($0, tokenizer: tokenizer) }
    guard let former, former.map(\.checksum).joined(separator: "-") == configuration.textChecksum else {
      throw TrainingError.textChanged(files: files)
    }
    guard former.allSatisfy(\.isReadAlike) else { throw TrainingError.textReadOtherwise(files: files) }
  }

  /// Throws ``TrainingError/tooLittleText(files:tokens:needed:)`` where a sequence cannot be filled.
  func require(_ configuration: TrainingConfiguration) throws {
    guard training.count >= configuration.length.longest else {
      throw TrainingError.tooLittleText(
        files: configuration.training, tokens: training.count, needed: configuration.length.longest)
    }
    if let development, development.count < 2 {
      throw TrainingError.tooLittleText(
        files: configuration.development, tokens: development.count, needed: 2)
    }
  }

  /// - Parameter schedules: the run's, and those that prolong it.
  func plan(_ schedules: [Schedule], _ configuration: TrainingConfiguration) throws -> TrainingPlan {
    let steps = TrainingData.stepsPerEpoch(
      tokens: training.count, length: configuration.length.first, batch: configuration.batch)
    return try TrainingPlan(
      schedules[0], extensions: Array(schedules.dropFirst()), stepsPerEpoch: steps,
      maximumSteps: configuration.maximumSteps)
  }

  /// The tokens of a text. They are kept between runs.
  private static func corpus(_ paths: [String], _ tokenizer: Tokenizer) throws -> TokenCorpus {
    try TokenCorpus(paths, tokenizer: tokenizer, cacheDirectory: FileSystem.cacheFolder)
  }
}
