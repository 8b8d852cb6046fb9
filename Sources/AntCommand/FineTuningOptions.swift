import AntEvaluation
import ArgumentParser
import Foundation

/// How a model is adapted: the options of every kind of fine-tuning. What is not given is the kind's own.
struct FineTuningOptions: ParsableArguments {
  @Option(help: "Passes over the examples, at most.")
  var epochs: Int?
  @Option(help: "Examples an update.")
  var batch: Int?
  @Option(name: .customLong("lr"), help: ArgumentHelp("Peak learning rate.", valueName: "rate"))
  var learningRate: Double?
  @Option(help: ArgumentHelp("Part of the updates in which the rate climbs.", valueName: "part"))
  var warmup: Double?
  @Option(
    help: ArgumentHelp("Epochs without a gain after which training stops; 0 for all epochs.", valueName: "n"))
  var patience: Int?
  @Option(help: ArgumentHelp("Read only the first so many examples of a file.", valueName: "n"))
  var limit: Int?

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
    if let patience, patience < 0 { throw ValidationError("--patience must be 0 or more") }
  }

  /// `settings` with what was given in place.
  func applied(to settings: FineTuningSettings) throws -> FineTuningSettings {
    var settings = settings
    if let epochs { settings.epochs = epochs }
    if let batch { settings.batch = batch }
    if let learningRate { settings.learningRate = learningRate }
    if let warmup { settings.warmup = warmup }
    if let patience { settings.patience = patience == 0 ? nil : patience }
    try settings.validate()
    return settings
  }
}

extension Progress {
  /// How far fine-tuning is. A line that ends an epoch is left to stand.
  ///
  /// - Parameter place: what is trained, and where it is.
  func show(_ step: FineTuningStep, at place: String) {
    show(
      place + "  step \(step.step)/\(step.totalSteps)"
        + String(format: "  loss %.4f  lr %.2e", step.loss, step.learningRate),
      done: step.step, of: step.totalSteps)
    if step.figure != nil { end() }
  }
}
