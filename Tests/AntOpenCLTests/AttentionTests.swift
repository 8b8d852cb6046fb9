import AntDevice
import AntOpenCL
import Foundation
import Testing

extension KernelTests {
  @Suite struct AttentionTests {
    struct Case: Sendable {
      var batch = 1
      var heads = 1
      var headDimension: Int
      var queries: Int
      var keys: Int
      /// Keys that query t of a sequence sees.
      var range: @Sendable (_ query: Int) -> Range<Int>
      var name: String
    }

    static let cases: [Case] = {
      let sizes = [1, 7, 16, 17, 61, 64, 93, 127, 128, 129]
      let dimensions = [1, 7, 16, 17, 32, 64, 80, 93, 128, 200, 256]
      var cases: [Case] = []
      for (index, length) in sizes.enumerated() {
        let dimension = dimensions[(index * 3) % dimensions.count]
        cases += [
          Case(
            batch: 2, heads: 2, headDimension: dimension, queries: length, keys: length,
            range: { 0..<($0 + 1) },
            name: "causal"),
          Case(
            heads: 2, headDimension: dimensions[index], queries: length, keys: length,
            range: { _ in 0..<length },
            name: "bidirectional"),
          Case(
            headDimension: dimensions[(index * 5 + 2) % dimensions.count], queries: length, keys: length,
            range: { $0 > length - 4 ? 0..<0 : ($0 / 9 * 9)..<max($0 + 1, min(length, $0 / 9 * 9 + 4)) },
            name: "documents with prefixes, then padding"),
          Case(
            heads: 3, headDimension: dimensions[(index * 7 + 5) % dimensions.count],
            queries: sizes[9 - index],
            keys: length,
            range: { query in
              let first = (query * 37 + 11) % (length + 1)
              let end = (query * 53 + 29) % (length + 1)
              return query % 6 == 5 ? first..<first : min(first, end)..<max(first, end)
            }, name: "any intervals"),
        ]
      }
      // The newest query against a cache of keys.
      cases.append(
        Case(
          batch: 3, heads: 2, headDimension: 64, queries: 1, keys: 100, range: { _ in 3..<90 }, name: "cached"
        ))
      return cases
    }()

    @Test(arguments: KernelSetUnderTest.all)
    func matchesTheFormulaInDouble(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      for test in Self.cases
      where set.affords(test.batch * test.heads * test.queries * test.keys * test.headDimension)
        && (test.headDimension <= 224 || set.hardware.traits.localMemory >= 40_000)
      {
        let shape = AttentionShape(
          batch: test.batch, heads: test.heads, headDimension: test.headDimension, queryLength: test.queries,
          keyLength: test.keys, scale: 1 / Float(test.headDimension).squareRoot())
        let results = try run(test, shape, on: device)
        let again = try run(test, shape, on: device)
        let expected = oracle(test, shape)
        for (name, result) in results {
          let error = distance(result, expected[name]!)
          #expect(error < 1e-5, "\(test.name) \(shape): \(name) off by \(error)")
          let differing = zip(result, again[name]!).count { $0.bitPattern != $1.bitPattern }
          #expect(differing == 0, "\(test.name) \(shape): two runs differ in \(differing) of \(name)")
        }
      }
    }

    // MARK: Inputs: the three in one wide matrix each, as a fused projection leaves them

    private struct Inputs {
      var query: [Float]
      var key: [Float]
      var value: [Float]
      var outputGradient: [Float]
      var ranges: [Int32]
      static let padding = 3

      init(_ test: Case, _ shape: AttentionShape) {
        var random = TestNumbers(seed: UInt64(test.queries * 1009 + test.keys * 31 + test.headDimension))
        let stride = shape.width + Self.padding
        query = random.floats(shape.batch * test.queries * stride).map { 2 * $0 }
        key = random.floats(shape.batch * test.keys * stride).map { 2 * $0 }
        value = random.floats(shape.batch * test.keys * stride)
        outputGradient = random.floats(shape.batch * test.queries * shape.width)
        ranges = (0..<shape.batch * test.queries).flatMap { row in
          let range = test.range(row % test.queries)
          return [Int32(range.lowerBound), Int32(range.upperBound)]
        }
      }
    }

