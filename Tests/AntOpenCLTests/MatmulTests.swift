import AntDevice
import Testing

@testable import AntOpenCL

/// One product against the slow obvious sum in Double.
struct MatmulCase: CustomTestStringConvertible, Sendable {
  var m: Int
  var n: Int
  var k: Int
  var transposeA = false
  var transposeB = false
  var bias = false
  var residual = false
  var accumulate = false
  var batch = 1
  /// All batches share B.
  var sharedB = false
  /// Elements between the rows, and before the first one.
  var padding = 0

  var testDescription: String {
    "\(m)x\(n)x\(k) \(transposeA ? "T" : "N")\(transposeB ? "T" : "N")"
      + (bias ? " + bias" : "") + (residual ? " + residual" : "") + (accumulate ? " + C" : "")
      + (batch > 1 ? " x \(batch)" : "") + (sharedB ? " sharing B" : "")
      + (padding > 0 ? " padded by \(padding)" : "")
  }

  /// Odd sizes in all combinations of transposition and epilogue, then the corners.
  static let all: [MatmulCase] = {
    let sizes = [1, 7, 16, 17, 61, 64, 93, 127, 128, 129]
    var random = TestNumbers(seed: 7)
    var cases = (0..<48).map { index in
      MatmulCase(
        m: sizes[random.index(sizes.count)], n: sizes[random.index(sizes.count)],
        k: sizes[random.index(sizes.count)], transposeA: index & 1 != 0, transposeB: index & 2 != 0,
        bias: index & 4 != 0, residual: index & 8 != 0, accumulate: index & 16 != 0,
        batch: index % 5 == 0 ? 3 : 1, sharedB: index % 10 == 0, padding: index % 3 == 0 ? 1 + index % 7 : 0)
    }
    // Few rows, of either kind of weights.
    cases += (1...8).map {
      MatmulCase(m: $0, n: 67, k: 93, transposeB: $0 % 2 == 0, bias: true, accumulate: $0 % 3 == 0)
    }
    cases += [
      // An empty sum is its epilogue.
      MatmulCase(m: 20, n: 9, k: 0, bias: true, residual: true),
      MatmulCase(m: 3, n: 9, k: 0, transposeB: true, bias: true),
      // Several depth blocks; on the GPU set a sum in slices; many of the large tiles.
      MatmulCase(m: 33, n: 40, k: 1100, transposeA: true, bias: true, accumulate: true, padding: 3),
      MatmulCase(m: 24, n: 36, k: 1025, transposeA: true, residual: true, batch: 2),
      MatmulCase(m: 260, n: 132, k: 20, batch: 16),
      // A long sum over a small C, in parts.
      MatmulCase(
        m: 13, n: 9, k: 2500, transposeA: true, bias: true, residual: true, accumulate: true, batch: 2,
        sharedB: true, padding: 2),
      MatmulCase(m: 17, n: 35, k: 2048, transposeB: true),
      // A B so wide that CPUs pack it in parts.
      MatmulCase(
        m: 11, n: 4201, k: 800, transposeB: true, bias: true, residual: true, accumulate: true, padding: 3),
      MatmulCase(m: 10, n: 4201, k: 800, transposeA: true, bias: true, padding: 1),
    ]
    return cases
  }()
}

/// A small generator: tests repeat exactly.
struct TestNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func index(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  /// Uniform in [-1, 1).
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(next() >> 40) * 0x1p-23 - 1 }
  }
}

/// Every OpenCL device here under both sets of kernels.
struct KernelSetUnderTest: CustomTestStringConvertible, Sendable {
  let hardware: OpenCLHardware
  let kernels: KernelSet

  var testDescription: String { "\(hardware.info.name), \(kernels.rawValue) kernels" }

  static let all: [KernelSetUnderTest] = OpenCLHardware.all().hardware.flatMap { hardware in
    [KernelSet.cpu, .gpu].map { KernelSetUnderTest(hardware: hardware, kernels: $0) }
  }

  func open() throws -> OpenCLDevice { try OpenCLDevice(hardware, kernels: kernels) }

  /// A simulator runs a millionth as fast.
  func affords(_ work: Int) -> Bool { hardware.info.kind != .simulator || work <= 60_000 }
}

/// One after another: a simulator is one for the whole process.
@Suite(.serialized) enum KernelTests {}

extension KernelTests {
  @Suite struct MatmulTests {
    @Test(arguments: KernelSetUnderTest.all)
    func matchesTheSumInDouble(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      for test in MatmulCase.all where set.affords(test.m * test.n * test.k * test.batch) {
        let worst = try error(of: test, on: device)
        #expect(worst < 1e-6, "\(test.testDescription): \(worst)")
      }
    }

