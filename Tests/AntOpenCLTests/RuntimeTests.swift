import AntDevice
import Testing

@testable import AntOpenCL

/// What the runtime promises, whatever the kernels compute.
extension KernelTests {
  @Suite struct RuntimeTests {
    let hardware = OpenCLHardware.all().hardware

    private func open(_ kernels: KernelSet = .automatic, profiling: Bool = false) throws -> OpenCLDevice {
      try OpenCLDevice(hardware[0], kernels: kernels, profiling: profiling)
    }

    // MARK: Failures

    @Test func aBrokenProgramFailsWithTheCompilersLog() throws {
      let device = try open()
      device.programs.program(
        "broken", options: "", source: "__kernel void broken(__global float *x) { x[0] = nowhere; }")
      do {
        try device.synchronize()
        Issue.record("a broken program was built")
      } catch DeviceError.buildFailed(let name, let program, let log) {
        #expect(name == device.info.name)
        #expect(program == "broken")
        #expect(log.contains("nowhere"))
      }
    }

    @Test func aKernelThatIsNotThereIsNamed() throws {
      let device = try open()
      device.launch("elementwise", "absent", options: device.vectorOptions, global: [1], [])
      let error = #expect(throws: DeviceError.self) { try device.synchronize() }
      #expect("\(try #require(error))".contains("absent"))
    }

    @Test func theFirstFailureSticksAndLaterCommandsDoNothing() throws {
      let device = try open()
      let values = device.makeBuffer([1, 2, 3] as [Float])
      try device.synchronize()
      let first = DeviceError.commandFailed(device: device.info.name, call: "first", code: -5)
      device.queue.fail(first)
      device.queue.fail(.commandFailed(device: device.info.name, call: "second", code: -6))
      let allocations = device.memoryUse.allocations
      device.write([9, 9, 9] as [Float], to: values[...])
      device.elementwise(Fill(values[...], with: 7))
      device.elementwise(Fill(device.makeBuffer(.float32, count: 1_000_000)[...], with: 7))
      #expect(throws: first) { try device.synchronize() }
      #expect(throws: first) { try device.read(values[...]) }
      #expect(throws: first) { try device.synchronize() }
      #expect(device.memoryUse.allocations == allocations)
      // Another device on the same hardware is none the worse.
      let other = try open()
      #expect(try other.read(other.makeBuffer([4, 5] as [Float])[...]) == [4, 5])
    }

    @Test func memoryThatCannotBeHadIsAFailureAndNoTrap() throws {
      let device = try open()
      let bytes = 1 << 50
      let buffer = device.makeBuffer(.float32, count: bytes / 4)
      device.elementwise(Fill(buffer[0..<4], with: 1))
      #expect(throws: DeviceError.outOfMemory(device: device.info.name, requestedBytes: bytes)) {
        try device.synchronize()
      }
    }

    // MARK: Memory

    @Test func sizeClassesWasteAtMostAnEighth() {
      for bytes in [0, 1, 255, 256, 257, 4095, 4096, 4097, 100_003, 1 << 20, (1 << 20) + 1, 123_456_789] {
        let rounded = BufferPool.sizeClass(bytes)
        #expect(rounded >= bytes && rounded <= max(bytes + 256, bytes + bytes / 8), "\(bytes): \(rounded)")
        #expect(BufferPool.sizeClass(rounded) == rounded)
      }
    }

    @Test func aSettledLoopAllocatesNothing() throws {
      let device = try open()
      func step(rows: Int) throws {
        let columns = 96
        let input = Matrix(
          device.makeBuffer([Float](repeating: 1, count: rows * columns))[...], rows: rows, columns: columns)
        let output = Matrix(
          device.makeBuffer(.float32, count: rows * columns)[...], rows: rows, columns: columns)
        let sum = device.makeBuffer(.float32, count: columns)
        let square = Matrix(
          device.makeBuffer(.float32, count: rows * rows)[...], rows: rows, columns: rows)
        device.elementwise(Fill(sum[...], with: 0))
        device.softmax(Softmax(input, into: output))
        device.reduction(ColumnSum(output, into: sum[...]))
        device.matmul(Matmul(output, transposed: false, output, transposed: true, into: square))
        let total = try device.read(sum[...]).reduce(0, +)
        #expect(abs(total - Float(rows)) < 1e-3)
      }
      for rows in [40, 24, 40, 24] { try step(rows: rows) }
      let use = device.memoryUse
      for _ in 0..<20 { for rows in [40, 24] { try step(rows: rows) } }
      #expect(device.memoryUse == use)
      #expect(use.peakBytes >= use.bytes && use.bytes > 0 && use.allocations > 0)
    }

