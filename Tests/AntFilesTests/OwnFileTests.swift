import AntTestSupport
import Foundation
import Testing

@testable import AntFiles

@Suite struct OwnFileTests {
  private let scratch = Scratch()

  @Test func filesAreOpenedAsEver() throws {
    let url = URL(filePath: try scratch.write("text", to: "file"))
    #expect(try FileSystem.read(own: url) == Data("text".utf8))
    #expect(try String(decoding: MappedFile(own: url).data, as: UTF8.self) == "text")
    let new = scratch.url.appending(path: "new")
    #expect(throws: FileError("read", new.path, code: ENOENT)) { try FileSystem.read(own: new) }
    close(try FileSystem.open(own: new, O_RDWR | O_CREAT))
    #expect(try FileSystem.read(own: new).isEmpty)
  }

  /// A pipe that nobody writes to is not waited at.
  @Test func otherThingsAreCalledWhatTheyAre() throws {
    let pipe = scratch.url.appending(path: "pipe")
    try #require(mkfifo(pipe.path, 0o600) == 0)
    for (url, found) in [(pipe, "a pipe or a device"), (scratch.url, "a folder")] {
      for flags in [O_RDONLY, O_WRONLY, O_RDWR | O_CREAT] {
        let error = #expect(throws: FileKindError.self) { try FileSystem.open(own: url, flags) }
        #expect(error?.path == url.path && error?.found == found, "\(url.path) \(flags)")
      }
      #expect(throws: FileKindError.self) { try FileSystem.read(own: url) }
      #expect(throws: FileKindError.self) { try MappedFile(own: url) }
    }
  }
}
