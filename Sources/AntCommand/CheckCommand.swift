import AntCheck
import AntDevice
import AntDevices
import AntFiles
import ArgumentParser
import Foundation

/// `antlm check`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks that a device computes correctly, operation by operation.",
    discussion: """
      Every operation runs on many shapes and is compared with the same in double
      precision; stray writes and results that change from run to run are found too.
      Exit code 1 if anything is wrong.

      Example: antlm check --device cpu --family matmul --family attention
      """)

  @OptionGroup var compute: DeviceOptionGroup

  @Option(help: "A family of operations, such as matmul; may be repeated. (default: all)")
  var family: [String] = []
  @Flag(help: "Small shapes only.")
  var quick = false
  @Flag(help: "Every device of the machine, not only one.")
  var all = false
  @Flag(help: "One JSON object an operation, and one for the verdict.")
  var json = false

  func validate() throws {
    if all && compute.device != nil { throw ValidationError("--all and --device exclude each other") }
  }

  func run() throws {
    let requests = all ? Devices.find().devices.map(\.identifier) : [compute.device ?? "auto"]
    var isRight = true
    for request in requests {
      // Also a device that fails its start-up check: this is where one sees how.
      let device = try compute.open(or: request, examined: false)
      let progress = Progress()
      let report = try Conformance.run(
        on: device, families: family.isEmpty ? nil : family, suite: quick ? .quick : nil
      ) { state in
        progress.show(
          "checked \(state.finished) of \(state.total): \(state.name)", done: state.finished, of: state.total)
      }
      progress.end()
      isRight = isRight && report.passed
      if json {
        for operation in report.operations { emit(object(operation, report.device)) }
        emit(verdict(report))
      } else {
        emit(report.table)
      }
      compute.printProfile(of: device)
    }
    if !isRight { throw ExitCode(1) }
  }

  private func object(_ operation: ConformanceReport.Operation, _ device: DeviceInfo) -> JSONObject {
    var object = JSONObject()
    object.set("device", device.identifier)
    object.set("family", operation.family)
    object.set("operation", operation.operation)
    object.set("cases", operation.cases)
    object.set("passed", operation.passed)
    object.set("worstRelativeError", operation.worstRelativeError)
    if let failure = operation.firstFailure { object.set("failure", "\(failure)") }
    return object
  }

  private func verdict(_ report: ConformanceReport) -> JSONObject {
    var object = JSONObject()
    object.set("device", report.device.identifier)
    object.set("name", report.device.name)
    object.set("cases", report.cases)
    object.set("passed", report.passedCases)
    object.set("correct", report.passed)
    object.set("verdict", report.verdict)
    return object
  }
}
