import AntCheck
import AntDevice
import AntEvaluation
import AntInference
import AntModels
import AntStudy
import AntText
import AntTraining

/// How the command line does what a library's error advises: libraries know of no options.
enum Advice {
  /// The message of an error, with the options that its advice is about.
  static func message(of error: any Error) -> String? {
    if case TrainingError.option(let name, let found, let expected) = error {
      return "\(flag(name)) is \(found); it must be \(expected)"
    }
    return options(for: error).map { "\(error) (\($0))" }
  }

  private static func options(for error: any Error) -> String? {
    switch error {
    case TokenizerError.malformed, TokenizerError.unsupported: "antlm tokenizer train"
    case TrainingError.tooManySteps: "--max-steps"
    case TrainingError.tooLong, TrainingError.tooLittleText: "--length"
    case TrainingError.textChanged, TrainingError.textGone: "--train, --dev"
    case TrainingError.notFinite: "--out, --lr, --warmup"
    case is FineTuningError: "--lr, --warmup"
    case TrainingError.outOfMemory: "--accumulate, --batch, --length, --model"
    case TrainingError.checkpointFailed(_, _, .some): "antlm train --resume"
    case RunError.holdsRun(let path): "antlm train --resume \(shellQuoted(path))"
    case RunError.noCheckpoint: "antlm train --resume"
    case RunError.notEmpty, RunError.notAFolder, RunError.folderNotEmpty, StudyError.notAStudy,
      StudyError.otherOptions:
      "--out"
    case RunError.noCheckpoints: "--checkpoint"
    case ModelError.invalidConfiguration: "see 'antlm import --help'"
    case is TranslationError: "--mask"
    case InferenceError.noRoom: "--tokens"
    case DeviceError.notFound: "see 'antlm devices'"
    case DeviceError.buildFailed, DeviceError.commandFailed: "--device cpu"
    case DeviceError.selfCheckFailed: "antlm check"
    case is ConformanceError: "--family"
    default: nil
    }
  }

  /// `--lr` of `learningRate`, `--weight-decay` of `weightDecay`.
  private static func flag(_ name: String) -> String {
    if let offer = TrainingOptions.list.first(where: { $0.name == name })?.offer { return "--\(offer.flag)" }
    return "--" + name.flatMap { $0.isUppercase ? "-\($0.lowercased())" : "\($0)" }
  }
}
