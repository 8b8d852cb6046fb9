import AntDevice

/// The conformance suite: every operation on a device under test and on ``ReferenceDevice``, with the same
/// inputs, held to
///
///     ||out - ref||     <= tolerance max(||ref||, s)                  s: the same expression over
///     max |out - ref|   <= 20 tolerance max(rms(ref), rms(s))            absolute values
///     out = 0           where every term is 0 (a dropped element, a key out of sight)
///
/// with a tolerance of 1e-5, of 1e-4 where matrix units may sum up rounded operands, of 5e-4 or 4e-3 where what
/// a device computes on the way may be rounded once more (attention in tf32 and bfloat16), or none where one
/// rounding is all there is (copies, sums of two). Errors below 1e-30 are underflow and count as none. Every buffer has guard words on both sides and between rows,
/// outputs begin as not-a-number, inputs must stay as they were, and a second run must give the same bits.
public enum Conformance {
  /// Relative error allowed in float32.
  public static let tolerance = 1e-5

  /// All cases, or those small enough for a slow device.
  public enum Suite: String, Sendable, Codable {
    /// Small shapes, for simulators that are a thousand times slower than the machine.
    case quick
    case full
  }

  /// The families in the order they run: the device contract's.
  public static var families: [String] { suites.map(\.family) }

  private static let suites: [(family: String, cases: @Sendable () -> [ConformanceCase])] = [
    ("matmul", matmulCases), ("softmax", softmaxCases), ("attention", attentionCases),
    ("normalization", normalizationCases), ("activation", activationCases), ("rotary", rotaryCases),
    ("embedding", embeddingCases), ("crossEntropy", crossEntropyCases), ("dropout", dropoutCases),
    ("elementwise", elementwiseCases), ("reduction", reductionCases), ("optimizer", optimizerCases),
    ("multiplyAdd", multiplyAddCases),
  ]

  /// The cases of some families, or of all.
  public static func cases(families: [String]? = nil, suite: Suite = .full) -> [ConformanceCase] {
    suites.filter { families?.contains($0.family) ?? true }.flatMap { $0.cases() }
      .filter { suite == .full || $0.isQuick }
  }

  /// Runs the suite on `device`.
  ///
  /// - Parameters:
  ///   - families: the families to run; all where nil. See ``families`` for their names.
  ///   - suite: quick on a simulator and full elsewhere, where nil.
  ///   - progress: called after every case.
  /// - Throws: ``ConformanceError`` for a family that does not exist. A device that fails does not throw: its
  ///   cases fail.
  public static func run(
    on device: any Device, families: [String]? = nil, suite: Suite? = nil,
    progress: (ConformanceProgress) -> Void = { _ in }
  ) throws -> ConformanceReport {
    for name in families ?? [] where !self.families.contains(name) {
      throw ConformanceError.unknownFamily(name)
    }
    let suite = suite ?? (device.info.kind == .simulator ? .quick : .full)
    return run(cases(families: families, suite: suite), on: device, suite: suite, progress: progress)
  }

  static func run(
    _ cases: [ConformanceCase], on device: any Device, suite: Suite,
    progress: (ConformanceProgress) -> Void = { _ in }
  ) -> ConformanceReport {
    var report = ConformanceReport(device: device.info, suite: suite)
    for (index, conformanceCase) in cases.enumerated() {
      let verdict = conformanceCase.judge(device)
      report.add(verdict, of: conformanceCase)
      progress(
        ConformanceProgress(
          finished: index + 1, total: cases.count, name: conformanceCase.name, failure: verdict.failure))
    }
    return report
  }
}

/// How far a run has come.
public struct ConformanceProgress: Sendable {
  public var finished: Int
  public var total: Int
  /// The case that has just finished.
  public var name: String
  public var failure: ConformanceFailure?
}

public enum ConformanceError: Error, Equatable, CustomStringConvertible {
  case unknownFamily(String)

  public var description: String {
    switch self {
    case .unknownFamily(let name):
      "no operations are called '\(name)'; there are \(Conformance.families.joined(separator: ", "))"
    }
  }
}
