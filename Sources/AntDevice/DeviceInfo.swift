/// What a device is: enough to choose one, to print it and to record it beside a result.
public struct DeviceInfo: Sendable, Equatable, Codable {
  /// What computes.
  public enum Kind: String, Sendable, Codable {
    case gpu, accelerator
    /// A CPU behind OpenCL.
    case openCLCPU
    /// The built-in fallback.
    case cpu
    /// A checking tool such as Oclgrind: correct, slow, never chosen unless asked for.
    case simulator
  }

  /// How `--device` names it: `cpu`, `opencl:0`, …
  public var identifier: String
  public var name: String
  public var kind: Kind
  public var vendor: String
  /// Driver and its version, as the driver says them.
  public var driver: String
  /// Bytes of memory the device can address.
  public var memory: Int
  public var computeUnits: Int

  public init(
    identifier: String, name: String, kind: Kind, vendor: String, driver: String, memory: Int,
    computeUnits: Int
  ) {
    self.identifier = identifier
    self.name = name
    self.kind = kind
    self.vendor = vendor
    self.driver = driver
    self.memory = memory
    self.computeUnits = computeUnits
  }
}

/// Device memory held for buffers.
public struct MemoryUse: Sendable, Equatable {
  /// Bytes held from the system now, whether in use or waiting in the pool.
  public var bytes: Int
  /// The most bytes ever held at once.
  public var peakBytes: Int
  /// How often memory was asked of the system. A settled loop leaves this unchanged.
  public var allocations: Int

  public init(bytes: Int = 0, peakBytes: Int = 0, allocations: Int = 0) {
    self.bytes = bytes
    self.peakBytes = peakBytes
    self.allocations = allocations
  }
}

/// What one kernel cost while profiling was on.
public struct KernelProfile: Sendable, Equatable {
  public var name: String
  public var launches: Int
  public var seconds: Double
  /// Floating point operations done; 0 where counting them says nothing.
  public var operations: Double
  /// Bytes that had to be read and written at least once.
  public var bytes: Double

  public init(name: String, launches: Int, seconds: Double, operations: Double, bytes: Double) {
    self.name = name
    self.launches = launches
    self.seconds = seconds
    self.operations = operations
    self.bytes = bytes
  }
}
