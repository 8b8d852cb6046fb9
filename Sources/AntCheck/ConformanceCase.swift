import AntDevice

/// One operation on one shape: makes its operands on a ``Bench`` and gives the operation to its device.
public struct ConformanceCase: Sendable {
  public let family: String
  /// As a reader would say it: "matmul NT", "attention backward".
  public let operation: String
  /// Sizes and options.
  public let shape: String
  /// Small enough for a simulator.
  public let isQuick: Bool
  let body: @Sendable (Bench) -> Void

  init(
    _ family: String, _ operation: String, _ shape: String, quick isQuick: Bool = false,
    _ body: @escaping @Sendable (Bench) -> Void
  ) {
    self.family = family
    self.operation = operation
    self.shape = shape
    self.isQuick = isQuick
    self.body = body
  }

  public var name: String { "\(operation) \(shape)" }

  /// What became of a case.
  struct Verdict {
    /// The largest `||out - ref|| / max(||ref||, s)` of its outputs; infinite where something is not finite.
    var worstError = 0.0
    var failure: ConformanceFailure?
  }

  /// Runs the case on the reference and twice on `device`, and compares.
  func judge(_ device: any Device) -> Verdict {
    let reference = ReferenceDevice()
    let expected = run(on: reference)
    var verdict = Verdict()
    do {
      let seen = run(on: device)
      let images = try seen.operands.map { try $0.image(on: device) }
      for (index, operand) in seen.operands.enumerated() {
        // Inputs need no reference, and those of integers have no numbers to read.
        let reference =
          operand.role == .input ? [] : reference.readMeasured(expected.operands[index].buffer[...])
        let (error, failure) = operand.judge(images[index], against: reference)
        verdict.worstError = max(verdict.worstError, error)
        verdict.failure = verdict.failure ?? failure.map { ConformanceFailure(case: name, $0) }
      }
      if !seen.operands.contains(where: { $0.role != .input }) {
        verdict.failure = ConformanceFailure(case: name, .init("the case", "has no output to check"))
      }
      let again = run(on: device)
      for (index, operand) in again.operands.enumerated() where verdict.failure == nil {
        if let element = try operand.image(on: device).firstDifference(from: images[index]) {
          verdict.failure = ConformanceFailure(
            case: name, .init(operand.name, "differs from one run to the next", index: element))
        }
      }
    } catch {
      verdict.worstError = .infinity
      verdict.failure = ConformanceFailure(case: name, .init("the device", "failed: \(error)"))
    }
    return verdict
  }

  /// The case's operands, once `device` has been given the operation.
  func run(on device: any Device) -> Bench {
    let bench = Bench(device, seed: fingerprint(name))
    body(bench)
    (device as? any CaseObserver)?.didRun(bench.operands)
    return bench
  }
}

/// A device that is told when it has been given a case, for the suite's own tests to plant errors.
protocol CaseObserver {
  func didRun(_ operands: [Operand])
}

/// FNV-1a, so that a case's inputs follow from its name and nothing else.
private func fingerprint(_ text: String) -> UInt64 {
  text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

extension Array where Element: Equatable {
  func firstDifference(from other: [Element]) -> Int? { indices.first { self[$0] != other[$0] } }
}
