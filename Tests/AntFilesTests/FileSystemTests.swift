import AntTestSupport
import Foundation
import Synchronization
import Testing

@testable import AntFiles

@Suite struct FileErrorTests {
  /// Permissions are blamed where the system blames them, and nothing else is.
  @Test func advisesWhatHelps() {
    for code in 1...133 as ClosedRange<Int32> {
      let text = FileError("read", "a", code: code).description
      #expect(text.contains("permissions") == [EACCES, EPERM].contains(code), "\(text)")
      #expect(text.hasPrefix("cannot read a: ") && text.contains("; "), "\(text)")
    }
    #expect(FileError("write", "a", code: ENOSPC).advice.contains("free some space"))
    #expect(FileError("write", "a", code: EMFILE).advice.contains("ulimit -n"))
  }
}

/// File systems that cannot do all that ext4 can.
@Suite struct LessAbleFileSystemTests {
  private let scratch = Scratch()

  /// What `..` leads to is unknown where there is nothing before it: such a folder is refused, whatever was asked first.
  @Test(arguments: ["missing/..", "missing/../run", "missing/../../x"]) func noFolderBehindNothing(
    path: String
  ) {
    let place = scratch.path("none") + "/" + path
    let error = #expect(throws: FileError.self) { try FileSystem.makeFolder(FileSystem.url(place)) }
    #expect(error?.code == ENOENT)
  }

  @Test func onlyFailuresOfTheDiskAreFailuresToSynchronize() {
    for code in [EINVAL, ENOSYS, EOPNOTSUPP, EBADF, EACCES, EPERM] {
      #expect(FileSystem.isRefusalToSynchronize(code))
    }
    for code in [EIO, ENOSPC, EDQUOT, EINTR] { #expect(!FileSystem.isRefusalToSynchronize(code)) }
  }

  @Test func aPipeCannotBeSynchronized() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    try FileSystem.synchronize(ends[1], path: "a pipe")
  }

  @Test func onlyOneAnswerMeansAnotherProcess() {
    func outcome(_ codes: Int32...) -> FileLock.Outcome {
      var rest = codes[...]
      return FileLock.take(path: "a") {
        guard let code = rest.popFirst() else { return 0 }
        errno = code
        return -1
      }
    }
    #expect(outcome() == .taken)
    #expect(outcome(EINTR, EINTR) == .taken)
    #expect(outcome(EWOULDBLOCK) == .held)
    for code in [ENOLCK, ENOSYS, EOPNOTSUPP, EIO, EBADF] {
      #expect(outcome(code) == .unavailable(FileError("lock", "a", code: code)))
    }
  }

  @Test(arguments: [ENODEV, ENOMEM, EACCES]) func whatCannotBeMappedIsRead(code: Int32) throws {
    let path = try scratch.write("text", to: "a")
    let file = try MappedFile(SystemPath(path).openForReading(), path: path) { _, _ in
      errno = code
      return UnsafeMutableRawPointer(bitPattern: -1)
    }
    #expect(String(decoding: file.bytes, as: UTF8.self) == "text")
    #expect(try String(decoding: MappedFile(SystemPath(path)).data, as: UTF8.self) == "text")
    #expect(try MappedFile(SystemPath(scratch.write("", to: "empty"))).data.isEmpty)
    #expect(throws: FileError("read", scratch.url.path, code: EISDIR)) {
      try MappedFile(SystemPath(scratch.url.path))
    }
  }

  @Test func aPipeIsRead() throws {
    let path = scratch.path("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    Thread.detachNewThread { try? FileSystem.write(Data("through a pipe".utf8), to: URL(filePath: path)) }
    #expect(try String(decoding: MappedFile(SystemPath(path)).data, as: UTF8.self) == "through a pipe")
  }

  @Test func removesFoldersAndSaysWhatItCannot() throws {
    let folder = scratch.url.appending(path: "a")
    try FileSystem.makeFolder(folder.appending(path: "b/c"))
    _ = try scratch.write("kept", to: "kept")
    try FileSystem.link(folder.appending(path: "b/link"), to: "../../kept")
    try FileSystem.remove(folder)
    #expect(try FileSystem.names(in: scratch.url) == ["kept"])
    #expect(throws: FileError("remove", folder.path, code: ENOENT)) { try FileSystem.remove(folder) }
  }

  @Test func aLongNameHasRoomForATemporaryOne() throws {
    for name in [String(repeating: "x", count: 255), String(repeating: "ä", count: 127)] {
      try FileSystem.write(Data("a".utf8), to: scratch.url.appending(path: name))
      #expect(try FileSystem.names(in: scratch.url).contains(name))
    }
  }
}

@Suite struct SystemPathTests {
  private let scratch = Scratch()

