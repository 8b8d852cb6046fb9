import AntDevice
import CAntKernels
import CAntOpenCL

/// What multiplies operands below float32 where the kernels for GPUs run.
enum MatrixUnit: Hashable, Sendable {
  /// None that OpenCL C can reach: Kernels/matmul_gpu.cl and attention_gpu.cl round, and multiply in float32.
  case none
  /// Tensor cores: Kernels/matmul_tensor.cl and attention_tensor.cl with their instruction in PTX.
  case tensorCores(Transfers)
  /// The same kernels with the instruction put together from ordinary ones, which is what they are checked by
  /// on devices that are no GPUs.
  case emulated

  /// How operands come to tensor cores other than by ordinary loads, which leave the same in the same places.
  struct Transfers: OptionSet, Hashable, Sendable {
    let rawValue: Int
    /// `ldmatrix`: from local memory to registers.
    static let matrixLoads = Transfers(rawValue: 1)
    /// `cp.async`: to local memory, past the registers.
    static let asynchronousCopies = Transfers(rawValue: 2)
  }

  /// What `hardware` has, as far as it shows that it computes correctly.
  init(of hardware: OpenCLHardware) {
    self.init(isCPU: hardware.traits.isCPU, computeCapability: hardware.traits.computeCapability) {
      $0.answers($1, on: hardware)
    }
  }

  /// - Parameter answers: whether the device gives the known answers to such probes under the options of a unit.
  init(isCPU: Bool, computeCapability: Int, answers: (MatrixUnit, [Probe]) -> Bool) {
    if isCPU {
      self = .emulated
    } else if computeCapability >= 80, answers(.tensorCores([]), Probe.products + [.exchange]) {
      // Each is asked by itself: a driver may refuse the one and take the other.
      let asked: [(Transfers, Probe)] = [(.matrixLoads, .load), (.asynchronousCopies, .copy)]
      self = .tensorCores(Transfers(asked.filter { answers(.tensorCores($0), [$1]) }.map(\.0)))
    } else {
      self = .none
    }
  }

  /// Whether four matrices are loaded by one instruction.
  var loadsMatrices: Bool {
    guard case .tensorCores(let transfers) = self else { return false }
    return transfers.contains(.matrixLoads)
  }

  /// Bytes of local memory that so many items show each other words in.
  func localMemory(items: Int) -> Int { self == .emulated ? 4 * Int(SHOWN_WORDS) * items : 0 }

  /// Build options of the kernels, an item of which takes so many registers at most: groups that share a
  /// multiprocessor hide each other's barriers. Compilers warn, on the program's own standard error, of loops around
  /// barriers that they do not unroll; around an emulated instruction they need not.
  func options(registers: Int) -> String {
    switch self {
    case .none: ""
    case .tensorCores(let transfers):
      " -DMMA_PTX=1" + (transfers.contains(.matrixLoads) ? " -DLDMATRIX=1" : "")
        + (transfers.contains(.asynchronousCopies) ? " -DCP_ASYNC=1" : "")
        + " -cl-nv-maxrregcount=\(registers)"
    case .emulated: " -w"
    }
  }
}

extension MatrixUnit {
  /// A kernel of Kernels/matrix_unit_probes.cl that asks for one instruction on known operands.
  enum Probe: Hashable, Sendable {
    /// `mma.sync`, below float32.
    case product(Precision)
    /// `shfl.sync`
    case exchange
    /// `ldmatrix`
    case load
    /// `cp.async`
    case copy

    static let products: [Probe] = [.product(.tf32), .product(.bfloat16)]
    static let all = products + [.exchange, .load, .copy]
  }

  /// Whether each probe gives the known result.
  ///
  /// They run in a context of their own: a driver that cannot compile one, or a card that fails at it, leaves
  /// the device that asks as it was. Nothing is asked behind the first wrong answer.
  func answers(_ probes: [Probe], on hardware: OpenCLHardware) -> Bool {
    guard let queue = try? CommandQueue(hardware, profiling: false) else { return false }
    let device = OpenCLDevice(on: queue, kernels: .gpu)
    return probes.allSatisfy { answers($0, on: device) }
  }

