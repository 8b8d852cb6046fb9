import AntFiles
import AntModels
import Foundation

/// A folder that holds one training run:
///
///     config.json          the model's Hugging Face keys, and every training option under "antlm"
///     tokenizer.json       in Hugging Face format
///     checkpoints/step-N/  complete Hugging Face folders, plus optimizer.safetensors and trainer.json
///     latest, best         links to the newest checkpoint and to the one with the lowest dev loss, for people
///     metrics.jsonl        one JSON object a line
///     tensorboard/         the same as TensorBoard reads it, made anew from metrics.jsonl on resume
///     evaluations.jsonl    what checkpoints were found to be worth, where they were evaluated
///     lock                 held while a process writes
///
/// A checkpoint is written beside its final name, synced, and renamed; then the links follow. A kill at any
/// moment leaves every earlier checkpoint whole, and what it left half done is removed by the next
/// ``clean()``. Without the links nothing is lost: a copy of a run in which they became folders, or a file system that
/// has none, is a run as well.
public struct RunDirectory: Sendable {
  public let url: URL
  /// Told the name of each durable step of a write; tests look at the folder there.
  var observer: @Sendable (String) -> Void = { _ in }
  /// Makes a link; tests put one there that fails.
  var makeLink: @Sendable (URL, String) throws -> Void = { try FileSystem.link($0, to: $1) }

  public var configuration: URL { url.appending(path: "config.json") }
  public var tokenizer: URL { url.appending(path: "tokenizer.json") }
  public var metrics: URL { url.appending(path: "metrics.jsonl") }
  var tensorboard: URL { url.appending(path: "tensorboard") }
  var checkpointFolder: URL { url.appending(path: "checkpoints") }
  var latest: URL { url.appending(path: "latest") }
  package var best: URL { url.appending(path: "best") }

  /// A run that exists.
  public init(_ path: String) throws {
    guard !path.isEmpty else { throw RunError.notARun(path: "''") }
    url = FileSystem.url(path)
    switch SystemPath(configuration.path).kind {
    case .file?: return
    case .folder?, .other?: throw FileKindError(path: configuration.path)
    case nil:
      // What cannot be looked into may well be a run.
      let code = errno
      guard [ENOENT, ENOTDIR].contains(code) else {
        throw FileError("read", configuration.path, code: code)
      }
      throw FileSystem.exists(url) ? RunError.notARun(path: path) : RunError.missing(path: path)
    }
  }

  private init(new url: URL) { self.url = url }

  /// Throws where `path` cannot become a new run: it holds one, or other things. What a run leaves that was
  /// killed before it wrote its config.json does not count.
  public static func requireNew(_ path: String) throws {
    let url = FileSystem.url(path)
    guard FileSystem.exists(url) else { return }
    guard FileSystem.isFolder(url) else { throw RunError.notAFolder(path: path) }
    let names = try FileSystem.names(in: url)
    guard !names.contains("config.json") else { throw RunError.holdsRun(path: path) }
    let isOurs = { (name: String) in
      ["lock", "tokenizer.json"].contains(name) && SystemPath(url.appending(path: name).path).kind == .file
        || name.hasPrefix(".") && name.hasSuffix(".partial")
    }
    guard names.allSatisfy(isOurs) else { throw RunError.notEmpty(path: path) }
  }

  /// Makes the folder of a new run. It becomes a run when its config.json is written.
  public static func create(_ path: String) throws -> RunDirectory {
    try requireNew(path)
    let url = FileSystem.url(path)
    try FileSystem.makeFolder(url)
    return RunDirectory(new: url)
  }

  // MARK: Checkpoints

  /// The complete checkpoints, oldest first.
  public func checkpoints() throws -> [Checkpoint] {
    guard FileSystem.exists(checkpointFolder) else { return [] }
    return try FileSystem.names(in: checkpointFolder)
      .compactMap { Checkpoint(url: checkpointFolder.appending(path: $0)) }
      .sorted { $0.step < $1.step }
  }

  /// The checkpoint called `name`: `latest`, `best` or `step-N`.
  public func checkpoint(_ name: String = "latest") throws -> Checkpoint {
    let all = try checkpoints()
    guard let newest = all.last else { throw RunError.noCheckpoint(path: url.path) }
    switch name {
    case "latest": return newest
    case "best":
      let step = TrainerState.best(recordedIn: newest.url)
      let target = FileSystem.target(of: best).map { URL(filePath: $0).lastPathComponent }
      if let found = all.first(where: { step == nil ? $0.name == target : $0.step == step }) { return found }
    default:
      if let found = all.first(where: { $0.name == name }) { return found }
    }
    throw RunError.unknownCheckpoint(path: url.path, name: name, available: all.map(\.name))
  }

