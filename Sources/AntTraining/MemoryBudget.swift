import AntDevice
import Foundation

/// How much memory this process may still take: the least of what the machine has free and of what the
/// control groups it runs in allow.
package enum MemoryBudget {
  /// Bytes and who sets the limit, for a device that computes in `info.memory`.
  package static func available(on info: DeviceInfo) -> (bytes: Int, place: String) {
    var budget = (bytes: info.memory > 0 ? info.memory : Int.max, place: info.name)
    guard info.kind != .gpu && info.kind != .accelerator else { return budget }
    if let free = machine(), free < budget.bytes { budget = (free, "the machine (free memory)") }
    if let free = controlGroup(), free < budget.bytes { budget = (free, "the control group (memory limit)") }
    return budget
  }

  /// Throws ``TrainingError/outOfMemory(needed:available:place:advice:)`` where `needed` bytes are not there.
  package static func require(_ needed: Int, on info: DeviceInfo, advice: (_ available: Int) -> String) throws
  {
    let (available, place) = available(on: info)
    guard needed > available else { return }
    throw TrainingError.outOfMemory(
      needed: needed, available: available, place: place, advice: advice(available))
  }

  /// `MemAvailable` of /proc/meminfo.
  package static func machine(_ path: String = "/proc/meminfo") -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return nil
  }

  /// What the tightest group of the process leaves, version 2 (`memory.max`) or 1 (`limit_in_bytes`).
  /// Page cache that the group could give back counts as free.
  package static func controlGroup(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup")
    -> Int?
  {
    guard let text = try? String(contentsOfFile: membership, encoding: .utf8) else { return nil }
    var least: Int?
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
      let top = isUnified ? root : root + "/memory"
      let names =
        isUnified ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
      var group = String(fields[2])
      while true {
        let folder = top + group
        if let limit = number(folder + "/" + names.0), let used = number(folder + "/" + names.1) {
          let free = max(0, limit - used + inactiveFiles(folder + "/memory.stat"))
          least = min(least ?? .max, free)
        }
        guard let slash = group.lastIndex(of: "/"), !group.isEmpty else { break }
        group = String(group[..<slash])
      }
    }
    return least
  }

  private static func number(_ path: String) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private static func inactiveFiles(_ path: String) -> Int {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, fields[0] == "inactive_file" || fields[0] == "total_inactive_file" {
        return Int(fields[1]) ?? 0
      }
    }
    return 0
  }
}
