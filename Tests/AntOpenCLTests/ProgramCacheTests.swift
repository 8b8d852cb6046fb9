import AntDevice
import AntFiles
import Foundation
import Testing

@testable import AntOpenCL

/// Programs are compiled once, and nothing that is not what was kept is ever run.
extension KernelTests {
  @Suite final class ProgramCacheTests {
    private let hardware = OpenCLHardware.all().hardware
    private let cache = ProgramCache(
      folder: FileManager.default.temporaryDirectory.appending(path: "antlm-programs-\(UUID().uuidString)"))

    deinit { try? FileManager.default.removeItem(at: cache.folder) }

    /// Computes something, and gives how many programs were compiled for it.
    private func run() throws -> Int {
      let device = try OpenCLDevice(hardware[0], programs: cache)
      let values = device.makeBuffer([1, 2, 3] as [Float])[...]
      device.elementwise(Scale(values, by: 2, into: values))
      #expect(try device.read(values) == [2, 4, 6])
      return device.programs.compilations
    }

    private func files() throws -> [URL] {
      try FileSystem.names(in: cache.folder).map { cache.folder.appending(path: $0) }
    }

    @Test func aSecondStartCompilesNothing() throws {
      #expect(try run() == 1)
      #expect(try files().count == 1)
      #expect(try run() == 0)
    }

    @Test func whatIsDamagedIsCompiledAgain() throws {
      #expect(try run() == 1)
      let file = try #require(try files().first)
      let whole = try Data(contentsOf: file)
      var damaged = [Data(), whole.prefix(10), whole.prefix(whole.count - 1), whole + [0]]
      for place in [0, 8, 16, 24, 32, 48, whole.count - 1] {
        var flipped = whole
        flipped[place] ^= 1
        damaged.append(flipped)
      }
      for bytes in damaged {
        try bytes.write(to: file)
        #expect(try run() == 1, "\(bytes.count) of \(whole.count) bytes")
        #expect(try Data(contentsOf: file).count == whole.count)
      }
    }

    /// A binary that the driver does not take, under the right key and hash.
    @Test func whatTheDriverRefusesIsCompiledAgain() throws {
      #expect(try run() == 1)
      let device = try OpenCLDevice(hardware[0], programs: cache)
      let key = ProgramCache.key(
        source: try #require(ProgramLibrary.source("elementwise")),
        options: "-cl-std=CL1.2 \(device.vectorOptions) ", info: device.info)
      #expect(cache.binary(key) != nil, "the key is another one")
      cache.keep(Array("no program at all".utf8), key)
      #expect(try run() == 1)
    }

    @Test func otherKeysAreOthers() {
      let info = hardware[0].info
      var other = info
      other.driver += "1"
      let keys = [
        ProgramCache.key(source: "a", options: "b", info: info),
        ProgramCache.key(source: "b", options: "b", info: info),
        ProgramCache.key(source: "a", options: "", info: info),
        ProgramCache.key(source: "a", options: "b", info: other),
      ]
      for (index, key) in keys.enumerated() { cache.keep([UInt8(index)], key) }
      for (index, key) in keys.enumerated() { #expect(cache.binary(key) == [UInt8(index)]) }
      // Another program under a name that happens to be the same is not taken for this one.
      try? FileManager.default.removeItem(at: cache.url(keys[1]))
      try? FileManager.default.copyItem(at: cache.url(keys[0]), to: cache.url(keys[1]))
      #expect(cache.binary(keys[1]) == nil)
    }

    @Test func aPlaceThatCannotBeWrittenCostsNothing() throws {
      let nowhere = ProgramCache(folder: URL(filePath: "/proc/antlm"))
      let device = try OpenCLDevice(hardware[0], programs: nowhere)
      let values = device.makeBuffer([1] as [Float])[...]
      device.elementwise(Scale(values, by: 2, into: values))
      #expect(try device.read(values) == [2])
    }

    /// PoCL keeps its own; a simulator gains nothing.
    @Test func whoKeepsPrograms() {
      func info(_ driver: String, _ kind: DeviceInfo.Kind) -> DeviceInfo {
        DeviceInfo(
          identifier: "opencl:0", name: "x", kind: kind, vendor: "y", driver: driver, memory: 1,
          computeUnits: 1)
      }
      #expect(ProgramCache.standard(for: info("Portable Computing Language 3.1", .openCLCPU)) == nil)
      #expect(ProgramCache.standard(for: info("Oclgrind 21.10", .simulator)) == nil)
      #expect(ProgramCache.standard(for: info("NVIDIA CUDA 550.54", .gpu)) != nil)
    }
  }
}
