import AntDevice

/// A formula by which gradients change parameters. A new one is a type of this kind on a list (see ``OptimizerRules``).
public protocol OptimizerRule: Sendable {
  /// As options spell it.
  var name: String { get }
  /// What it is, in a few words: for help.
  var summary: String { get }

  /// Whether it heeds ``Optimizer/Settings/matrixRate`` and ``Optimizer/Settings/momentum``.
  var hasMatrixRate: Bool { get }

  /// Why it cannot train parameters laid out so; nil where it can.
  func problem(with segments: [Parameters.Segment]) -> String?
  /// Floats it needs beside the moments while it works.
  func workingFloats(for segments: [Parameters.Segment]) -> Int
  /// What applies it once a step, with all the memory that takes. `gradients` and moments may be written over.
  func makeUpdate(of parameters: Parameters, _ settings: Optimizer.Settings) -> (ParameterUpdate) -> Void
}

extension OptimizerRule {
  public var hasMatrixRate: Bool { false }
  public func problem(with segments: [Parameters.Segment]) -> String? { nil }
  public func workingFloats(for segments: [Parameters.Segment]) -> Int { 0 }
}

/// See ``AntDevice/AdamW``.
public struct AdamWRule: OptimizerRule {
  public let name = "adamw"
  public let summary = "Adam with decoupled weight decay"

  public init() {}

  public func makeUpdate(of parameters: Parameters, _ settings: Optimizer.Settings) -> (ParameterUpdate) ->
    Void
  {
    { [device = parameters.device] in device.optimizer(AdamW($0)) }
  }
}

/// See ``AntDevice/LAMB``. A tensor is what a checkpoint names.
public struct LAMBRule: OptimizerRule {
  public let name = "lamb"
  public let summary = "AdamW with each tensor's step scaled to its weights"

  public init() {}

  public func makeUpdate(of parameters: Parameters, _ settings: Optimizer.Settings) -> (ParameterUpdate) ->
    Void
  {
    let device = parameters.device
    let blocks = TensorBlocks(parameters.segments.flatMap { $0.tensors.map(\.range) }, on: device)
    return { device.optimizer(LAMB($0, blocks: blocks)) }
  }
}

/// A list of rules: what the option `optimizer` may name.
///
///     let mine = OptimizerRules.standard + [Lion()]
public struct OptimizerRules: Sendable {
  /// In the order in which help names them.
  public let all: [any OptimizerRule]

  /// - Parameter all: no two of one name.
  public init(_ all: [any OptimizerRule]) {
    precondition(
      Set(all.map(\.name)).count == all.count, "OptimizerRules: two of one name in \(all.map(\.name))")
    self.all = all
  }

  public static let standard = OptimizerRules([AdamWRule(), LAMBRule(), MuonRule()])

  public static func + (list: OptimizerRules, more: [any OptimizerRule]) -> OptimizerRules {
    OptimizerRules(list.all + more)
  }

  public var names: [String] { all.map(\.name) }

  /// The rule called `name`; nil where there is none.
  public subscript(name: String) -> (any OptimizerRule)? { all.first { $0.name == name } }
}
