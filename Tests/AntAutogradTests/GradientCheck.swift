import AntAutograd
import AntCheck
import AntDevice
import AntRandom
import Testing

/// A matrix that a computation reads, as an input or as a parameter.
struct Operand {
  var rows: Int
  var columns: Int
  var values: [Float]

  /// Values in [-0.9, 1.1), fixed by `seed`.
  init(_ rows: Int, _ columns: Int, seed: UInt64) {
    self.rows = rows
    self.columns = columns
    let stream = RandomStream(seed: seed, purpose: .sampling)
    values = (0..<UInt64(rows * columns)).map { 2 * stream.uniform($0) - 0.9 }
  }
}

/// Compares the gradients of `f = sum(weights * compute(...))` by every element of every input and parameter
/// with central differences, `(f(x + h) - f(x - h)) / 2h`, on the double-precision device.
///
/// Parameters' gradients start at one, to see that backward adds to them.
func checkGradients(
  inputs: [Operand] = [], parameters: [Operand] = [],
  _ compute: (_ tape: Tape, _ inputs: [Tensor], _ parameters: [Parameter]) -> Tensor,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let device = ReferenceDevice()
  func matrix(_ operand: Operand) -> Matrix {
    Matrix(device.makeBuffer(operand.values)[...], rows: operand.rows, columns: operand.columns)
  }
  let operands = inputs + parameters
  let tape = Tape(on: device)
  let tensors = inputs.map { Tensor(matrix($0)) }
  let weights = parameters.map { operand in
    var ones = operand
    ones.values = ones.values.map { _ in 1 }
    return Parameter(value: matrix(operand), gradient: matrix(ones))
  }
  let result = compute(tape, tensors, weights)
  let seed = Operand(result.rows, result.columns, seed: 99)
  tape.backward(from: result, gradient: matrix(seed))

  for (place, operand) in operands.enumerated() {
    let analytic: [Double]
    if place < inputs.count {
      let gradient = try #require(tensors[place].gradient.value, sourceLocation: sourceLocation)
      analytic = device.readDoubles(gradient.storage)
    } else {
      let gradient = try #require(weights[place - inputs.count].gradient)
      analytic = device.readDoubles(gradient.storage).map { $0 - 1 }
    }
    func loss(_ element: Int, _ shift: Double) -> Double {
      let matrices = operands.map(matrix)
      device.writeDoubles(
        [Double(operand.values[element]) + shift], to: matrices[place].storage[element..<element + 1])
      let output = compute(
        Tape(on: device, records: false), matrices[..<inputs.count].map { Tensor($0) },
        matrices[inputs.count...].map { Parameter(value: $0) })
      return zip(device.readDoubles(output.value.storage), seed.values).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    let h = 1e-4
    let numeric = operand.values.indices.map { (loss($0, h) - loss($0, -h)) / (2 * h) }
    let largest = numeric.map(abs).max() ?? 0
    let error = zip(analytic, numeric).map { abs($0 - $1) }.max() ?? 0
    #expect(
      error <= 1e-6 * max(largest, 1e-3), "operand \(place): off by \(error), gradients up to \(largest)",
      sourceLocation: sourceLocation)
  }
}
