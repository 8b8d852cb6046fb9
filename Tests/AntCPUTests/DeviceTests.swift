import AntCPU
import AntDevice
import Testing

struct DeviceTests {
  @Test
  func aSettledLoopAllocatesNothing() throws {
    let device = CPUDevice()
    func step() {
      let a = device.makeBuffer([Float](repeating: 1, count: 900))
      let b = device.makeBuffer(.float32, count: 900)
      device.matmul(
        Matmul(
          Matrix(a[...], rows: 30, columns: 30), Matrix(a[...], rows: 30, columns: 30),
          into: Matrix(b[...], rows: 30, columns: 30)))
      device.reduction(Reduction(.sum, of: b[...], into: a[0..<1]))
    }
    step()
    let settled = device.memoryUse
    #expect(settled.allocations > 0 && settled.bytes > 0 && settled.peakBytes >= settled.bytes)
    for _ in 0..<5 { step() }
    #expect(device.memoryUse == settled)
  }

  @Test
  func outOfMemoryIsSticky() throws {
    let device = CPUDevice()
    let small = device.makeBuffer([Float(1), 2])
    let huge = device.makeBuffer(.float32, count: 1 << 50)
    device.elementwise(Fill(huge[...], with: 0))
    device.elementwise(Fill(small[...], with: 0))
    let expected = DeviceError.outOfMemory(device: "cpu", requestedBytes: 1 << 52)
    #expect(throws: expected) { try device.synchronize() }
    #expect(throws: expected) { try device.read(small[...]) }
    #expect(throws: expected) { try device.synchronize() }
  }

  @Test
  func profileCountsWhatRan() throws {
    let device = CPUDevice(profiling: true)
    let x = Matrix(device.makeBuffer([Float](repeating: 1, count: 6))[...], rows: 2, columns: 3)
    let y = Matrix(device.makeBuffer(.float32, count: 4)[...], rows: 2, columns: 2)
    for _ in 0..<3 { device.matmul(Matmul(x, transposed: false, x, transposed: true, into: y)) }
    let entry = try #require(device.profile.first)
    #expect(entry.name == "matmul NT" && entry.launches == 3 && entry.operations == 3 * 24)
    #expect(CPUDevice().profile.isEmpty)
  }

  @Test
  func integersComeBack() throws {
    let device = CPUDevice()
    let buffer = device.makeBuffer([Int32.min, -1, 0, 7, Int32.max])
    #expect(try device.readIntegers(buffer[1..<5]) == [-1, 0, 7, Int32.max])
    #expect(try device.read(device.makeBuffer([Float]())[...]).isEmpty)
  }
}
