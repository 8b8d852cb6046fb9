import AntTestSupport
import Foundation
import Testing

/// What the shell, the terminal and the file system around a command bring along.
@Suite struct SurroundingsTests {
  private let terminal = Terminal()

  /// What nohup and shells had ignored stays so; what they had not stops a run.
  @Test(arguments: [(SIGHUP, "HUP"), (SIGINT, "INT"), (SIGTERM, "TERM")])
  func signalsIgnoredAtTheStartStayIgnored(number: Int32, name: String) throws {
    try terminal.prepare()
    for isIgnored in [true, false] {
      let running = try terminal.start(
        terminal.training("run-\(isIgnored)", schedule: "900000s_CLM"),
        shell: isIgnored ? "trap '' \(name)" : nil)
      defer { running.send(SIGKILL) }
      try #require(waits { running.hasSaid("step ") })
      running.send(number)
      if isIgnored {
        Thread.sleep(forTimeInterval: 0.3)
        #expect(running.process.isRunning && !running.hasSaid("stopping"))
      } else {
        #expect(try running.wait().output.contains("stopped after step"))
      }
    }
  }

  private func waits(_ condition: () -> Bool) -> Bool {
    for _ in 0..<600 where !condition() { Thread.sleep(forTimeInterval: 0.05) }
    return condition()
  }

  /// What a file says is no command to the terminal, and no other bytes to a program that reads.
  @Test func controlCharactersAreShownOnATerminal() throws {
    try terminal.prepare()
    _ = try terminal.antlm(terminal.training("run", schedule: "1s_CLM"))
    try terminal.write(Data("The \u{1b}[31mdog\u{9b}2J\u{7f} runs.\n".utf8), to: "text")
    let score = ["score", "run", "--scoring", "causal", "text", "--device", "cpu"]
    #expect(try terminal.antlm(score).output.contains("The \u{1b}[31mdog\u{9b}2J\u{7f} runs."))

    // A terminal of our own: its number, unlocked.
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var number: Int32 = 0
    var lock: Int32 = 0
    #expect(
      ioctl(master, 0x8004_5430 as UInt, &number) == 0 && ioctl(master, 0x4004_5431 as UInt, &lock) == 0)
    let name = "/dev/pts/\(number)"
    // Kept open, so that what was written can be read after the command's end.
    let keeper = open(name, O_RDWR | O_NOCTTY)
    defer { for descriptor in [master, keeper] { close(descriptor) } }
    #expect(try terminal.antlm(score, shell: "exec >\(name)").code == 0)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let shown = String(decoding: bytes[..<max(0, read(master, &bytes, bytes.count))], as: UTF8.self)
    #expect(shown.contains("The \\u001b[31mdog\\u009b2J\\u007f runs."), "\(shown)")

