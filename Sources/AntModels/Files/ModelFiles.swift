import AntFiles
import Foundation

/// What lies in the folder of a model, by the names of its files.
enum ModelFiles {
  static let configuration = "config.json"
  static let weights = "model.safetensors"
  static let index = "model.safetensors.index.json"

  /// Models in forms that are not read: what their files are called, what they are and what to do.
  private static let others: [(matches: @Sendable (String) -> Bool, what: String, advice: String)] = [
    (
      { $0 == "adapter_config.json" || $0.hasPrefix("adapter_model.") },
      "an adapter, not a whole model", "merge it into its base model (merge_and_unload) and save that"
    ),
    (
      { name in
        ["pytorch_model", "consolidated", "model"].contains(where: name.hasPrefix)
          && [".bin", ".bin.index.json", ".pt", ".pth", ".ckpt"].contains(where: name.hasSuffix)
      },
      "weights pickled by PyTorch, which are not read",
      "open it in transformers and save it with save_pretrained(folder, safe_serialization=True)"
    ),
    (
      { $0.hasSuffix(".h5") || $0.hasSuffix(".msgpack") },
      "weights of TensorFlow or Flax, which are not read",
      "open it in transformers with PyTorch (from_tf, from_flax) and save it with save_pretrained"
    ),
    (
      { $0.hasSuffix(".gguf") || $0.hasSuffix(".ggml") }, "weights for llama.cpp, which are not read",
      "take the model it was made from"
    ),
    ({ $0.hasSuffix(".onnx") }, "an ONNX graph, which is not read", "take the model it was made from"),
    (
      { $0.hasPrefix("model-") && $0.hasSuffix(".safetensors") }, "a part of the weights without their index",
      "copy \(index) beside it"
    ),
    (
      { $0.hasSuffix(".safetensors") && !["optimizer", "classifier"].contains($0.dropLast(12)) },
      "weights by another name", "call the file \(weights) if it holds the whole model"
    ),
  ]

  /// Whether weights lie in `folder` that are read.
  static func hasWeights(_ folder: URL) -> Bool {
    [weights, index].contains { FileSystem.exists(folder.appending(path: $0)) }
  }

  /// A model in another form that lies in `folder`; nil where there is none.
  static func otherForm(in folder: URL) -> ModelError? {
    guard let names = try? FileSystem.names(in: folder) else { return nil }
    for other in others {
      if let name = names.first(where: other.matches) {
        return .noModel(path: folder.path, found: "\(name) is \(other.what)", advice: other.advice)
      }
    }
    return nil
  }

  /// Throws a ``ModelError`` that says what `folder` is where it is no folder with a model.
  static func require(in folder: URL) throws {
    guard FileSystem.exists(folder) else {
      throw ModelError.noModel(path: folder.path, found: "no such folder", advice: "check the path")
    }
    guard FileSystem.isFolder(folder) else {
      throw ModelError.noModel(
        path: folder.path, found: "a file, not a folder",
        advice: "name the folder in which \(configuration) and \(weights) lie")
    }
    // Another form without a config.json is named before that is missed, and with one before its weights are.
    if hasWeights(folder), FileSystem.exists(folder.appending(path: configuration)) { return }
    if !hasWeights(folder), let other = otherForm(in: folder) { throw other }
    let missing = hasWeights(folder) ? configuration : weights
    throw ModelError.noModel(
      path: folder.path, found: "no \(missing) in it",
      advice: "name a folder with \(configuration) and \(weights), as save_pretrained writes them")
  }
}
