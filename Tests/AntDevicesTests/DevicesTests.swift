import AntCPU
import AntDevice
import Synchronization
import Testing

@testable import AntDevices

@Suite struct DevicesTests {
  private func candidate(
    _ identifier: String, _ kind: DeviceInfo.Kind, name: String? = nil, fails: Bool = false
  ) -> Devices.Found.Candidate {
    let info = DeviceInfo(
      identifier: identifier, name: name ?? identifier, kind: kind, vendor: "", driver: "Some Driver 1",
      memory: 0, computeUnits: 1)
    return Devices.Found.Candidate(info: info) { [opened] _ in
      if fails { throw DeviceError.commandFailed(device: identifier, call: "open", code: -1) }
      opened.value.withLock { $0 = identifier }
      return CPUDevice(threads: 1)
    }
  }

  /// What was opened last.
  private final class Opened: Sendable {
    let value = Mutex("")
  }

  private let opened = Opened()

  /// What was opened and what was said.
  private func open(_ request: String, _ found: Devices.Found) throws -> (name: String, notes: [String]) {
    let notes = try Devices.open(request, among: found, options: DeviceOptions()).notes
    return (opened.value.withLock { $0 }, notes)
  }

  @Test func theBestComesFirst() {
    let found = Devices.Found(
      [
        candidate("sim", .simulator), candidate("cpu", .cpu), candidate("opencl:0", .openCLCPU),
        candidate("opencl:1", .gpu), candidate("opencl:2", .accelerator), candidate("opencl:3", .gpu),
      ], notes: [])
    #expect(
      found.devices.map(\.identifier) == ["opencl:1", "opencl:3", "opencl:2", "opencl:0", "cpu", "sim"])
  }

  @Test func autoPassesOverWhatFailsAndSaysSo() throws {
    let found = Devices.Found(
      [candidate("cpu", .cpu), candidate("opencl:0", .gpu, fails: true), candidate("sim", .simulator)],
      notes: ["a note"])
    let (name, notes) = try open("auto", found)
    #expect(name == "cpu" && notes.count == 2 && notes[0] == "a note" && notes[1].contains("open failed"))
    #expect(throws: DeviceError.commandFailed(device: "opencl:0", call: "open", code: -1)) {
      try open("opencl", found)
    }
    #expect(try open("SIM", found).name == "sim")
  }

  @Test func namesAndPartsOfThemAreFound() throws {
    let found = Devices.Found(
      [candidate("cpu", .cpu), candidate("opencl:0", .gpu, name: "Big Card"), candidate("opencl:1", .gpu)],
      notes: [])
    for (request, name) in [
      ("auto", "opencl:0"), ("opencl", "opencl:0"), ("opencl:1", "opencl:1"), ("big", "opencl:0"),
      ("some driver", "opencl:0"), ("cpu", "cpu"),
    ] {
      #expect(try open(request, found).name == name)
    }
  }

  /// Whoever asks for OpenCL by whatever name is told why there is none.
  @Test(arguments: ["opencl", "opencl:0", "nvidia"]) func theReasonIsNotLost(request: String) {
    let found = Devices.Found([candidate("cpu", .cpu)], notes: ["no OpenCL platform: no driver"])
    let error = #expect(throws: DeviceError.self) { try open(request, found) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("'\(request)': no OpenCL platform: no driver; available: auto, cpu"), "\(text)")
  }
}
