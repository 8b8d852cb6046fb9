import AntDevice
import AntFiles
import AntModels
import AntText
import AntTraining
import Foundation

/// A model and its tokenizer, ready to be asked.
public struct TrainedModel {
  public let model: any Transformer
  public let tokenizer: Tokenizer
  /// The checkpoint folder it came from.
  public let folder: URL
  /// The run and the step it was opened at; nil for a checkpoint folder opened by itself.
  public let source: (run: RunDirectory, step: Int)?

  public var specials: SpecialTokens { tokenizer.specials }

  /// Opens a run (its newest checkpoint unless another is named) or a checkpoint folder.
  ///
  /// - Parameters:
  ///   - path: a run directory, or a Hugging Face folder with model.safetensors in it.
  ///   - checkpoint: `latest`, `best` or `step-N`.
  ///   - architectures: those the model may be of.
  public init(
    _ path: String, checkpoint: String = "latest", on device: any Device,
    architectures: Architectures = .standard
  ) throws {
    guard !path.isEmpty else { throw RunError.notARun(path: "''") }
    let url = URL(filePath: path).absoluteURL
    if ["", ".index.json"].contains(where: {
      FileSystem.exists(url.appending(path: "model.safetensors" + $0))
    }) {
      guard checkpoint == "latest" else { throw RunError.noCheckpoints(path: path, name: checkpoint) }
      folder = url
      source = nil
    } else {
      let run = try RunDirectory(path)
      let found = try run.checkpoint(checkpoint)
      folder = found.url
      source = (run, found.step)
    }
    tokenizer = try Tokenizer(contentsOf: folder.appending(path: "tokenizer.json"))
    model = try ModelFolder.read(folder, on: device, architectures: architectures)
    guard model.vocabularySize == tokenizer.vocabularySize else {
      throw TrainingError.vocabularyMismatch(
        tokenizer: folder.appending(path: "tokenizer.json").path, tokens: tokenizer.vocabularySize,
        model: folder.path, vocabulary: model.vocabularySize)
    }
  }
}
