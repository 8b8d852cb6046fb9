import AntDevice
import AntRandom
import Testing

@testable import AntCheck
@testable import AntOpenCL

extension KernelTests {
  /// Products and attention below float32 under the kernels for GPUs: those of tensor cores, their instruction emulated, and
  /// those of GPUs that have none.
  @Suite struct MatrixUnitTests {
    @Test(arguments: KernelSetUnderTest.gpu) func emulatedInstructionsGiveTheKnownAnswers(
      _ set: KernelSetUnderTest
    ) {
      for probe in MatrixUnit.Probe.all {
        #expect(MatrixUnit.emulated.answers([probe], on: set.hardware), "\(probe)")
      }
    }

    private static let withoutPTX = KernelSetUnderTest.gpu.filter { $0.hardware.traits.isCPU }

    /// A device that cannot build a probe, as these cannot build PTX, fails it and nothing else.
    @Test(
      .enabled(if: !withoutPTX.isEmpty, "every OpenCL device of this machine is a GPU"), arguments: withoutPTX
    )
    func whatCannotBeBuiltFails(_ set: KernelSetUnderTest) {
      for probe in MatrixUnit.Probe.all {
        #expect(
          !MatrixUnit.tensorCores([.matrixLoads, .asynchronousCopies]).answers([probe], on: set.hardware),
          "\(probe)")
      }
      #expect(MatrixUnit.emulated.answers([.load], on: set.hardware))
    }

    /// Warps own more rows of long sequences, where nothing else takes their registers and local memory has room.
    @Test(arguments: KernelSetUnderTest.gpu) func ownsMoreRowsOfLongSequences(_ set: KernelSetUnderTest)
      throws
    {
      let device = try set.open()
      device.matrixUnit = .emulated
      device.traits.localMemory = 1 << 16
      func rows(
        _ length: Int, head: Int = 64, offset: Int = 0, dropout: Float? = nil,
        _ precision: Precision = .bfloat16
      ) -> Int {
        let shape = AttentionShape(
          batch: 1, heads: 1, headDimension: head, queryLength: length, keyLength: length, scale: 1)
        func matrix() -> Matrix {
          Matrix(
            device.makeBuffer(.float32, count: offset + length * head)[offset..<offset + length * head],
            rows: length, columns: head
          )
        }
        let operation = Attention(
          shape, query: matrix(), key: matrix(), value: matrix(),
          keyRanges: device.makeBuffer(.int32, count: 2 * length)[...],
          dropout: dropout.map {
            AttentionDropout(probability: $0, stream: RandomStream(seed: 1, purpose: .sampling))
          }, into: matrix(), logSumExp: device.makeBuffer(.float32, count: length)[...], precision: precision)
        let kernels = AttentionKernels(operation, on: device)
        #expect(kernels.options.contains("ROW_BLOCKS=2") == (kernels.positions == 128))
        #expect(kernels.items == 128)
        return kernels.positions
      }
      #expect(rows(128) == 64)
      #expect(rows(129) == 128)
      #expect(rows(129, head: 32, .tf32) == 128)
      #expect(rows(129, .tf32) == 64)
      #expect(rows(129, head: 96) == 64)
      #expect(rows(129, offset: 3) == 64)
      #expect(rows(129, dropout: 0.1) == 64)
      device.traits.localMemory = 32_768
      #expect(rows(129) == 64)
      device.traits.localMemory = 49_152
      for (capability, transfers, expected) in [
        (80, [.matrixLoads], [64, 128]), (90, [.matrixLoads], [128, 128]), (90, [], [64, 64]),
      ] as [(Int, MatrixUnit.Transfers, [Int])] {
        device.traits.computeCapability = capability
        device.matrixUnit = .tensorCores(transfers)
        #expect([rows(129), rows(129, head: 32)] == expected)
      }
    }

    private static let quick = KernelSetUnderTest.gpu.filter { $0.hardware.info.kind != .simulator }

    /// Keys alike have weights alike, however many tiles lie between them: half of the values are 1, half -1.
    @Test(
      .enabled(if: !quick.isEmpty, "every OpenCL device of this machine is a simulator"), arguments: quick)
    func equalKeysKeepEqualWeights(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      let (head, keys) = (32, 16_384)
      func matrix(_ rows: Int, _ value: (Int) -> Float) -> Matrix {
        let floats = (0..<rows).flatMap { row in [Float](repeating: value(row), count: head) }
        return Matrix(device.makeBuffer(floats)[...], rows: rows, columns: head)
      }
      let output = matrix(1) { _ in .nan }
      device.attention(
        Attention(
          AttentionShape(
            batch: 1, heads: 1, headDimension: head, queryLength: 1, keyLength: keys, scale: 0.125),
          query: matrix(1) { _ in 4.5 }, key: matrix(keys) { _ in 4.75 },
          value: matrix(keys) { $0 < keys / 2 ? 1 : -1 },
          keyRanges: device.makeBuffer([0, Int32(keys)])[...],
          into: output, logSumExp: device.makeBuffer(.float32, count: 1)[...], precision: .bfloat16))
      let seen = try device.read(output.storage)
      #expect(seen.allSatisfy { abs($0) < 1e-5 }, "\(seen)")
    }

    /// Devices that are no GPUs run the kernels of tensor cores, whatever set them on.
    @Test(arguments: KernelSetUnderTest.gpu) func theUnitFollowsTheDevice(_ set: KernelSetUnderTest) throws {
      let hardware = set.hardware
      if hardware.traits.isCPU {
        #expect(try set.open().matrixUnit == .emulated)
        #expect(hardware.traits.computeCapability == 0)
      } else if hardware.traits.computeCapability < 80 {
        #expect(try set.open().matrixUnit == .none)
      } else {
        #expect(try set.open().matrixUnit != .emulated)
      }
    }

