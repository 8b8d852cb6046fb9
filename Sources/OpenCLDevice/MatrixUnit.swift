import COpenCL
import Device

/// What multiplies operands below float32 where the kernels for GPUs run.
enum MatrixUnit: Sendable {
  /// None that OpenCL C can reach: Kernels/matmul_gpu.cl and attention_gpu.cl round, and multiply in float32.
  case none
  /// Tensor cores: Kernels/matmul_tensor.cl and attention_tensor.cl with their instruction in PTX.
  case tensorCores
  /// The same kernels with the instruction put together from ordinary ones, which is what they are checked by
  /// on devices that are no GPUs.
  case emulated

  /// What `hardware` has, as far as it shows that it computes correctly.
  init(of hardware: OpenCLHardware) {
    if hardware.traits.isCPU {
      self = .emulated
    } else if hardware.traits.computeCapability >= 80,
      Precision.allCases.allSatisfy({ Self.tensorCores.answers(in: $0, on: hardware) })
    {
      self = .tensorCores
    } else {
      self = .none
    }
  }

  /// Build options of the kernels, an item of which takes so many registers at most: groups that share a
  /// multiprocessor hide each other's barriers. Compilers warn, on the program's own standard error, of loops around
  /// barriers that they do not unroll; around an emulated instruction they need not.
  func options(registers: Int) -> String {
    switch self {
    case .none: ""
    case .tensorCores: " -DMMA_PTX=1 -cl-nv-maxrregcount=\(registers)"
    case .emulated: " -w"
    }
  }

  /// Whether one instruction on known operands gives the known result.
  ///
  /// It is tried in a context of its own: a driver that cannot compile it, or a card that fails at it, leaves
  /// the device that asks as it was.
  func answers(in precision: Precision, on hardware: OpenCLHardware) -> Bool {
    // float32 asks nothing of it.
    guard let question = Question(precision) else { return true }
    guard let queue = try? CommandQueue(hardware, profiling: false) else { return false }
    let device = OpenCLDevice(on: queue, kernels: .gpu)
    let sum = device.makeBuffer(.float32, count: 16 * 8)
    device.launch(
      "matmul_tensor", "matmul_tensor_probe",
      options: "-DPROBE=1\(precision.option)\(options(registers: 128))",
      global: [32], local: [32],
      [
        .slice(device.makeBuffer(question.a)[...]), .slice(device.makeBuffer(question.b)[...]),
        .slice(sum[...]),
      ])
    return (try? device.read(sum[...])) == question.answer
  }

  /// 16 rows of A and 8 columns of B, the terms of each side by side: small whole numbers, whose sums are exact
  /// in any order, and one number that must be rounded.
  private struct Question {
    var a: [Float]
    var b: [Float]
    /// `[16][8]`: the sums begin with a half.
    var answer: [Float]

    init?(_ precision: Precision) {
      // The number is right between two of its format's: of tf32 it becomes the upper, of bfloat16 the even one.
      let (terms, tie, rounded): (Int, Float, Float)
      switch precision {
      case .float32: return nil
      case .tf32: (terms, tie, rounded) = (8, 1 + 0x1p-11, 1 + 0x1p-10)
      case .bfloat16: (terms, tie, rounded) = (16, 1 + 0x1p-8, 1)
      }
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
  /// `PRECISION` of the kernels of matmul.
  var option: String {
    switch self {
    case .float32: ""
    case .tf32: " -DPRECISION=1"
    case .bfloat16: " -DPRECISION=2"
    }
  }
}
