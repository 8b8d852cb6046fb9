import AntAutograd
import AntCheck
import AntDevice
import Testing

@Suite struct ParametersTests {
  @Test func layout() throws {
    let device = ReferenceDevice()
    let parameters = Parameters(
      [
        .vector("norm", count: 3), .matrix("table", rows: 5, columns: 13),
        .matrix("fused", rows: 3, columns: 2, parts: [.init("q", rows: 1), .init("k", rows: 2)]),
        .vector("bias", count: 64),
      ], on: device)
    #expect(parameters.segments.map(\.name) == ["table", "fused", "norm", "bias"])
    #expect(parameters.segments.map(\.offset) == [0, 128, 192, 256])
    #expect(parameters.decayedCount == 192 && parameters.count == 320)
    #expect(parameters.parameterCount == 65 + 6 + 3 + 64)
    let fused = parameters.segments[1].tensors
    #expect(fused.map(\.name) == ["q", "k"] && fused.map(\.shape) == [[1, 2], [2, 2]])
    #expect(fused.map(\.range) == [128..<130, 130..<134])
    #expect(parameters.segments[2].tensors.map(\.shape) == [[3]])

    #expect(try parameters.read() == [Float](repeating: 0, count: 320))
    #expect(parameters.gradients == nil && parameters["norm"].gradient == nil)
    parameters.write((0..<320).map(Float.init))
    #expect(try device.read(parameters["norm"].vector) == [192, 193, 194])
    parameters.makeGradients()
    #expect(try device.read(#require(parameters.gradients)) == [Float](repeating: 0, count: 320))
    let gradient = try #require(parameters["fused"].gradient)
    #expect(gradient.rows == 3 && gradient.columns == 2 && gradient.storage.offset == 128)
  }

  /// Two steps against the formula in Double: clipped, decayed and not.
  @Test func adamW() throws {
    let device = ReferenceDevice()
    let parameters = Parameters([.matrix("w", rows: 1, columns: 2), .vector("b", count: 1)], on: device)
    let settings = Optimizer.Settings(beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.5)
    let optimizer = Optimizer(parameters, settings: settings)
    var flat = [Float](repeating: 0, count: parameters.count)
    let places = [0, 1, 64]
    var p = [1.0, -2.0, 3.0]
    var (m, v) = ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    for (place, value) in zip(places, p) { flat[place] = Float(value) }
    parameters.write(flat)
    let loss = device.makeBuffer([1.5] as [Float])[...]

    for (step, gradient) in [[3.0, -4.0, 12.0], [0.1, 0.2, -0.3]].enumerated() {
      var flatGradient = [Float](repeating: 0, count: parameters.count)
      for (place, value) in zip(places, gradient) { flatGradient[place] = Float(value) }
      device.write(flatGradient, to: try #require(parameters.gradients))
      optimizer.update(learningRate: 0.1, maximumNorm: 2, loss: loss)
      let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let factor = min(1, 2 / (norm + 1e-6))
      let status = try optimizer.status()
      #expect(abs(Double(status.norm) - norm) < 1e-5 && abs(Double(status.factor) - factor) < 1e-6)
      #expect(status.loss == 1.5 && status.isFinite && optimizer.step == step + 1)
      for i in 0..<3 {
        m[i] = 0.8 * m[i] + 0.2 * factor * gradient[i]
        v[i] = 0.9 * v[i] + 0.1 * (factor * gradient[i]) * (factor * gradient[i])
        let (c1, c2) = step == 0 ? (0.2, 0.1) : (1 - 0.64, 1 - 0.81)
        p[i] -= 0.1 * (m[i] / c1 / ((v[i] / c2).squareRoot() + 1e-3) + (i < 2 ? 0.5 * p[i] : 0))
      }
      let found = try parameters.read()
      for (place, value) in zip(places, p) { #expect(abs(Double(found[place]) - value) < 1e-5) }
    }
  }

  /// A loss or gradient that is not finite changes neither weights nor moments nor the count of steps; and a
  /// restored optimizer goes on as the first one does.
  @Test func refusesWhatIsNotFinite() throws {
    let device = ReferenceDevice()
    let parameters = Parameters([.matrix("w", rows: 1, columns: 2)], on: device)
    let optimizer = Optimizer(parameters)
    let gradients = try #require(parameters.gradients)
    let loss = device.makeBuffer([1] as [Float])[...]
    device.write([1, 2] as [Float], to: gradients)
    optimizer.update(learningRate: 0.1, loss: loss)
    let before = (try parameters.read(), try optimizer.moments())
    #expect(before.0[0] != 0)

    for (gradient, value) in [(Float.nan, Float(1)), (.infinity, 1), (1, .nan), (1, .infinity)] {
      device.write([gradient, 2], to: gradients)
      device.write([value], to: loss)
      optimizer.update(learningRate: 0.1, loss: loss)
      #expect(try !optimizer.status().isFinite)
      #expect(try !optimizer.status().isFinite)
      #expect(optimizer.step == 1)
      #expect(try parameters.read() == before.0)
      #expect(try optimizer.moments() == before.1)
    }

    let twin = Optimizer(parameters)
    twin.restore(step: 1, first: before.1.first, second: before.1.second)
    device.write([0.5, 2] as [Float], to: gradients)
    device.write([1] as [Float], to: loss)
    twin.update(learningRate: 0.1, loss: loss)
    let after = try parameters.read()
    parameters.write(before.0)
    optimizer.update(learningRate: 0.1, loss: loss)
    // Equal but for what rounding to float32 in the checkpoint took from the double-precision device.
    func close(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 } }
    #expect(close(try parameters.read(), after))
    let (own, restored) = (try optimizer.moments(), try twin.moments())
    #expect(close(own.first, restored.first) && close(own.second, restored.second))
  }
}

extension Optimizer {
  func moments() throws -> (first: [Float], second: [Float]) {
    let device = parameters.device
    return (try device.read(firstMoment), try device.read(secondMoment))
  }
}
