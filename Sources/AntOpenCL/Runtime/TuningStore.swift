import AntDevice
import AntFiles
import Foundation

/// What tuning found, on disk: a file for each device, driver and version of the kernels.
///
///     ~/.cache/antlm/tuning/….json    {"device", "driver", "kernels", "choices": {"class": [numbers]}}
struct TuningStore {
  private struct Contents: Codable {
    var device: String
    var driver: String
    var kernels: String
    var choices: [String: [Int]]
  }

  private let info: DeviceInfo
  private let url: URL
  /// Other kernels make other times.
  private static let kernels: String = {
    var hash = ContentHash()
    for file in ["matmul_cpu", "matmul_gpu", "matmul_tensor"] {
      Array((ProgramLibrary.source(file) ?? "").utf8).withUnsafeBytes { hash.combine($0) }
    }
    return hash.description
  }()

  init(_ info: DeviceInfo, in folder: URL = FileSystem.cacheFolder.appending(path: "tuning")) {
    self.info = info
    var hash = ContentHash()
    for part in [info.vendor, info.name, info.driver, Self.kernels] {
      Array(part.utf8).withUnsafeBytes { hash.combine($0) }
    }
    url = folder.appending(path: "\(hash).json")
  }

  /// What was found before; nothing where no file can be read or it is of something else.
  func read() -> Tuning {
    guard let data = try? FileSystem.read(own: url),
      let contents = try? JSONDecoder().decode(Contents.self, from: data), contents.device == info.name,
      contents.driver == info.driver, contents.kernels == Self.kernels
    else { return Tuning() }
    return Tuning(choices: contents.choices)
  }

  /// - Throws: `FileError`.
  func write(_ tuning: Tuning) throws {
    try FileSystem.makeFolder(url.deletingLastPathComponent())
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    let contents = Contents(
      device: info.name, driver: info.driver, kernels: Self.kernels, choices: tuning.choices)
    let file = try OutputFile(url)
    try file.write(String(decoding: encoder.encode(contents), as: UTF8.self) + "\n")
    try file.finish()
  }
}