    // Errors and tables are for people in any case.
    let error = try terminal.antlm("score", "run", "--scoring", "causal", "no\u{1b}[2Jfile")
    expectRefusal(error, code: 1, "no\\u001b[2Jfile")
    try terminal.write(
      Data(#"{"sentence_good":"a","sentence_bad":"b","UID":"\u001b[31mred\n"}"#.utf8), to: "pairs")
    let pairs = try terminal.antlm("eval", "pairs", "run", "pairs", "--scoring", "causal", "--device", "cpu")
    #expect(pairs.output.contains(#"\u001b[31mred\u000a "#), "\(pairs)")
  }

  @Test func argumentsAreTakenAsTheyAre() throws {
    expectRefusal(
      try terminal.antlm("score", "run", "--scoring", "causal", shell: #"set -- "$@" "$(printf 'caf\351')""#),
      code: 2, "argument 5, 'caf\\xe9', is not UTF-8")
    expectRefusal(
      try terminal.antlm("generate", "run", "--prompt", "-it's"), code: 2, #"given as '--prompt=-it'\''s'"#)
    expectRefusal(try terminal.antlm("fill", "run", "-x [MASK]"), code: 2, "comes last, after --")
    expectRefusal(try terminal.antlm("corpus", "--out", "-"), code: 2, "standard output")
    expectRefusal(try terminal.antlm("corpus", "--out", "new/"), code: 2, "names a folder")
    for shell in ["exec >here", "exec >>here"] {
      expectRefusal(
        try terminal.antlm("corpus", "--out", "/dev/stdout", shell: shell), code: 2,
        "where this command prints")
    }
  }

  /// `link/../file` lies beside what the link points at.
  @Test func pathsAreTheSystems() throws {
    try FileManager.default.createDirectory(
      atPath: terminal.path("real/deep"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: terminal.path("link"), withDestinationPath: "real/deep")
    #expect(try terminal.antlm("corpus", "--sentences", "3", "--out", "link/../c.txt").code == 0)
    #expect(terminal.exists("real/c.txt") && !terminal.exists("c.txt"))
    let trained = try terminal.antlm(
      "tokenizer", "train", "--vocab", "280", "--out", "link/../t.json", "link/../c.txt")
    #expect(trained.code == 0 && terminal.exists("real/t.json"), "\(trained.errors)")
  }

  /// A folder whose name is no UTF-8 can be worked in.
  @Test func worksWhereverItStands() throws {
    let shell = #"folder="$(printf 'caf\351')"; mkdir "$folder"; cd "$folder""#
    try terminal.prepare()
    #expect(try terminal.antlm("corpus", "--sentences", "3", "--out", "c.txt", shell: shell).code == 0)
    let read = try terminal.antlm(
      "tokenizer", "train", "--vocab", "280", "--out", "t.json", "c.txt", shell: #"cd "$(printf 'caf\351')""#)
    #expect(read.code == 0, "\(read.errors)")
  }

  /// Standard input and pipes are files like others; what came through them is named where it is missed.
  @Test func textMayComeThroughAPipe() throws {
    try terminal.prepare()
    for path in ["-", "/dev/stdin", "/dev/fd/0"] {
      let trained = try terminal.antlm(
        "tokenizer", "train", "--vocab", "300", "--out", "piped.json", path,
        shell: #"cat train.txt | "$0" "$@"; exit"#)
      #expect(trained.code == 0, "\(trained.errors)")
      #expect(try terminal.read("piped.json") == terminal.read("tok.json"))
    }
    var training = terminal.training("run", schedule: "2s_CLM")
    training[try #require(training.firstIndex(of: "train.txt"))] = "-"
    #expect(try terminal.antlm(training, shell: #"cat train.txt | "$0" "$@"; exit"#).code == 0)
    let resume = ["train", "--resume", "run", "--device", "cpu"]
    expectRefusal(
      try terminal.antlm(resume, shell: "exec </dev/null"), code: 1, "/dev/stdin: the text", "--train")
    #expect(try terminal.antlm(resume + ["--train", "train.txt"]).code == 0)
  }

  /// A socket, as the servers of some systems give a program, has no name to be opened by.
  @Test func textMayComeThroughASocket() throws {
    try terminal.prepare()
    var ends: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let input = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    let running = try terminal.start(
      ["tokenizer", "train", "--vocab", "300", "--out", "socket.json", "-"], input: input)
    let text = try terminal.read("train.txt")
    try FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).write(contentsOf: text)
    shutdown(ends[0], Int32(SHUT_WR))
    let trained = try running.wait()
    #expect(trained.code == 0, "\(trained.errors)")
    #expect(try terminal.read("socket.json") == terminal.read("tok.json"))
  }

  /// What a folder of text holds beside files is left out, and that is said.
  @Test func nothingIsLeftOutInSilence() throws {
    try terminal.prepare()
    try FileManager.default.createDirectory(
      atPath: terminal.path("folder/inner"), withIntermediateDirectories: true)
    let shell = #"cp train.txt folder/a.txt; cp dev.txt "$(printf 'folder/caf\351.txt')""#
    func tokens(_ run: String, _ paths: [String], shell: String? = nil) throws -> (Substring?, String) {
      var training = terminal.training(run, schedule: "1s_CLM")
      let place = try #require(training.firstIndex(of: "train.txt"))
      training.replaceSubrange(place...place, with: paths)
      let errors = try terminal.antlm(training, shell: shell).errors
      return (errors.split(separator: " ").first { Int($0) ?? 0 > 100 }, errors)
    }
    let folder = try tokens("one", ["folder"], shell: shell)
    let files = try tokens("two", ["train.txt", "dev.txt"])
    #expect(folder.0 == files.0 && folder.0 != nil, "\(folder) \(files)")
    #expect(folder.1.contains("left out: 'inner'"), "\(folder.1)")
  }
}