  /// Writes the checkpoint of `step` and points `latest` at it.
  ///
  /// - Parameters:
  ///   - best: the step whose checkpoint `best` is to point at; nil where nothing was evaluated yet.
  ///   - keep: how many of the newest to keep, beside the best one; 0 keeps all.
  ///   - contents: writes the files into the folder it is given.
  package func writeCheckpoint(step: Int, best: Int?, keep: Int, contents: (URL) throws -> Void) throws {
    try FileSystem.makeFolder(checkpointFolder)
    let name = Checkpoint.name(step)
    let final = checkpointFolder.appending(path: name)
    let partial = checkpointFolder.appending(path: ".\(name).partial")
    if FileSystem.exists(partial) { try FileSystem.remove(partial) }
    observer("begun")
    do {
      try FileSystem.makeFolder(partial)
      try contents(partial)
      observer("written")
      try FileSystem.synchronizeContents(of: partial)
    } catch {
      try? FileSystem.remove(partial)
      throw error
    }
    observer("synchronized")
    if FileSystem.exists(final) { try discard(final) }
    try FileSystem.rename(partial, to: final)
    try FileSystem.synchronize(checkpointFolder)
    observer("renamed")
    try settle(best: best, keep: keep)
  }

  /// Points the links where they belong and removes the checkpoints that need not be kept.
  func settle(best: Int?, keep: Int) throws {
    let all = try checkpoints()
    guard let newest = all.last else { return }
    try point(latest, at: newest)
    observer("latest")
    if let best = all.first(where: { $0.step == best }) {
      try point(self.best, at: best)
      observer("best")
    }
    guard keep > 0 else { return }
    for old in all.dropLast(keep) where old.step != best {
      do {
        try discard(old.url)
      } catch let error as FileError {
        Notices.say("\(checkpointFolder.path): old checkpoints stay: \(error.reason)")
      }
      observer("pruned")
    }
  }

  /// Removes what a killed write left behind.
  func clean() throws {
    for folder in [url, checkpointFolder] where FileSystem.exists(folder) {
      for name in try FileSystem.names(in: folder)
      where name.hasPrefix(".") && (name.hasSuffix(".partial") || name.hasSuffix(".removed")) {
        do {
          try FileSystem.remove(folder.appending(path: name))
        } catch let error as FileError {
          Notices.say("\(folder.path): what an earlier process left stays: \(error.reason)")
        }
      }
    }
  }

  private func point(_ link: URL, at checkpoint: Checkpoint) throws {
    let target = "checkpoints/\(checkpoint.name)"
    guard FileSystem.target(of: link) != target else { return }
    do {
      if FileSystem.target(of: link) == nil, FileSystem.isFolder(link) { try discardCopy(link) }
      try makeLink(link, target)
    } catch let error as FileError {
      Notices.say(
        "\(link.path) does not lead to the checkpoint it should: \(error.reason); training goes on without it"
      )
    }
  }

  /// Removes what was a link before a copy of the run made a folder of it, unless it is of a checkpoint that is not there
  /// any more.
  private func discardCopy(_ folder: URL) throws {
    let state = try FileSystem.read(own: folder.appending(path: TrainerState.fileName))
    let originals = try checkpoints().map { $0.url.appending(path: TrainerState.fileName) }
    guard originals.contains(where: { (try? FileSystem.read(own: $0)) == state }) else {
      throw FileError("replace", folder.path, code: EEXIST)
    }
    try discard(folder)
  }

  /// Removes a checkpoint: first its name, so that none is ever seen with files missing.
  private func discard(_ checkpoint: URL) throws {
    let removed = checkpointFolder.appending(path: ".\(checkpoint.lastPathComponent).removed")
    if FileSystem.exists(removed) { try FileSystem.remove(removed) }
    do {
      try FileSystem.rename(checkpoint, to: removed)
    } catch let error as FileError where error.code == EXDEV {
      // A layered file system that has the folder in a layer below renames no folders.
      try FileSystem.remove(checkpoint)
      return
    }
    observer("discarded")
    do {
      try FileSystem.remove(removed)
    } catch let error as FileError {
      // Somebody may be reading it.
      Notices.say("\(checkpointFolder.path): old checkpoints stay under hidden names: \(error.reason)")
    }
  }
}

/// One complete checkpoint: a Hugging Face folder.
public struct Checkpoint: Sendable, Equatable {
  public let url: URL
  public let step: Int

  public var name: String { url.lastPathComponent }

  static func name(_ step: Int) -> String { "step-\(step)" }

  /// Nil where the name is not `step-N`.
  init?(url: URL) {
    let name = url.lastPathComponent
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0, name == Self.name(step)
    else {
      return nil
    }
    self.url = url
    self.step = step
  }

  /// What `body` reads from the checkpoint. A file that is not what was written is named, with what helps a run.
  ///
  /// - Throws: ``RunError/damaged(path:reason:)``, or what is not the files' fault.
  func reading<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error where Self.isDamage(error) {
      // What an error advises by itself follows the last semicolon, and would not help here.
      let reason = "\(error)".components(separatedBy: "; ").dropLast().joined(separator: "; ")
      throw RunError.damaged(path: url.path, reason: reason)
    }
  }

  private static func isDamage(_ error: any Error) -> Bool {
    switch error {
    case is ModelError, is SafeTensorsError, is FileKindError: true
    case let error as FileError: [ENOENT, EIO, EISDIR, ENOTDIR].contains(error.code)
    default: false
    }
  }
}
