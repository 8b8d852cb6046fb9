import Foundation

/// What is wrong with a run directory or a checkpoint. Each description is one line: what, where, what to do.
public enum RunError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The path holds no run.
  case notARun(path: String)
  /// There is nothing at the path.
  case missing(path: String)
  /// The folder for a new run is a file or something else.
  case notAFolder(path: String)
  /// The folder for a new run already holds one.
  case holdsRun(path: String)
  /// The folder for a new run holds other things.
  case notEmpty(path: String)
  /// The folder to write a model to holds something.
  case folderNotEmpty(path: String)
  /// Another process writes there.
  case locked(path: String, holder: String)
  /// A run that was stopped before its first checkpoint.
  case noCheckpoint(path: String)
  /// A run from the weights of another model that was killed before it saved them.
  case beganWithoutWeights(path: String)
  /// A run that is to be prolonged and has steps left.
  case unfinished(path: String, step: Int, of: Int)
  /// No checkpoint of that name.
  case unknownCheckpoint(path: String, name: String, available: [String])
  /// A model by itself, of which a checkpoint was asked.
  case noCheckpoints(path: String, name: String)
  /// A checkpoint, or a file of it, is not what was written.
  case damaged(path: String, reason: String)
  /// The options make another number of steps than those the checkpoint was trained with.
  case optionsChanged(checkpoint: String, was: Int, now: Int)
  /// A line of `metrics.jsonl` is not what was written.
  case damagedLine(path: String, line: Int, reason: String)
  /// `config.json` cannot be understood.
  case configuration(path: String, reason: String)

  public var description: String { message.onOneLine }

  private var message: String {
    switch self {
    case .notARun(let path):
      "\(path) is not a run: it has no config.json with an \"antlm\" section; "
        + "give the folder that training wrote"
    case .missing(let path): "\(path) does not exist; check the path"
    case .notAFolder(let path): "\(path) is there and is no folder; choose another name for one"
    case .holdsRun(let path):
      "\(path) already holds a run; resume it, or choose another folder"
    case .notEmpty(let path): "\(path) is not empty and not a run; choose a new folder"
    case .folderNotEmpty(let path): "\(path) is no empty folder; choose a new one"
    case .locked(let path, let holder):
      "\(path) is being written by another process\(holder.isEmpty ? "" : " (\(holder))"); "
        + "wait for it, or take another folder"
    case .noCheckpoint(let path):
      "\(path) has no checkpoint yet; let it reach its first one, or resume it"
    case .beganWithoutWeights(let path):
      "\(path) was killed before it saved the weights it begins with; remove it and start it anew"
    case .unfinished(let path, let step, let total):
      "\(path) has done \(step) of its \(total) steps; let it do the rest before it is prolonged"
    case .unknownCheckpoint(let path, let name, let available):
      "\(path) has no checkpoint '\(name)'; it has \(available.joined(separator: ", "))"
    case .noCheckpoints(let path, let name):
      "\(path) is a model by itself and has no checkpoint '\(name)'; ask for none, or name its run"
    case .damaged(let path, let reason):
      "\(path) is damaged: \(reason); move the checkpoint's folder away and resume again: the run then goes on after the "
        + "one before, or from its beginning where there is none"
    case .optionsChanged(let checkpoint, let was, let now):
      "\(checkpoint) is of a run of \(was) steps, and its config.json now makes \(now); restore what was "
        + "changed there, or start a new run"
    case .damagedLine(let path, let line, let reason):
      "\(path), line \(line): \(reason); restore the line, or move the file away: a run "
        + "goes on without it"
    case .configuration(let path, let reason): "\(path) cannot be used: \(reason)"
    }
  }
}
