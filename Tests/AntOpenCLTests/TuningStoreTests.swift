import AntDevice
import Foundation
import Testing

@testable import AntOpenCL

@Suite struct TuningStoreTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "antlm-tuning-\(UUID().uuidString)")

  private func info(_ driver: String) -> DeviceInfo {
    DeviceInfo(
      identifier: "opencl:0", name: "card", kind: .gpu, vendor: "maker", driver: driver, memory: 1,
      computeUnits: 1)
  }

  /// What was found is found again by the same device and driver, and by no other.
  @Test func keepsWhatWasFound() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let tuning = Tuning(choices: ["matmul tiled nn 128x128x512": [64, 4]])
    let store = TuningStore(info("1"), in: folder)
    #expect(store.read() == Tuning())
    try store.write(tuning)
    #expect(store.read() == tuning)
    #expect(TuningStore(info("2"), in: folder).read() == Tuning())
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      try Data("{\"choices\":".utf8).write(to: file)
    }
    #expect(store.read() == Tuning())
  }

  /// Numbers from a file that no choice has are none.
  @Test(arguments: [nil, [], [64], [63, 1], [64, 0], [128, 1 << 40], [24, 4, 192, 1]] as [[Int]?])
  func foreignNumbersAreNoChoice(numbers: [Int]?) {
    #expect(TiledChoice(numbers) == nil && PackedChoice(numbers) == nil)
  }

  @Test func everyChoiceIsReadAsItIsWritten() {
    #expect(TiledChoice.all.allSatisfy { TiledChoice($0.numbers) == $0 })
    #expect(PackedChoice.all.allSatisfy { PackedChoice($0.numbers) == $0 })
    #expect(TiledChoice.all.count <= 40 && PackedChoice.all.count <= 40)
  }
}
