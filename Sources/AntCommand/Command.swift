import AntCheck
import AntDevice
import AntFiles
import AntStudy
import AntTraining
import ArgumentParser
import Foundation

/// The command line: each subcommand is a file that parses, calls the library and prints.
struct Antlm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "antlm",
    abstract: "Trains one Transformer in turn as a causal and as a masked language model.",
    discussion: """
      A first run:
        antlm corpus --sentences 50000 --out text.txt
        antlm tokenizer train --vocab 2048 --out tok.json text.txt
        antlm train --model llama-mini --schedule 2_CLM+4_MLM+2_CLM \\
            --train text.txt --tokenizer tok.json --out run
        antlm generate run --prompt "The dog"

      Exit codes: 0 good, 1 failed, 2 bad usage.
      """,
    subcommands: [
      DevicesCommand.self, CheckCommand.self, BenchCommand.self, TuneCommand.self, CorpusCommand.self,
      TokenizerCommand.self,
      PresetsCommand.self, TrainCommand.self, GenerateCommand.self, FillCommand.self, ScoreCommand.self,
      TranslateCommand.self, EmbedCommand.self, EvalCommand.self, FinetuneCommand.self, ClassifyCommand.self,
      StudyCommand.self, ReportCommand.self,
      ImportCommand.self, ExportCommand.self,
    ])
}

/// Runs the command and turns errors into one line on standard error and an exit code.
@main
enum Main {
  static func main() {
    // A limit on file sizes is an error to report like a full disk, not a reason to die.
    signal(SIGXFSZ, SIG_IGN)
    occupyStandardStreams()
    do {
      try requireReadableArguments()
      try requireKnownCommands()
      var command = try Antlm.parseAsRoot()
      try command.run()
      StandardOutput.flush()
      if let failure = StandardOutput.failure { throw failure }
    } catch {
      fail(error)
    }
  }

  private static func fail(_ error: any Error) -> Never {
    StandardOutput.flush()
    let code = Antlm.exitCode(for: error)
    if code == .success {
      emit(Antlm.fullMessage(for: error))
      if let failure = StandardOutput.failure { fail(failure) }
      exit(0)
    }
    if let silent = error as? ExitCode { exit(silent.rawValue) }
    let isUsage = code == .validationFailure || isUsageError(error)
    var text = Advice.message(of: error) ?? Antlm.message(for: error)
    if text.isEmpty { text = "\(error)" }
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ") + dashHint(text)
    let help = code == .validationFailure ? " (see '\(helpCommand)')" : ""
    warn("antlm: \(line)\(help)")
    exit(isUsage ? 2 : 1)
  }

  /// Refuses arguments that are not UTF-8: what they say would be another text or the name of another file.
  private static func requireReadableArguments() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index] else { break }
      guard String(validatingCString: argument) == nil else { continue }
      let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
      throw ValidationError(
        "argument \(index), '\(String(escapingInvalid: bytes))', is not UTF-8; convert the text, or give the file "
          + "another name or a link that has one")
    }
  }

  /// Refuses to help with what is no command.
  private static func requireKnownCommands() throws {
    guard CommandLine.arguments.dropFirst().first == "help" else { return }
    var subcommands = Antlm.configuration.subcommands
    for name in CommandLine.arguments.dropFirst(2) where name != "help" && !name.hasPrefix("-") {
      guard let command = subcommands.first(where: { $0._commandName == name }) else {
        throw ValidationError("there is no command '\(name)' to help with")
      }
      subcommands = command.configuration.subcommands
    }
  }

  /// How to give a value that begins with a dash, where one was taken for an option.
  private static func dashHint(_ message: String) -> String {
    if message.hasPrefix("Unknown option") || message.hasPrefix("Missing expected argument"),
      CommandLine.arguments.contains(where: { $0.hasPrefix("-") && $0.contains(" ") })
    {
      return "; a text that begins with a dash comes last, after --"
    }
    guard message.hasPrefix("Missing value for '-"),
      let option = message.split(separator: "'").dropFirst().first,
      let name = option.split(separator: " ").first.map(String.init),
      let place = CommandLine.arguments.firstIndex(of: name),
      let value = CommandLine.arguments.dropFirst(place + 1).first, value.hasPrefix("-")
    else { return "" }
    return "; a value that begins with a dash is given as \(shellQuoted("\(name)=\(value)"))"
  }

  /// What shows the options of the subcommand that was called.
  private static var helpCommand: String {
    var called = "antlm"
    var subcommands = Antlm.configuration.subcommands
    for name in CommandLine.arguments.dropFirst() {
      guard let command = subcommands.first(where: { $0._commandName == name }) else { break }
      called += " \(name)"
      subcommands = command.configuration.subcommands
    }
    return "\(called) --help"
  }

  /// Whether the options are to blame rather than the world.
  private static func isUsageError(_ error: any Error) -> Bool {
    switch error {
    case is ScheduleError: true
    case let error as TrainingError: error.isUsage
    case let error as StudyError: error.isUsage
    case DeviceError.notFound, is ConformanceError: true
    default: false
    }
  }
}
