import AntDevice
import AntDevices
import AntFiles
import ArgumentParser
import Foundation

extension KernelSet: ExpressibleByArgument {
  public init?(argument: String) {
    guard let set = Self.allCases.first(where: { $0.optionName == argument }) else { return nil }
    self = set
  }

  public static var allValueStrings: [String] { allCases.map(\.optionName) }

  /// As `--kernels` takes it and a run records it.
  var optionName: String { self == .automatic ? "auto" : "\(self)" }
}

/// Where to compute: the options every computing subcommand has.
struct DeviceOptionGroup: ParsableArguments {
  @Option(help: "auto, cpu, opencl, opencl:N or part of a device's name; see 'antlm devices'.")
  var device: String?

  @Option(help: "Threads of the built-in CPU device; results do not depend on it. (default: every core)")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Which kernels an OpenCL device runs: auto, cpu or gpu; for tests.", valueName: "auto|cpu|gpu"))
  var kernels: KernelSet?

  @Flag(help: "Print time, launches, GFLOP/s and GB/s per kernel at the end, most expensive first.")
  var profile = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be 1 to 1024")
    }
  }

  /// Opens what `--device` asks for, or `fallback` where it asks for nothing; says which devices were passed
  /// over.
  func open(or fallback: String = "auto", kernels recorded: KernelSet = .automatic, examined: Bool = true)
    throws -> any Device
  {
    let opened = try Devices.open(
      device ?? fallback,
      options: DeviceOptions(threads: threads, profiling: profile, kernels: kernels ?? recorded),
      examined: examined)
    for note in opened.notes { warn(note) }
    return opened.device
  }

  /// Prints the profile table to standard error where `--profile` asks for it.
  func printProfile(of device: any Device) {
    guard profile else { return }
    let kernels = device.profile.sorted { $0.seconds > $1.seconds }
    let total = kernels.reduce(0) { $0 + $1.seconds }
    var rows = [["kernel", "seconds", "share", "launches", "GFLOP/s", "GB/s"]]
    for kernel in kernels {
      func rate(_ amount: Double) -> String {
        amount > 0 && kernel.seconds > 0 ? String(format: "%.1f", amount / kernel.seconds / 1e9) : "-"
      }
      rows.append([
        kernel.name, String(format: "%.3f", kernel.seconds),
        String(format: "%.1f %%", total > 0 ? 100 * kernel.seconds / total : 0), "\(kernel.launches)",
        rate(kernel.operations), rate(kernel.bytes),
      ])
    }
    warn(table(rows))
  }
}

/// Columns as wide as their widest cell; the first is aligned left, the others right. Control characters in a cell are
/// shown.
func table(_ rows: [[String]]) -> String {
  let rows = rows.map { $0.map(\.printableOnOneLine) }
  let columns = rows.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  return rows.map { row in
    row.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return column == 0 ? cell + padding : padding + cell
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}
