import Foundation

/// A folder that is removed with the last reference.
package final class Scratch {
  package let url: URL

  package init() {
    url = FileManager.default.temporaryDirectory.appending(path: "antlm-tests-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  package func path(_ name: String) -> String { url.appending(path: name).path }

  /// Writes a file and gives its path.
  package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    try Data(bytes).write(to: url.appending(path: name))
    return path(name)
  }

  package func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }
}
