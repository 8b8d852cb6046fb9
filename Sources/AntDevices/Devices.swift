import AntCPU
import AntDevice
import AntOpenCL

/// How a device is opened.
public struct DeviceOptions: Sendable {
  /// Threads of the CPU device; all cores where nil. OpenCL devices decide for themselves.
  public var threads: Int?
  /// Measures every kernel (see ``AntDevice/Device/profile``).
  public var profiling: Bool
  /// Which of its two kernel sets an OpenCL device runs.
  public var kernels: KernelSet

  public init(threads: Int? = nil, profiling: Bool = false, kernels: KernelSet = .automatic) {
    self.threads = threads
    self.profiling = profiling
    self.kernels = kernels
  }
}

/// Finds, ranks, checks and opens the devices of this machine: the one place that names every backend.
///
/// There is always a device: without a loader, a platform or a driver it is the built-in CPU, and the notes
/// say why.
public enum Devices {
  /// What a search found.
  public struct Found: Sendable {
    /// Best first: GPU, accelerator, OpenCL CPU, built-in CPU, and simulators last.
    public let devices: [DeviceInfo]
    /// A line for each reason why there are not more.
    public let notes: [String]
    let hardware: [OpenCLHardware]
  }

  /// What an opening gave.
  public struct Opened {
    public let device: any Device
    /// A line for each device that was passed over.
    public let notes: [String]
  }

  /// The devices of this machine, the best first, and why OpenCL has none where it has none.
  public static func find() -> Found {
    let (hardware, note) = OpenCLHardware.all()
    let ranked = (hardware.map(\.info) + [CPUDevice().info]).enumerated().sorted {
      (rank($0.element.kind), $0.offset) < (rank($1.element.kind), $1.offset)
    }
    return Found(devices: ranked.map(\.element), notes: note.map { [$0] } ?? [], hardware: hardware)
  }

  private static func rank(_ kind: DeviceInfo.Kind) -> Int {
    switch kind {
    case .gpu: 0
    case .accelerator: 1
    case .openCLCPU: 2
    case .cpu: 3
    case .simulator: 4
    }
  }

  /// Opens the device that `request` names and lets it prove that it computes.
  ///
  /// - Parameters:
  ///   - request: `auto` for the best one that passes; `cpu`; `opencl` for the best OpenCL device;
  ///     `opencl:1`; or part of a name, such as `nvidia`.
  ///   - examined: false opens a device that may fail its check, to look at what it does wrong.
  /// - Throws: ``DeviceError`` where nothing matches, or where a device asked for by name does not open or
  ///   fails its check. `auto` passes such devices over.
  public static func open(
    _ request: String = "auto", options: DeviceOptions = DeviceOptions(), examined: Bool = true
  ) throws -> Opened {
    let request = request.lowercased()
    if request == "cpu" { return Opened(device: builtIn(options), notes: []) }
    let found = find()
    let candidates = found.devices.filter { matches($0, request) }
    guard !candidates.isEmpty else {
      throw DeviceError.notFound(
        request: request, available: ["auto"] + found.devices.map { "\($0.identifier) (\($0.name))" })
    }
    var notes = found.notes
    for info in candidates {
      guard let hardware = found.hardware.first(where: { $0.info == info }) else {
        return Opened(device: builtIn(options), notes: notes)
      }
      do {
        let device = try OpenCLDevice(hardware, kernels: options.kernels, profiling: options.profiling)
        if examined { try KnownAnswers.check(device) }
        return Opened(device: device, notes: notes)
      } catch let error as DeviceError {
        guard request == "auto" else { throw error }
        notes.append("\(error)")
      }
    }
    throw DeviceError.notFound(request: request, available: found.devices.map(\.identifier))
  }

  private static func builtIn(_ options: DeviceOptions) -> CPUDevice {
    CPUDevice(threads: options.threads, profiling: options.profiling)
  }

  private static func matches(_ info: DeviceInfo, _ request: String) -> Bool {
    switch request {
    case "auto": info.kind != .simulator
    case "opencl": info.kind != .cpu && info.kind != .simulator
    default:
      info.identifier == request || (!request.isEmpty && info.name.lowercased().contains(request))
        || (!request.isEmpty && info.driver.lowercased().contains(request))
    }
  }
}
