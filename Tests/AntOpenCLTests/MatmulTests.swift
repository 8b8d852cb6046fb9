import AntDevice
import Testing

@testable import AntOpenCL

extension KernelTests {
  @Suite struct MatmulTests {
    /// Large tiles only where C fills them and there are enough; slices of 512 terms or more, none of them empty; and no
    /// choice, wherever it was found, that the device has no local memory for.
    @Test(arguments: KernelSetUnderTest.gpu)
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
  }
}