    private func run(_ test: Case, _ shape: AttentionShape, on device: OpenCLDevice) throws -> [String:
      [Float]]
    {
      let inputs = Inputs(test, shape)
      let (queries, keys) = (shape.batch * test.queries, shape.batch * test.keys)
      func input(_ values: [Float], _ rows: Int) -> Matrix {
        Matrix(
          device.makeBuffer(values)[...], rows: rows, columns: shape.width,
          stride: shape.width + Inputs.padding
        )
      }
      // Unwritten results stay NaN; 16 guard words follow each.
      func result(_ count: Int) -> Buffer { device.makeBuffer([Float](repeating: .nan, count: count + 16)) }
      func matrix(_ buffer: Buffer, _ rows: Int) -> Matrix {
        Matrix(buffer[...], rows: rows, columns: shape.width)
      }
      let output = result(queries * shape.width)
      let logSumExp = result(queries * shape.heads)
      let forward = Attention(
        shape, query: input(inputs.query, queries), key: input(inputs.key, keys),
        value: input(inputs.value, keys),
        keyRanges: device.makeBuffer(inputs.ranges)[...], into: matrix(output, queries),
        logSumExp: logSumExp[...])
      device.attention(forward)
      let gradients = [queries, keys, keys].map { result($0 * shape.width) }
      device.attention(
        AttentionBackward(
          of: forward,
          outputGradient: Matrix(
            device.makeBuffer(inputs.outputGradient)[...], rows: queries, columns: shape.width),
          queryGradient: matrix(gradients[0], queries), keyGradient: matrix(gradients[1], keys),
          valueGradient: matrix(gradients[2], keys)))
      return try [
        "output": output, "logSumExp": logSumExp, "dq": gradients[0], "dk": gradients[1], "dv": gradients[2],
      ].mapValues { buffer in
        let values = try device.read(buffer[...])
        let overwritten = values.suffix(16).count { !$0.isNaN }
        #expect(overwritten == 0, "\(test.name) \(shape): \(overwritten) guard words overwritten")
        return values.dropLast(16)
      }
    }

    private func oracle(_ test: Case, _ shape: AttentionShape) -> [String: [Double]] {
      let inputs = Inputs(test, shape)
      let (width, stride, d) = (shape.width, shape.width + Inputs.padding, shape.headDimension)
      var output = [Double](repeating: 0, count: shape.batch * test.queries * width)
      var logSumExp = [Double](repeating: -.infinity, count: shape.batch * shape.heads * test.queries)
      var dq = output
      var dk = [Double](repeating: 0, count: shape.batch * test.keys * width)
      var dv = dk
      func dot(_ left: [Float], _ leftAt: Int, _ right: [Float], _ rightAt: Int) -> Double {
        left.withUnsafeBufferPointer { left in
          right.withUnsafeBufferPointer { right in
            var sum = 0.0
            for c in 0..<d { sum += Double(left[leftAt + c]) * Double(right[rightAt + c]) }
            return sum
          }
        }
      }
      for s in 0..<shape.batch {
        for h in 0..<shape.heads {
          for t in 0..<test.queries {
            let range = test.range(t)
            guard !range.isEmpty else { continue }
            let row = s * test.queries + t
            let scores = range.map {
              Double(shape.scale)
                * dot(inputs.query, row * stride + h * d, inputs.key, (s * test.keys + $0) * stride + h * d)
            }
            let maximum = scores.max()!
            let total = scores.reduce(0) { $0 + exp($1 - maximum) }
            logSumExp[(s * shape.heads + h) * test.queries + t] = maximum + log(total)
            let weights = scores.map { exp($0 - maximum) / total }
            let products = range.map {
              dot(
                inputs.outputGradient, row * width + h * d, inputs.value,
                (s * test.keys + $0) * stride + h * d)
            }
            let mean = zip(weights, products).reduce(0) { $0 + $1.0 * $1.1 }
            for (index, j) in range.enumerated() {
              let key = s * test.keys + j
              let gradient = weights[index] * (products[index] - mean) * Double(shape.scale)
              for c in h * d..<(h + 1) * d {
                output[row * width + c] += weights[index] * Double(inputs.value[key * stride + c])
                dq[row * width + c] += gradient * Double(inputs.key[key * stride + c])
                dk[key * width + c] += gradient * Double(inputs.query[row * stride + c])
                dv[key * width + c] += weights[index] * Double(inputs.outputGradient[row * width + c])
              }
            }
          }
        }
      }
      return ["output": output, "logSumExp": logSumExp, "dq": dq, "dk": dk, "dv": dv]
    }

    /// Euclidean distance relative to the reference's length, or to 0.1 an element where that is less (one
    /// visible key makes dq and dk exactly zero). Infinities have to agree.
    private func distance(_ result: [Float], _ reference: [Double]) -> Double {
      guard result.count == reference.count else { return .infinity }
      var difference = 0.0
      var length = 0.0
      for (value, expected) in zip(result, reference) {
        if expected.isInfinite {
          if Double(value) != expected { return .infinity }
          continue
        }
        difference += (Double(value) - expected) * (Double(value) - expected)
        length += expected * expected
      }
      let error = difference.squareRoot() / max(length.squareRoot(), 0.1 * Double(result.count).squareRoot())
      return error.isNaN ? .infinity : error
    }
  }
}
