import Files
import Foundation
import Models

/// A fine-tuned classifier on disk: a Hugging Face folder of the model, which every command opens, and beside it
///
///     classifier.safetensors    the head's tensors (see ``Models/ClassificationHead``)
///     classifier.json           {"task", "labels", "kind", "mode", "reads", "length", "layer_norm_eps"}
extension Classification {
  /// Writes the classifier of a result to the folder `target`, new or empty; it is whole or absent.
  ///
  /// - Throws: ``RunError/folderNotEmpty(path:)``, `FileError`, or the device's failure.
  public func write(_ result: Result, to target: String) throws {
    let head = result.classifier.head
    var description = JSONObject()
    description.set("task", task.rawValue)
    description.set("labels", head.labels)
    description.set("kind", head.kind.rawValue)
    description.set("mode", mode.rawValue)
    description.set("reads", readsLast ? "last" : "first")
    description.set("length", length)
    if head.kind == .transform { description.set("layer_norm_eps", head.normEpsilon) }
    try ModelExchange.export(result.classifier.model, tokenizerOf: trained.folder, to: target) { folder in
      try result.classifier.writeHead(to: folder.appending(path: "classifier.safetensors"))
      try FileSystem.write(
        Data("\(description)\n".utf8), to: folder.appending(path: "classifier.json"))
    }
  }
}
