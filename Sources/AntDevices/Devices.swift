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
    /// A device that can be opened.
    struct Candidate: Sendable {
      var info: DeviceInfo
      /// Whether it must prove that it computes.
      var isExamined = true
      var open: @Sendable (DeviceOptions) throws -> any Device
    }

    /// Best first.
    let candidates: [Candidate]
    /// A line for each reason why there are not more.
    public let notes: [String]

    /// - Parameter candidates: in any order; equals keep theirs.
    init(_ candidates: [Candidate], notes: [String]) {
      self.candidates = candidates.enumerated().sorted {
        (Devices.rank($0.element.info.kind), $0.offset) < (Devices.rank($1.element.info.kind), $1.offset)
      }.map(\.element)
      self.notes = notes
    }

    /// Best first: GPU, accelerator, OpenCL CPU, built-in CPU, and simulators last.
    public var devices: [DeviceInfo] { candidates.map(\.info) }
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
    let candidates = hardware.map { hardware in
      Found.Candidate(info: hardware.info) {
        try OpenCLDevice(hardware, kernels: $0.kernels, profiling: $0.profiling)
      }
    }
    return Found(candidates + [builtIn], notes: note.map { [$0] } ?? [])
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
    // The built-in one is there without a search, which loads drivers.
    let found = request.lowercased() == "cpu" ? Found([builtIn], notes: []) : find()
    return try open(request, among: found, options: options, examined: examined)
  }

  static func open(_ request: String, among found: Found, options: DeviceOptions, examined: Bool = true)
    throws -> Opened
  {
    let request = request.lowercased()
    var notes = found.notes
    for candidate in found.candidates where matches(candidate.info, request) {
      do {
        let device = try candidate.open(options)
        if examined && candidate.isExamined { try KnownAnswers.check(device) }
        return Opened(device: device, notes: notes)
      } catch let error as DeviceError {
        guard request == "auto" else { throw error }
        notes.append("\(error)")
      }
    }
    throw DeviceError.notFound(
      request: request, available: ["auto"] + found.devices.map { "\($0.identifier) (\($0.name))" },
      reasons: found.notes)
  }

  private static var builtIn: Found.Candidate {
    Found.Candidate(info: CPUDevice().info, isExamined: false) {
      CPUDevice(threads: $0.threads, profiling: $0.profiling)
    }
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
