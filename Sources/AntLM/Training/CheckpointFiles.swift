import Autograd
import Files
import Foundation
import Models
import Text

/// The files of a checkpoint: a Hugging Face folder, and what training needs beside it.
///
///     config.json  generation_config.json  model.safetensors      the model
///     tokenizer.json  tokenizer_config.json                       the tokenizer
///     optimizer.safetensors                                       both moments of every tensor
///     trainer.json                                                step and best (see ``TrainerState``)
enum CheckpointFiles {
  static let optimizer = "optimizer.safetensors"
  private static let prefixes = ["firstMoment.", "secondMoment."]

  static func write(
    model: any Transformer, optimizer: Optimizer, tokenizer: Tokenizer, state: TrainerState,
    to folder: URL
  ) throws {
    try model.write(to: folder)
    try tokenizer.write(to: folder.appending(path: "tokenizer.json"))
    try write(tokenizer.specials, of: tokenizer, maximumLength: model.maximumLength, to: folder)
    let moments = try optimizer.moments()
    let tensors = model.parameters.segments.flatMap(\.tensors)
    let sources = zip(prefixes, [moments.first, moments.second]).flatMap { prefix, values in
      tensors.map { SafeTensors.Source(prefix + $0.name, shape: $0.shape, values: values[$0.range]) }
    }
    try SafeTensors.write(sources, to: folder.appending(path: self.optimizer))
    try state.write(to: folder)
  }

  /// Gives `optimizer` the moments of `checkpoint`.
  static func restore(_ optimizer: Optimizer, step: Int, from checkpoint: Checkpoint) throws {
    let file = try SafeTensors(contentsOf: checkpoint.url.appending(path: self.optimizer))
    let parameters = optimizer.parameters
    var moments: [[Float]] = []
    for prefix in prefixes {
      var flat = [Float](repeating: 0, count: parameters.count)
      for tensor in parameters.segments.flatMap(\.tensors) {
        let name = prefix + tensor.name
        guard let entry = file.entry(name) else {
          throw ModelError.missingTensor(file: file.file.path, tensor: name)
        }
        guard entry.shape == tensor.shape else {
          throw ModelError.wrongShape(
            file: file.file.path, tensor: name, found: entry.shape, expected: tensor.shape)
        }
        try flat.withUnsafeMutableBufferPointer {
          try file.copy(name, into: UnsafeMutableBufferPointer(rebasing: $0[tensor.range]))
        }
      }
      moments.append(flat)
    }
    optimizer.restore(step: step, first: moments[0], second: moments[1])
  }

  /// What transformers' AutoTokenizer reads beside tokenizer.json.
  private static func write(
    _ specials: SpecialTokens, of tokenizer: Tokenizer, maximumLength: Int, to folder: URL
  ) throws {
    let name = { (id: Int32) in tokenizer.decode([id]) }
    var file = JSONObject()
    file.set("tokenizer_class", "PreTrainedTokenizerFast")
    file.set("model_max_length", maximumLength)
    file.set("pad_token", name(specials.padding))
    file.set("bos_token", name(specials.beginning))
    file.set("eos_token", name(specials.end))
    if specials.mask != SpecialTokens.absent { file.set("mask_token", name(specials.mask)) }
    if let unknown = tokenizer.unknown { file.set("unk_token", name(unknown)) }
    file.set("clean_up_tokenization_spaces", false)
    let data = Data("\(file)\n".utf8)
    try FileSystem.write(data, to: folder.appending(path: "tokenizer_config.json"))
  }
}