    /// What AMD's and Intel's GPUs run, which no machine without one would see.
    @Test(arguments: KernelSetUnderTest.gpu) func kernelsWithoutAMatrixUnitRound(_ set: KernelSetUnderTest)
      throws
    {
      let device = try set.open()
      device.matrixUnit = .none
      let isSimulated = set.hardware.info.kind == .simulator
      let cases = Conformance.cases(families: ["matmul", "attention"], suite: isSimulated ? .quick : .full)
        .filter { $0.operation.contains("tf32") || $0.operation.contains("bfloat16") }
      let chosen = cases.enumerated().filter { $0.offset % (isSimulated ? 40 : 3) == 0 }.map(\.element)
      let report = Conformance.run(chosen, on: device, suite: .full)
      #expect(report.passed, "\(report.table)")
      #expect(Set(report.operations.map(\.operation)).count >= (isSimulated ? 2 : 6))
    }

    /// Nothing falls back to other kernels without being seen.
    @Test(arguments: KernelSetUnderTest.gpu) func attentionFindsItsKernels(_ set: KernelSetUnderTest) throws {
      let device = try set.open()
      func file(_ head: Int, _ precision: Precision, buckets: Int = 0, dropout: Float = 0) -> String {
        func matrix(_ columns: Int? = nil) -> Matrix {
          let columns = columns ?? head
          return Matrix(device.makeBuffer(.float32, count: 16 * columns)[...], rows: 8, columns: 2 * columns)
        }
        let shape = AttentionShape(
          batch: 1, heads: 2, headDimension: head, queryLength: 8, keyLength: 8, scale: 1)
        let stream = RandomStream(seed: 1, purpose: .sampling)
        let operation = Attention(
          shape, query: matrix(), key: matrix(), value: matrix(),
          keyRanges: device.makeBuffer(.int32, count: 16)[...],
          positions: buckets == 0
            ? nil
            : PositionScores(
              query: matrix(buckets), key: matrix(buckets),
              buckets: device.makeBuffer(.int32, count: 16)[...], bucketCount: buckets),
          dropout: dropout == 0 ? nil : AttentionDropout(probability: dropout, stream: stream),
          into: matrix(), logSumExp: device.makeBuffer(.float32, count: 16)[...], precision: precision)
        return AttentionKernels(operation, on: device).file
      }
      // Heads of more words take up to 51 KB of local memory.
      let isRoomy = set.hardware.traits.localMemory >= 52_000
      for precision in Precision.rounding {
        for head in isRoomy ? [32, 64, 96, 128] : [32] {
          let expected = device.matrixUnit == .none ? "attention_gpu" : "attention_tensor"
          #expect(file(head, precision) == expected)
          #expect(file(head, precision, dropout: 0.5) == expected)
          // Sums by bucket take local memory, and 48 KB hold none beside heads of 128 words.
          if isRoomy && !(head == 128 && precision == .tf32) {
            #expect(file(head, precision, buckets: 63) == expected)
            #expect(file(head, precision, buckets: 63, dropout: 0.5) == expected)
          }
        }
        #expect(file(40, precision) == "attention_gpu")
      }
      #expect(file(64, .float32) == "attention_gpu")
    }
  }
}

/// Which unit is chosen, by the answers of a device that need not be there.
@Suite struct MatrixUnitChoiceTests {
  /// Wrong loads or copies leave tensor cores with ordinary ones; wrong products or exchanges leave none.
  @Test func aFailedProbeSwitchesOffWhatNeedsIt() {
    func unit(failing wrong: Set<MatrixUnit.Probe>, capability: Int = 90) -> MatrixUnit {
      MatrixUnit(isCPU: false, computeCapability: capability) { _, probes in wrong.isDisjoint(with: probes)
      }
    }
    #expect(unit(failing: []) == .tensorCores([.matrixLoads, .asynchronousCopies]))
    #expect(unit(failing: [.load]) == .tensorCores(.asynchronousCopies))
    #expect(unit(failing: [.copy]) == .tensorCores(.matrixLoads))
    #expect(unit(failing: [.load, .copy]) == .tensorCores([]))
    for probe in MatrixUnit.Probe.products + [.exchange] { #expect(unit(failing: [probe]) == .none) }
    #expect(unit(failing: [], capability: 75) == .none)
    #expect(
      MatrixUnit(isCPU: true, computeCapability: 0) { _, _ in
        Issue.record("an emulated unit needs no probe")
        return false
      } == .emulated)
  }

  /// A probe is asked under the options that the kernels get once it is answered.
  @Test func optionsFollowTheProbes() {
    var asked: [MatrixUnit.Probe: String] = [:]
    _ = MatrixUnit(isCPU: false, computeCapability: 80) { unit, probes in
      for probe in probes { asked[probe] = unit.options(registers: 128) }
      return true
    }
    #expect(Set(asked.keys) == Set(MatrixUnit.Probe.all))
    #expect(asked[.load]?.contains("-DLDMATRIX=1") == true && asked[.load]?.contains("CP_ASYNC") == false)
    #expect(asked[.copy]?.contains("-DCP_ASYNC=1") == true && asked[.copy]?.contains("LDMATRIX") == false)
    for probe in MatrixUnit.Probe.products + [.exchange] {
      #expect(asked[probe] == " -DMMA_PTX=1 -cl-nv-maxrregcount=128")
    }
  }
}
