import AntDevice
import AntDevices
import Testing

/// The example of the README.
@Test func theExampleMultiplies() throws {
  let device = try Devices.open("auto").device
  let a = Matrix(device.makeBuffer([1, 2, 3, 4] as [Float])[...], rows: 2, columns: 2)
  let c = Matrix(device.makeBuffer(.float32, count: 4)[...], rows: 2, columns: 2)
  device.matmul(Matmul(a, a, into: c))
  #expect(try device.read(c.storage) == [7, 10, 15, 22])
}
