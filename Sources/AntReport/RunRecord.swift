import AntEvaluation
import AntFiles
import AntModels
import AntText
import AntTraining
import Foundation

/// What a run directory tells about its training, for showing it. Reads without the run's lock: the run may
/// still be in training.
public struct RunRecord: Sendable {
  /// The folder as it was named.
  public let path: String
  let folder: URL
  let modelName: String
  let modelType: String
  let parameters: Int
  let options: Options
  let lines: [StepMetrics]
  let evaluations: [EvaluationLog.Record]
  /// Steps of the whole run, where the options tell.
  let totalSteps: Int?

  /// The options that are shown. Any may be absent: other versions may have begun the run.
  struct Options: Decodable, Sendable {
    var model: String?
    var schedule: String?
    var extensions: [String]?
    var seed: UInt64?
    var batch: Int?
    var length: LengthSchedule?
    var maximumSteps: Int?
    var learningRate: ObjectiveValues?
    var optimizer: String?
    var trainingTokens: Int?
    var deviceName: String?
  }

  /// A stretch of training under one objective.
  struct Phase: Equatable, Sendable {
    var objective: String
    /// Steps done before it, and with it.
    var steps: ClosedRange<Int>
  }

  /// - Parameter architectures: those its model may be of.
  /// - Throws: ``RunError``, ``TextFileError``, ``FileError`` or `ModelError`.
  public init(_ path: String, architectures: Architectures = .standard) throws {
    guard !path.isEmpty else { throw RunError.notARun(path: "''") }
    let run = try RunDirectory(path)
    struct Section: Decodable { var antlm: Options? }
    let model = try ModelConfiguration(contentsOf: run.configuration, architectures: architectures)
    let section: Section
    do {
      section = try JSONReader().decode(Section.self, from: FileSystem.read(own: run.configuration))
    } catch let error as DecodingError {
      throw RunError.configuration(path: run.configuration.path, reason: error.problem)
    }
    guard let options = section.antlm else { throw RunError.notARun(path: path) }
    self.path = path
    folder = run.url
    self.options = options
    modelName = options.model.map { URL(filePath: $0).lastPathComponent } ?? ""
    modelType = type(of: model.architecture).modelType
    parameters = model.architecture.parameterCount
    lines = try StepMetrics.read(run.metrics)
    evaluations = try EvaluationLog(of: run.url).read()
    totalSteps = Self.steps(options)
  }

  private static func steps(_ options: Options) -> Int? {
    guard let tokens = options.trainingTokens, tokens > 0, let length = options.length?.first, length > 0,
      let batch = options.batch, batch > 0, let notation = options.schedule,
      let schedule = try? Schedule(notation)
    else { return nil }
    let steps = TrainingData.stepsPerEpoch(tokens: tokens, length: length, batch: batch)
    let extensions = (options.extensions ?? []).compactMap { try? Schedule($0) }
    return try? TrainingPlan(
      schedule, extensions: extensions, stepsPerEpoch: steps, maximumSteps: options.maximumSteps
    ).totalSteps
  }

  /// Objectives that were trained or evaluated, in the order of ``Objectives/names``.
  var objectives: [String] {
    let found = Set(
      lines.flatMap { line in
        // A mixture's loss is shown by its objectives.
        (line.objectiveLosses.isEmpty ? [line.objective].compactMap { $0 } : Array(line.objectiveLosses.keys))
          + line.devLosses.keys
      })
    return Objectives.standard.names.filter(found.contains)
      + found.subtracting(Objectives.standard.names).sorted()
  }

  /// The phases gone through so far.
  var phases: [Phase] {
    var phases: [Phase] = []
    var number: Int?
    for line in lines where line.step > 0 {
      guard let objective = line.objective else { continue }
      if let last = phases.last, line.phase == number, last.objective == objective {
        phases[phases.count - 1].steps = last.steps.lowerBound...line.step
      } else {
        phases.append(Phase(objective: objective, steps: line.step - 1...line.step))
        number = line.phase
      }
    }
    return phases
  }

  /// A value over the steps, where there is one.
  func points(_ value: (StepMetrics) -> Double?) -> [PlotPoint] {
    lines.compactMap { line in value(line).map { PlotPoint(Double(line.step), $0) } }
  }

  /// What each run is called where several are shown: its folder, with as much of the way to it as it takes.
  static func names(_ runs: [RunRecord]) -> [String] {
    let parts = runs.map { $0.folder.pathComponents.filter { $0 != "/" } }
    func names(_ count: Int) -> [String] { parts.map { $0.suffix(count).joined(separator: "/") } }
    let most = parts.map(\.count).max() ?? 1
    return (1...max(1, most)).lazy.map(names).first { Set($0).count == runs.count } ?? runs.map(\.path)
  }
}
