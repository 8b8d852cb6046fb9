import AntCPU
import AntCheck
import AntDevice
import Foundation
import Testing

@testable import AntAutograd

@Suite struct MuonTests {
  /// Two hidden matrices side by side in one segment, a tall one, a wide one, an embedding and a bias.
  private static let segments: [Parameters.Segment] = [
    .matrix("embedding", rows: 5, columns: 4),
    .matrix(
      "pair", rows: 8, columns: 8, parts: [.init("first", rows: 4), .init("second", rows: 4)], isHidden: true),
    .matrix("tall", rows: 12, columns: 3, isHidden: true),
    .matrix("wide", rows: 3, columns: 10, isHidden: true),
    .vector("bias", count: 4),
  ]

  private typealias Rows = [[Double]]

  private func product(_ a: Rows, _ b: Rows) -> Rows {
    a.map { row in b[0].indices.map { c in row.indices.reduce(0) { $0 + row[$1] * b[$1][c] } } }
  }

  private func transposed(_ a: Rows) -> Rows { a[0].indices.map { c in a.map { $0[c] } } }

  private func sum(_ a: Double, _ x: Rows, _ b: Double, _ y: Rows) -> Rows {
    zip(x, y).map { zip($0, $1).map { a * $0 + b * $1 } }
  }

  /// As the method is written down, in double precision, whatever the shape.
  private func orthogonal(_ u: Rows) -> Rows {
    let norm = u.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    var x = u.map { $0.map { $0 / (norm + 1e-7) } }
    for _ in 0..<5 {
      let a = product(x, transposed(x))
      x = sum(3.4445, x, 1, product(sum(-4.7750, a, 2.0315, product(a, a)), x))
    }
    return x
  }

  /// Three steps against the formula: momentum, orthogonal steps scaled by shape and decayed, AdamW for the rest.
  @Test(arguments: ["reference", "cpu"]) func steps(name: String) throws {
    let device: any Device = name == "cpu" ? CPUDevice(threads: 2) : ReferenceDevice()
    let parameters = Parameters(Self.segments, on: device)
    let plain = Parameters(Self.segments, on: device)
    let settings = Optimizer.Settings(
      MuonRule(), beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.5, momentum: 0.9, matrixRate: 4)
    let muon = Optimizer(parameters, settings: settings)
    let adam = Optimizer(
      plain, settings: .init(beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.5))
    /// Values for all elements, zero in the gaps between segments, as ever.
    func draw(_ seed: UInt64) -> [Float] {
      let used = Set(parameters.segments.flatMap { Array($0.range) })
      return Operand(1, parameters.count, seed: seed).values.enumerated().map { used.contains($0) ? $1 : 0 }
    }
    let values = draw(1)
    parameters.write(values)
    plain.write(values)
    let tensors = parameters.segments.filter(\.isHidden).flatMap(\.tensors)
    var expected = values.map(Double.init)
    var moment = [Double](repeating: 0, count: values.count)
    let loss = device.makeBuffer([1] as [Float])[...]

    for step in 1...3 {
      let gradient = draw(UInt64(10 + step))
      device.write(gradient, to: try #require(parameters.gradients))
      device.write(gradient, to: try #require(plain.gradients))
      muon.update(learningRate: 0.01, maximumNorm: 1, loss: loss)
      adam.update(learningRate: 0.01, maximumNorm: 1, loss: loss)
      let factor = Double(try muon.status().factor)
      #expect(factor < 1)
      for (_, shape, range) in tensors {
        var direction: [Double] = []
        for index in range {
          let g = factor * Double(gradient[index])
          moment[index] = 0.9 * moment[index] + 0.1 * g
          direction.append(0.9 * moment[index] + 0.1 * g)
        }
        let rows = (0..<shape[0]).map { Array(direction[$0 * shape[1]..<($0 + 1) * shape[1]]) }
        let scale = max(1, Double(shape[0]) / Double(shape[1])).squareRoot()
        for (index, u) in zip(range, orthogonal(rows).joined()) {
          expected[index] -= 0.04 * (scale * u + 0.5 * expected[index])
        }
      }
    }
    let (found, rest) = (try parameters.read(), try plain.read())
    let hidden = Set(tensors.flatMap { Array($0.range) })
    for index in found.indices {
      if hidden.contains(index) {
        #expect(abs(Double(found[index]) - expected[index]) < 2e-5, "element \(index)")
      } else {
        #expect(found[index] == rest[index], "element \(index)")
      }
    }
  }

  /// The steps' singular values lie near 1: rows of a wide step are orthonormal, but for what five iterations leave.
  @Test func stepsAreOrthogonal() {
    var x = Operand(6, 20, seed: 3).values.map(Double.init)
    x = x.map { $0 + 0.3 }
    let steps = orthogonal((0..<6).map { Array(x[$0 * 20..<($0 + 1) * 20]) })
    let gram = product(steps, transposed(steps))
    let trace = gram.indices.reduce(0) { $0 + gram[$1][$1] }
    #expect(abs(trace / 6 - 1) < 0.35)
    for row in gram.indices { #expect(gram[row][row] > 0.4 && gram[row][row] < 1.5) }
  }

  @Test func tensorsOfOneShapeShareABatch() {
    let parameters = Parameters(Self.segments, on: ReferenceDevice())
    let groups = MuonRule.groups(parameters.segments)
    #expect(groups.map(\.batch) == [2, 1, 1] && groups.map(\.rows) == [4, 12, 3])
    #expect(MuonRule().workingFloats(for: parameters.segments) == 64 + 3 * 32 + 2 * 36)
    #expect(MuonRule().problem(with: [.vector("bias", count: 4)]) != nil)
    #expect(MuonRule().problem(with: parameters.segments) == nil)
  }

  /// A gradient that is not finite changes neither weights nor moments.
  @Test(arguments: ["reference", "cpu"]) func refusesWhatIsNotFinite(name: String) throws {
    let device: any Device = name == "cpu" ? CPUDevice(threads: 2) : ReferenceDevice()
    let parameters = Parameters(Self.segments, on: device)
    let optimizer = Optimizer(parameters, settings: .init(MuonRule()))
    let loss = device.makeBuffer([1] as [Float])[...]
    var gradient = Operand(1, parameters.count, seed: 2).values
    device.write(gradient, to: try #require(parameters.gradients))
    optimizer.update(learningRate: 0.1, loss: loss)
    let before = (try parameters.read(), try device.read(optimizer.firstMoment))
    #expect(before.0.allSatisfy(\.isFinite) && before.0.contains { $0 != 0 })
    gradient[70] = .nan
    device.write(gradient, to: try #require(parameters.gradients))
    optimizer.update(learningRate: 0.1, loss: loss)
    #expect(try !optimizer.status().isFinite)
    #expect(try parameters.read() == before.0)
    #expect(try device.read(optimizer.firstMoment) == before.1)
  }
}
