import Foundation
import Testing

/// Drives the built `antlm` as a user would, in a folder of its own.
final class Terminal {
  /// What a command left behind.
  struct Result {
    var code: Int32
    var output: String
    var errors: String
    /// Ended by a signal rather than by itself.
    var wasKilled: Bool

    var lines: [Substring] { output.split(separator: "\n") }
    /// Standard error as one line, where it is one.
    var message: String { errors.trimmingCharacters(in: .newlines) }
  }

  let folder: URL

  init() {
    folder = FileManager.default.temporaryDirectory.appending(path: "antlm-command-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// The executable beside the test bundle.
  static let executable: URL = {
    let tests = URL(filePath: try! FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    return tests.deletingLastPathComponent().appending(path: "antlm")
  }()

  func path(_ name: String) -> String { folder.appending(path: name).path }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  func write(_ data: Data, to name: String) throws { try data.write(to: folder.appending(path: name)) }

  func read(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

  /// Starts `antlm` with these arguments.
  ///
  /// - Parameters:
  ///   - shell: commands a shell runs first, such as a limit.
  ///   - input: what it reads; nil for nothing.
  func start(_ arguments: [String], shell: String? = nil, input: FileHandle? = nil) throws -> Running {
    try Running(arguments, in: folder, shell: shell, input: input)
  }

  @discardableResult
  func antlm(_ arguments: String..., shell: String? = nil) throws -> Result {
    try start(arguments, shell: shell).wait()
  }

  @discardableResult
  func antlm(_ arguments: [String], shell: String? = nil) throws -> Result {
    try start(arguments, shell: shell).wait()
  }

  /// A command that may not have ended yet. Its output goes to files, so that it never waits for a reader.
  final class Running {
    let process = Process()
    private let output: URL
    private let errors: URL

    init(_ arguments: [String], in folder: URL, shell: String?, input: FileHandle?) throws {
      let name = UUID().uuidString
      output = folder.appending(path: ".out-\(name)")
      errors = folder.appending(path: ".err-\(name)")
      for url in [output, errors] { try Data().write(to: url) }
      process.executableURL = Terminal.executable
      process.arguments = arguments
      if let shell {
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "\(shell); exec \"$0\" \"$@\"", Terminal.executable.path] + arguments
      }
      process.currentDirectoryURL = folder
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["XDG_CACHE_HOME": folder.appending(path: "cache").path]) { $1 }
      process.standardInput = input ?? FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
    }

    func wait() throws -> Result {
      process.waitUntilExit()
      return Result(
        code: process.terminationStatus,
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self),
        wasKilled: process.terminationReason == .uncaughtSignal)
    }

    /// Whether standard error holds `text` by now.
    func hasSaid(_ text: String) -> Bool {
      (try? String(contentsOf: errors, encoding: .utf8))?.contains(text) ?? false
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }
  }
}

extension Terminal {
  /// A text, a tokenizer and a description of a tiny model: what a training run needs.
  func prepare() throws {
    #expect(try antlm("corpus", "--sentences", "130", "--seed", "1", "--out", "train.txt").code == 0)
    #expect(try antlm("corpus", "--sentences", "25", "--seed", "2", "--out", "dev.txt").code == 0)
    let trained = try antlm("tokenizer", "train", "--vocab", "300", "--out", "tok.json", "train.txt")
    #expect(trained.code == 0, "\(trained.errors)")
    let tokenizer = try #require(
      try JSONSerialization.jsonObject(with: read("tok.json")) as? [String: Any])
    let vocabulary = ((tokenizer["model"] as? [String: Any])?["vocab"] as? [String: Any])?.count ?? 0
    try write(
      Data(
        """
        {"model_type": "llama", "vocab_size": \(vocabulary), "hidden_size": 16, "intermediate_size": 24,
         "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 48,
         "tie_word_embeddings": true, "initializer_range": 0.1, "bos_token_id": 1, "eos_token_id": 2,
         "pad_token_id": 0}
        """.utf8), to: "model.json")
  }

  /// `antlm train` of the tiny model into `run`.
  func training(_ run: String, schedule: String = "1_CLM+1_MLM", _ more: [String] = []) -> [String] {
    [
      "train", "--model", "model.json", "--schedule", schedule, "--train", "train.txt", "--dev", "dev.txt",
      "--tokenizer", "tok.json", "--out", run, "--device", "cpu", "--threads", "1", "--batch", "8",
      "--length", "16", "--lr", "1e-2", "--eval-every", "7", "--checkpoint-every", "3", "--dropout", "0.1",
      "--accumulate", "2",
    ] + more
  }
}

/// One line on standard error that says what is wrong, after notices, and an exit code; no trap.
func expectRefusal(
  _ result: Terminal.Result, code: Int32, _ parts: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(!result.wasKilled, "\(result.errors)", sourceLocation: sourceLocation)
  #expect(result.code == code, "\(result.errors)", sourceLocation: sourceLocation)
  // Notices may come first; the refusal is the last line.
  let last = result.errors.split(separator: "\n").last ?? ""
  #expect(last.hasPrefix("antlm: "), "\(result.errors)", sourceLocation: sourceLocation)
  for part in parts { #expect(last.contains(part), "\(last)", sourceLocation: sourceLocation) }
  #expect(result.errors.split(separator: "\n").filter { $0.hasPrefix("antlm: ") }.count == 1)
}