  private func answers(_ probe: Probe, on device: OpenCLDevice) -> Bool {
    func run(_ kernel: String, _ inputs: [Buffer], into output: Buffer, _ precision: Precision = .tf32) {
      device.launch(
        "matrix_unit_probes", kernel, options: precision.option + options(registers: 128),
        global: [Int(WARP)], local: [Int(WARP)], (inputs + [output]).map { .slice($0[...]) })
    }
    switch probe {
    case .product(let precision):
      let question = ProductQuestion(precision)
      let sum = device.makeBuffer(.float32, count: 16 * 8)
      run(
        "matrix_unit_multiply", [device.makeBuffer(question.a), device.makeBuffer(question.b)], into: sum,
        precision)
      return (try? device.read(sum[...])) == question.answer
    case .exchange:
      var numbers = (0..<32).map { Float($0 * $0 % 31) }
      let exchanged = device.makeBuffer(.float32, count: 32)
      run("matrix_unit_exchange", [device.makeBuffer(numbers)], into: exchanged)
      for mask in [1, 2, 4, 8, 16] {
        numbers = (0..<32).map { Float(mask) * numbers[$0] + numbers[$0 ^ mask] }
      }
      return (try? device.read(exchanged[...])) == numbers
    case .load:
      // No two halves of a word are alike, nor any two words.
      let halves = (0..<32 * 8).map { Int32($0 * 37 % 8191) }
      func word(_ low: Int, _ high: Int) -> Int32 { halves[low] | halves[high] << 16 }
      let loaded = device.makeBuffer(.int32, count: 2 * 32 * 4)
      run("matrix_unit_load", [device.makeBuffer((0..<128).map { word(2 * $0, 2 * $0 + 1) })], into: loaded)
      let asTheyAre: [Int32] = (0..<128).map { index in
        let (item, matrix) = (index / 4, index % 4)
        let first: Int = (8 * matrix + item / 4) * 8 + item % 4 * 2
        return word(first, first + 1)
      }
      let transposed: [Int32] = (0..<128).map { index in
        let (item, matrix) = (index / 4, index % 4)
        let first: Int = (8 * matrix + item % 4 * 2) * 8 + item / 4
        return word(first, first + 8)
      }
      return (try? device.readIntegers(loaded[...])) == asTheyAre + transposed
    case .copy:
      let words = (0..<256).map { Int32($0 * 37 % 8191 + 1) }
      let copied = device.makeBuffer(.int32, count: words.count)
      run("matrix_unit_copy", [device.makeBuffer(words)], into: copied)
      return (try? device.readIntegers(copied[...])) == words
    }
  }

  /// 16 rows of A and 8 columns of B, the terms of each side by side: small whole numbers, whose sums are exact
  /// in any order, and one number that must be rounded.
  private struct ProductQuestion {
    var a: [Float]
    var b: [Float]
    /// `[16][8]`: the sums begin with a half.
    var answer: [Float]

    init(_ precision: Precision) {
      // The number is right between two of its format's: of tf32 it becomes the upper, of bfloat16 the even one.
      let (terms, tie, rounded): (Int, Float, Float) =
        precision == .tf32 ? (8, 1 + 0x1p-11, 1 + 0x1p-10) : (16, 1 + 0x1p-8, 1)
      a = (0..<16 * terms).map { Float($0 * 7 % 13 - 6) }
      b = (0..<8 * terms).map { Float($0 * 5 % 17 - 8) }
      var exact = a
      (a[0], exact[0]) = (tie, rounded)
      answer = (0..<16 * 8).map { [b] index in
        (0..<terms).reduce(0.5) { $0 + exact[index / 8 * terms + $1] * b[index % 8 * terms + $1] }
      }
    }
  }
}

extension Precision {
  /// `PRECISION` of the kernels, which is also how many terms a word of 32 bits holds, and 0 for float32.
  var termsPerWord: Int {
    switch self {
    case .float32: 0
    case .tf32: 1
    case .bfloat16: 2
    }
  }

  /// What the kernels of matmul and attention are compiled in by.
  var option: String { self == .float32 ? "" : " -DPRECISION=\(termsPerWord)" }
}
