import AntDevice
import AntTestSupport
import Foundation
import Testing

@testable import AntTraining

@Suite struct MemoryBudgetTests {
  private let scratch = Scratch()

  private func folder(_ name: String, _ files: [String: String]) throws {
    let url = scratch.url.appending(path: name)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for (file, text) in files { try Data(text.utf8).write(to: url.appending(path: file)) }
  }

  @Test func theTightestGroupCounts() throws {
    try folder("", ["memory.max": "max\n", "memory.current": "5\n"])
    try folder(
      "a", ["memory.max": "1000\n", "memory.current": "900\n", "memory.stat": "anon 1\ninactive_file 300\n"])
    try folder("a/b", ["memory.max": "5000\n", "memory.current": "100\n"])
    let membership = try scratch.write("0::/a/b\n", to: "cgroup")
    #expect(MemoryBudget.controlGroup(root: scratch.url.path, membership: membership) == 400)
    let top = try scratch.write("0::/\n", to: "cgroup")
    #expect(MemoryBudget.controlGroup(root: scratch.url.path, membership: top) == nil)
  }

  @Test func versionOneToo() throws {
    try folder("memory/job", ["memory.limit_in_bytes": "2000\n", "memory.usage_in_bytes": "500\n"])
    let membership = try scratch.write("3:cpu:/other\n4:memory:/job\n", to: "cgroup")
    #expect(MemoryBudget.controlGroup(root: scratch.url.path, membership: membership) == 1500)
  }

  @Test func freeMemory() throws {
    let path = try scratch.write("MemTotal: 10 kB\nMemAvailable:   7 kB\n", to: "meminfo")
    #expect(MemoryBudget.machine(path) == 7168)
    #expect(MemoryBudget.machine(scratch.path("nothing")) == nil)
  }

  @Test func aGPUHasItsOwn() {
    let gpu = DeviceInfo(
      identifier: "opencl:0", name: "G", kind: .gpu, vendor: "", driver: "", memory: 1 << 50, computeUnits: 1)
    #expect(MemoryBudget.available(on: gpu).bytes == 1 << 50)
  }
}
