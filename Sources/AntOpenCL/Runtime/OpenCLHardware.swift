import AntDevice
import CAntOpenCL

/// A device as an OpenCL platform offers it, before it is opened.
public struct OpenCLHardware: @unchecked Sendable {
  // Unchecked: platform and device ids are plain names that live as long as the process.
  let library: OpenCLLibrary
  let device: cl_device_id
  public let info: DeviceInfo
  public let traits: Traits

  /// What kernels are shaped by.
  public struct Traits: Sendable, Equatable {
    /// Runs work-items as loops on CPU cores: fat single work-items suit it, work-groups do not.
    public var isCPU: Bool
    /// Floats in one vector register: 16 with AVX-512, 8 with AVX2, 4 with SSE or NEON; 1 on GPUs.
    public var vectorWidth: Int
    public var maximumWorkGroupSize: Int
    /// Bytes of local memory a work-group may use.
    public var localMemory: Int
    public var computeUnits: Int
    /// Of NVIDIA's: 80 for 8.0; 0 on other devices.
    public var computeCapability: Int
  }

  // Device queries of the extension cl_nv_device_attribute_query, which not every set of headers names.
  private static let computeCapabilityMajor: Int32 = 0x4000
  private static let computeCapabilityMinor: Int32 = 0x4001

  /// Every device of every platform, in the platforms' order; empty, with the reason, where there is none.
  public static func all() -> (hardware: [OpenCLHardware], note: String?) { all(in: OpenCLLibrary.shared) }

  static func all(in library: Result<OpenCLLibrary, OpenCLLibrary.Missing>) -> (
    hardware: [OpenCLHardware], note: String?
  ) {
    let loaded: OpenCLLibrary
    switch library {
    case .success(let library): loaded = library
    case .failure(let missing): return ([], missing.description)
    }
    let cl = loaded.functions
    var platformCount: cl_uint = 0
    _ = cl.clGetPlatformIDs(0, nil, &platformCount)
    guard platformCount > 0 else {
      return ([], "no OpenCL platform: libOpenCL is there, a driver is not (pocl-opencl-icd is one for CPUs)")
    }
    var platforms = [cl_platform_id?](repeating: nil, count: Int(platformCount))
    _ = cl.clGetPlatformIDs(platformCount, &platforms, nil)

    var hardware: [OpenCLHardware] = []
    for platform in platforms {
      var deviceCount: cl_uint = 0
      guard
        cl.clGetDeviceIDs(platform, cl_device_type(CL_DEVICE_TYPE_ALL), 0, nil, &deviceCount) == CL_SUCCESS
      else { continue }
      var devices = [cl_device_id?](repeating: nil, count: Int(deviceCount))
      _ = cl.clGetDeviceIDs(platform, cl_device_type(CL_DEVICE_TYPE_ALL), deviceCount, &devices, nil)
      let name = text { cl.clGetPlatformInfo(platform, cl_platform_info(CL_PLATFORM_NAME), $0, $1, $2) }
      for case let device? in devices {
        hardware.append(
          OpenCLHardware(loaded, device, platform: name, identifier: "opencl:\(hardware.count)"))
      }
    }
    return (hardware, hardware.isEmpty ? "no OpenCL device on any platform" : nil)
  }

  private init(_ library: OpenCLLibrary, _ device: cl_device_id, platform: String, identifier: String) {
    let cl = library.functions
    func string(_ parameter: Int32) -> String {
      Self.text { cl.clGetDeviceInfo(device, cl_device_info(parameter), $0, $1, $2) }
    }
    func number<Value: FixedWidthInteger>(_ parameter: Int32, _: Value.Type) -> Int {
      var value = Value.zero
      _ = cl.clGetDeviceInfo(device, cl_device_info(parameter), MemoryLayout<Value>.size, &value, nil)
      return Int(truncatingIfNeeded: value)
    }
    let type = cl_device_type(truncatingIfNeeded: number(CL_DEVICE_TYPE, cl_device_type.self))
    func has(_ flag: Int32) -> Bool { type & cl_device_type(flag) != 0 }
    // Oclgrind claims to be a CPU, a GPU and an accelerator at once.
    let isSimulator = platform.contains("Oclgrind") || string(CL_DEVICE_NAME).contains("Oclgrind")
    let kind: DeviceInfo.Kind =
      isSimulator
      ? .simulator
      : has(CL_DEVICE_TYPE_GPU) ? .gpu : has(CL_DEVICE_TYPE_ACCELERATOR) ? .accelerator : .openCLCPU

    let isNVIDIA = string(CL_DEVICE_EXTENSIONS).contains("cl_nv_device_attribute_query")
    let computeCapability =
      isNVIDIA
      ? 10 * number(Self.computeCapabilityMajor, cl_uint.self)
        + number(Self.computeCapabilityMinor, cl_uint.self) : 0

    self.library = library
    self.device = device
    self.info = DeviceInfo(
      identifier: identifier, name: string(CL_DEVICE_NAME), kind: kind, vendor: string(CL_DEVICE_VENDOR),
      driver: "\(platform) \(string(CL_DRIVER_VERSION))",
      memory: number(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong.self),
      computeUnits: number(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint.self))
    self.traits = Traits(
      isCPU: kind == .openCLCPU || kind == .simulator,
      vectorWidth: max(1, number(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint.self)),
      maximumWorkGroupSize: number(CL_DEVICE_MAX_WORK_GROUP_SIZE, Int.self),
      localMemory: number(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong.self),
      computeUnits: number(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint.self), computeCapability: computeCapability)
  }

  /// Asks twice, as OpenCL wants it: for the length, then for the text.
  private static func text(
    _ ask: (_ size: Int, _ value: UnsafeMutableRawPointer?, _ length: UnsafeMutablePointer<Int>?) -> cl_int
  ) -> String {
    var length = 0
    guard ask(0, nil, &length) == CL_SUCCESS, length > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: length)
    guard bytes.withUnsafeMutableBytes({ ask(length, $0.baseAddress, nil) }) == CL_SUCCESS else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