    /// Large tiles only where C fills them and there are enough; slices of 512 terms or more, none of them empty; and no
    /// choice, wherever it was found, that the device has no local memory for.
    @Test(arguments: KernelSetUnderTest.all.filter { $0.kernels == .gpu })
    func cutsBySizeAndByWhatWasTuned(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      device.tuning = Tuning()
      let memory = device.makeBuffer(.float32, count: 1 << 24)
      func product(_ m: Int, _ n: Int, _ k: Int, batch: Int = 1, precision: Precision = .float32) -> Matmul {
        // Nothing is computed.
        func matrix(_ rows: Int, _ columns: Int) -> Matrix {
          Matrix(memory[...], rows: rows, columns: columns)
        }
        return Matmul(
          matrix(m, k), matrix(k, n), into: matrix(m, n), batch: batch, batchStrideC: 1, precision: precision)
      }
      let isRoomy = device.canTile(128, product(128, 128, 128))
      #expect(device.cut(product(4096, 4096, 4096)) == TiledChoice(tile: isRoomy ? 128 : 64, slices: 1))
      if isRoomy { #expect(device.cut(product(768, 768, 8192)) == TiledChoice(tile: 128, slices: 7)) }
      #expect(device.cut(product(63, 64, 8192, batch: 12)).tile == 64)
      #expect(device.cut(product(100, 100, 400)) == TiledChoice(tile: 64, slices: 1))
      for k in stride(from: 1, to: 20_000, by: 377) {
        let slices = device.cut(product(40, 40, k)).slices
        let length = ((k + slices - 1) / slices + 31) / 32 * 32
        #expect((slices - 1) * length < k && (slices == 1 || length >= 512), "\(k) terms in \(slices)")
      }
      let tuned = product(40, 40, 4096)
      device.tuning.choices[device.shapeClass(tuned)] = [128, 3]
      device.traits.localMemory = 65_536
      #expect(device.cut(tuned) == TiledChoice(tile: 128, slices: 3))
      device.traits.localMemory = 32_768
      #expect(device.cut(tuned).tile == 64)
      device.traits.localMemory = 65_536
      device.matrixUnit = .tensorCores([.matrixLoads, .asynchronousCopies])
      #expect(device.canTile(128, product(128, 128, 128, precision: .bfloat16)))
      device.matrixUnit = .tensorCores(.matrixLoads)
      #expect(!device.canTile(128, product(128, 128, 128, precision: .bfloat16)))
      #expect(device.canTile(128, product(128, 128, 128)))
    }

    /// The largest |C - sum| / (sum of |a b| + 1); infinite where an element outside C was touched, where two
    /// runs differ, or where something is left unwritten.
    private func error(of test: MatmulCase, on device: OpenCLDevice) throws -> Double {
      let (m, n, k) = (test.m, test.n, test.k)
      let (rowsA, columnsA) = test.transposeA ? (k, m) : (m, k)
      let (rowsB, columnsB) = test.transposeB ? (n, k) : (k, n)
      let (strideA, strideB) = (columnsA + test.padding, columnsB + test.padding)
      let strideC = n + test.padding
      let batchA = rowsA * strideA + test.padding
      let batchB = test.sharedB ? 0 : rowsB * strideB + test.padding
      let batchC = m * strideC + test.padding

      var random = TestNumbers(seed: UInt64(m * 1_000_003 + n * 1009 + k))
      let a = random.floats(test.padding + test.batch * (rowsA * strideA + test.padding) + 1)
      let b = random.floats(test.padding + test.batch * (rowsB * strideB + test.padding) + 1)
      let bias = random.floats(n)
      let residual = random.floats(test.padding + test.batch * batchC + 16)
      let before =
        test.accumulate ? random.floats(residual.count) : [Float](repeating: .nan, count: residual.count)

      func run() throws -> [Float] {
        let c = device.makeBuffer(before)
        func matrix(_ buffer: Buffer, _ rows: Int, _ columns: Int, _ stride: Int) -> Matrix {
          Matrix(
            buffer[min(test.padding, buffer.count)..<buffer.count], rows: rows, columns: columns,
            stride: stride
          )
        }
        device.matmul(
          Matmul(
            matrix(device.makeBuffer(a), rowsA, columnsA, strideA), transposed: test.transposeA,
            matrix(device.makeBuffer(b), rowsB, columnsB, strideB), transposed: test.transposeB,
            into: matrix(c, m, n, strideC), bias: test.bias ? device.makeBuffer(bias)[...] : nil,
            residual: test.residual ? matrix(device.makeBuffer(residual), m, n, strideC) : nil,
            accumulate: test.accumulate, batch: test.batch, batchStrideA: batchA, batchStrideB: batchB,
            batchStrideC: batchC))
        return try device.read(c[...])
      }
      let c = try run()
      guard try run().map(\.bitPattern) == c.map(\.bitPattern) else { return .infinity }

      var worst = 0.0
      var touched = [Bool](repeating: false, count: c.count)
      for batch in 0..<test.batch {
        for i in 0..<m {
          for j in 0..<n {
            let at = test.padding + batch * batchC + i * strideC + j
            touched[at] = true
            var sum = 0.0
            var magnitude = 1.0
            for t in 0..<k {
              let left = a[
                test.padding + batch * batchA + (test.transposeA ? t * strideA + i : i * strideA + t)]
              let right = b[
                test.padding + batch * batchB + (test.transposeB ? j * strideB + t : t * strideB + j)]
              sum += Double(left) * Double(right)
              magnitude += abs(Double(left) * Double(right))
            }
            if test.accumulate { sum += Double(before[at]) }
            if test.bias { sum += Double(bias[j]) }
            if test.residual { sum += Double(residual[at]) }
            let error = abs(Double(c[at]) - sum) / magnitude
            if !(error <= worst) { worst = error.isNaN ? .infinity : error }
          }
        }
      }
      for at in c.indices where !touched[at] && c[at].bitPattern != before[at].bitPattern { return .infinity }
      return worst
    }
  }
}
