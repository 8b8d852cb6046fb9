import AntDevice
import Foundation

/// PoCL writes every kernel it compiles to a folder, and ends the whole process where that disk is full. So room
/// is asked for before it is opened: a device that cannot be used is an error, or is passed over.
enum KernelCacheSpace {
  /// What the kernels of one device take, with room to spare.
  static let bytes = 16 << 20

  static func require(for info: DeviceInfo) throws {
    guard info.kind == .openCLCPU, info.driver.contains("Portable Computing Language") else { return }
    let folder = folder(ProcessInfo.processInfo.environment)
    guard let free = freeBytes(at: folder), free < bytes else { return }
    throw DeviceError.noRoomForKernels(device: info.name, folder: folder)
  }

  /// Where PoCL keeps its kernels.
  static func folder(_ environment: [String: String]) -> String {
    if let folder = environment["POCL_CACHE_DIR"] { return folder }
    if let folder = environment["XDG_CACHE_HOME"] { return folder + "/pocl/kcache" }
    if let home = environment["HOME"] { return home + "/.cache/pocl/kcache" }
    return "/tmp/pocl/kcache"
  }

  /// What is free on the disk that holds `path`, or would hold it.
  static func freeBytes(at path: String) -> Int? {
    var path = path
    var status = statvfs()
    while statvfs(path, &status) != 0 {
      guard errno == ENOENT, let slash = path.lastIndex(of: "/"), path.count > 1 else { return nil }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
