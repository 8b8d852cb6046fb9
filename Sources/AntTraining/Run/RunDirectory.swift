import AntFiles
import Foundation

/// A folder that holds one training run:
///
///     config.json          the model's Hugging Face keys, and every training option under "antlm"
///     tokenizer.json       in Hugging Face format
///     checkpoints/step-N/  complete Hugging Face folders, plus optimizer.safetensors and trainer.json
///     latest, best         links to the newest checkpoint and to the one with the lowest dev loss
///     metrics.jsonl        one JSON object a line
///     tensorboard/         the same as TensorBoard reads it, made anew from metrics.jsonl on resume
///     evaluations.jsonl    what checkpoints were found to be worth, where they were evaluated
///     lock                 held while a process writes
///
/// A checkpoint is written beside its final name, synced, and renamed; then the links follow. A kill at any
/// moment leaves every earlier checkpoint whole, and what it left half done is removed by the next
/// ``clean()``.
public struct RunDirectory: Sendable {
  public let url: URL
  /// Told the name of each durable step of a write; tests look at the folder there.
  var observer: @Sendable (String) -> Void = { _ in }

  public var configuration: URL { url.appending(path: "config.json") }
  public var tokenizer: URL { url.appending(path: "tokenizer.json") }
  public var metrics: URL { url.appending(path: "metrics.jsonl") }
  var tensorboard: URL { url.appending(path: "tensorboard") }
  var checkpointFolder: URL { url.appending(path: "checkpoints") }
  var latest: URL { url.appending(path: "latest") }
  package var best: URL { url.appending(path: "best") }

  /// A run that exists.
  public init(_ path: String) throws {
    url = URL(filePath: path).absoluteURL
    guard FileSystem.isFolder(url), FileSystem.exists(configuration) else {
      throw RunError.notARun(path: path)
    }
  }

  private init(new url: URL) { self.url = url }

  /// Throws where `path` cannot become a new run: it holds one, or other things. What a run leaves that was
  /// killed before it wrote its config.json does not count.
  public static func requireNew(_ path: String) throws {
    let url = URL(filePath: path).absoluteURL
    guard FileSystem.exists(url) else { return }
    let names = try FileSystem.names(in: url)
    guard !names.contains("config.json") else { throw RunError.holdsRun(path: path) }
    let isOurs = { (name: String) in
      name == "lock" || name == "tokenizer.json" || name.hasPrefix(".") && name.hasSuffix(".partial")
    }
    guard names.allSatisfy(isOurs) else { throw RunError.notEmpty(path: path) }
  }

  /// Makes the folder of a new run. It becomes a run when its config.json is written.
  public static func create(_ path: String) throws -> RunDirectory {
    try requireNew(path)
    let url = URL(filePath: path).absoluteURL
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
      let target = FileSystem.target(of: best).map { URL(filePath: $0).lastPathComponent }
      if let found = all.first(where: { $0.name == target }) { return found }
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
      try discard(old.url)
      observer("pruned")
    }
  }

  /// Removes what a killed write left behind.
  func clean() throws {
    for folder in [url, checkpointFolder] where FileSystem.exists(folder) {
      for name in try FileSystem.names(in: folder)
      where name.hasPrefix(".") && (name.hasSuffix(".partial") || name.hasSuffix(".removed")) {
        try FileSystem.remove(folder.appending(path: name))
      }
    }
  }

  private func point(_ link: URL, at checkpoint: Checkpoint) throws {
    let target = "checkpoints/\(checkpoint.name)"
    if FileSystem.target(of: link) != target { try FileSystem.link(link, to: target) }
  }

  /// Removes a checkpoint: first its name, so that none is ever seen with files missing.
  private func discard(_ checkpoint: URL) throws {
    let removed = checkpointFolder.appending(path: ".\(checkpoint.lastPathComponent).removed")
    if FileSystem.exists(removed) { try FileSystem.remove(removed) }
    try FileSystem.rename(checkpoint, to: removed)
    observer("discarded")
    try FileSystem.remove(removed)
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
}