  /// What `..` means depends on where the links before it lead.
  @Test func resolvesDotsAsTheSystemDoes() throws {
    let root = FileSystem.resolvingLinks(scratch.url).path
    try FileSystem.makeFolder(URL(filePath: root + "/real/deep"))
    try FileSystem.link(URL(filePath: root + "/link"), to: "real/deep")
    _ = try scratch.write("beside", to: "real/file")
    #expect(FileSystem.url(root + "/link/../file").path == root + "/real/file")
    #expect(FileSystem.url("link/../file", relativeTo: URL(filePath: root)).path == root + "/real/file")
    #expect(FileSystem.url(root + "/./link//x").path == root + "/link/x")
    #expect(FileSystem.url(root + "/real/deep/../../link/../new").path == root + "/real/new")
    #expect(FileSystem.url("/../..").path == "/" && FileSystem.url("/").path == "/")
    // Through what is no folder there is no way.
    for path in ["/none/../real/file", "/real/file/../file"] {
      #expect(throws: FileError.self) { try FileSystem.read(FileSystem.url(root + path)) }
    }
    let working = FileSystem.url("a/b").path
    #expect(working == FileManager.default.currentDirectoryPath + "/a/b")
    try FileSystem.write(Data("new".utf8), to: FileSystem.url(root + "/link/../file"))
    #expect(try FileSystem.read(URL(filePath: root + "/real/file")) == Data("new".utf8))
  }

  @Test func writesThroughLinks() throws {
    let root = FileSystem.resolvingLinks(scratch.url)
    try FileSystem.makeFolder(root.appending(path: "far"))
    try FileSystem.link(root.appending(path: "near"), to: "far/away")
    #expect(FileSystem.resolvingLinks(root.appending(path: "near")) == root.appending(path: "far/away"))
    try FileSystem.write(Data("a".utf8), to: root.appending(path: "near"))
    #expect(FileSystem.target(of: root.appending(path: "near")) == "far/away")
    #expect(try FileSystem.read(root.appending(path: "far/away")) == Data("a".utf8))
    try FileSystem.link(root.appending(path: "round"), to: "round")
    #expect(throws: FileError.self) { try FileSystem.write(Data(), to: root.appending(path: "round")) }
  }

  /// Names are bytes: a file called in Latin-1 is a file.
  @Test func readsNamesOfAnyBytes() throws {
    let name = Array("caf".utf8) + [0xE9] + Array(".txt".utf8)
    let path = Array(scratch.url.path.utf8) + Array("/".utf8) + name
    try (path + [0]).withUnsafeBytes {
      let descriptor = open($0.assumingMemoryBound(to: CChar.self).baseAddress!, O_WRONLY | O_CREAT, 0o600)
      try #require(descriptor >= 0)
      try FileSystem.write(UnsafeRawBufferPointer(start: $0.baseAddress, count: 3), to: descriptor, path: "a")
      close(descriptor)
    }
    _ = try scratch.write("b", to: "b.txt")
    _ = try scratch.write("c", to: "c.other")
    _ = try scratch.write("d", to: ".hidden.txt")
    try FileSystem.makeFolder(scratch.url.appending(path: "folder.txt"))
    let said = Mutex<[String]>([])
    let files = try Notices.$current.withValue(Notices { line in said.withLock { $0.append(line) } }) {
      try FileSystem.files(in: SystemPath(scratch.url.path), ending: ".txt")
    }
    #expect(files.map(\.name.description) == ["b.txt", "caf\\xe9.txt"])
    #expect(files[1].string == nil && files[0].string != nil)
    #expect(try FileSystem.read(files[1]) == Data(Array(path.prefix(3))))
    #expect(said.withLock { $0.count } == 1)
    let notice = said.withLock { $0.first ?? "" }
    #expect(notice.contains("left out: 'c.other', 'folder.txt'") && !notice.contains("hidden"), "\(notice)")
  }

  @Test func tellsOneFileByAllItsNames() throws {
    let path = try scratch.write("a", to: "a")
    try FileSystem.link(scratch.url.appending(path: "b"), to: "a")
    #expect(SystemPath(path).identity == SystemPath(scratch.path("b")).identity)
    #expect(SystemPath(path).identity != nil && SystemPath(scratch.path("c")).identity == nil)
  }
}

@Suite struct PrintableTests {
  @Test func showsWhatWouldCommandATerminal() {
    #expect("\u{1b}[31mred\u{7}\u{7f}".printable == "\\u001b[31mred\\u0007\\u007f")
    #expect("a\u{9b}2J\u{85}".printable == "a\\u009b2J\\u0085")
    #expect("\u{202e}txt.exe\u{2066}".printable == "\\u202etxt.exe\\u2066")
    #expect("a\tb\n".printable == "a\tb\n" && "a\tb\n".printableOnOneLine == "a\\u0009b\\u000a")
    #expect("a\r\nb".printable == "a\\u000d\nb")
    for text in ["", "naïve 🐜 日本", "e\u{301}\u{200f}א"] { #expect(text.printable == text) }
    #expect(String(escapingInvalid: [0x61, 0xE9, 0xC3, 0xA9, 0xFF]) == "a\\xe9é\\xff")
    #expect(JSONObject.quoted("\u{9b}\u{7f}\u{1b}") == "\"\\u009b\\u007f\\u001b\"")
  }
}

@Suite struct NoticesTests {
  @Test func saysEachLineOnce() {
    let said = Mutex<[String]>([])
    Notices.$current.withValue(Notices { line in said.withLock { $0.append(line) } }) {
      for line in ["a", "b", "a"] { Notices.say(line) }
    }
    #expect(said.withLock { $0 } == ["a", "b"])
  }
}
