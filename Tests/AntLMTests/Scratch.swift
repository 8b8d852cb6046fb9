import Foundation

/// A folder that is removed with the last reference.
final class Scratch {
  let url: URL

  init() {
    url = FileManager.default.temporaryDirectory.appending(path: "antlm-tests-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: url.appending(path: name))
    return path(name)
  }
}