    /// A buffer is handed out again while commands that name it are still under way.
    @Test func memoryIsReusedInOrder() throws {
      let device = try open()
      let count = 300_000
      var sums: [BufferSlice] = []
      for round in 1...8 {
        let buffer = device.makeBuffer(.float32, count: count)
        device.elementwise(Fill(buffer[...], with: Float(round)))
        let sum = device.makeBuffer(.float32, count: 1)[...]
        device.reduction(Reduction(.sum, of: buffer[...], into: sum))
        sums.append(sum)
      }
      for (index, sum) in sums.enumerated() {
        #expect(try device.read(sum) == [Float((index + 1) * count)])
      }
    }

    /// Short writes are copied, long ones waited for; either way the host's memory is free on return.
    @Test(arguments: [1, 1000, 262_144, 262_145, 1_000_000])
    func theHostMayChangeWhatItWrote(count: Int) throws {
      let device = try open()
      let buffer = device.makeBuffer(.float32, count: count + 2)
      device.elementwise(Fill(buffer[...], with: -1))
      var values = (0..<count).map { Float($0) }
      device.write(values, to: buffer[1..<count + 1])
      values.withUnsafeMutableBufferPointer { $0.update(repeating: 5) }
      #expect(try device.read(buffer[...]) == [-1] + (0..<count).map { Float($0) } + [-1])
    }

    // MARK: Profile and kernel sets

    @Test func theProfileCountsLaunchesTimeAndWork() throws {
      let device = try open(profiling: true)
      let count = 100_000
      let buffer = device.makeBuffer(.float32, count: count)[...]
      for _ in 0..<3 { device.elementwise(Fill(buffer, with: 1)) }
      device.elementwise(Add(buffer, buffer, into: buffer))
      try device.synchronize()
      let profile = device.profile
      #expect(Set(profile.map(\.name)) == ["fill", "add"])
      #expect(profile.map(\.seconds) == profile.map(\.seconds).sorted(by: >))
      let fill = try #require(profile.first { $0.name == "fill" })
      #expect(fill.launches == 3)
      #expect(fill.seconds > 0 && fill.seconds < 60)
      #expect(fill.bytes == Double(3 * 4 * count))
      let add = try #require(profile.first { $0.name == "add" })
      #expect(add.launches == 1 && add.operations == Double(count) && add.bytes == Double(12 * count))
    }

    @Test func withoutProfilingThereIsNoProfile() throws {
      let device = try open()
      device.elementwise(Fill(device.makeBuffer(.float32, count: 10)[...], with: 1))
      try device.synchronize()
      #expect(device.profile.isEmpty)
    }

    @Test func forcedKernelsAreTheOnesThatRun() throws {
      func names(_ kernels: KernelSet) throws -> Set<String> {
        let device = try open(kernels, profiling: true)
        func matrix() -> Matrix {
          Matrix(device.makeBuffer([Float](repeating: 1, count: 400))[...], rows: 20, columns: 20)
        }
        device.matmul(Matmul(matrix(), matrix(), into: matrix()))
        try device.synchronize()
        return Set(device.profile.map(\.name))
      }
      let (cpu, gpu) = (try names(.cpu), try names(.gpu))
      #expect(!cpu.isEmpty && !gpu.isEmpty && cpu.isDisjoint(with: gpu))
      #expect(try names(.automatic) == (hardware[0].traits.isCPU ? cpu : gpu))
    }
  }
}

/// A machine without OpenCL.
@Suite struct MissingLibraryTests {
  @Test func aMissingLoaderIsOneLineAndNoDevices() {
    let missing = Result<OpenCLLibrary, OpenCLLibrary.Missing> { () throws(OpenCLLibrary.Missing) in
      try OpenCLLibrary(path: "/nowhere/libOpenCL.so.1")
    }
    let (hardware, note) = OpenCLHardware.all(in: missing)
    #expect(hardware.isEmpty)
    #expect(note?.contains("/nowhere/libOpenCL.so.1") == true)
    #expect(note?.contains("\n") == false)
  }

  /// Who names another library is told of that one.
  @Test func whatTheEnvironmentNamesIsNamed() {
    let (_, note) = OpenCLHardware.all(in: OpenCLLibrary.named("/nowhere.so"))
    #expect(note?.contains("ANTLM_OPENCL_LIBRARY is '/nowhere.so'") == true, "\(note ?? "")")
    #expect(note?.hasSuffix("or unset it") == true && note?.contains("\n") == false)
  }

  @Test func aLibraryThatIsNotOpenCLIsRefused() {
    #expect { try OpenCLLibrary(path: "libc.so.6") } throws: { "\($0)".contains("clGetPlatformIDs") }
  }
}
