import AntAutograd
import AntFiles
import AntModels
import AntText
import Foundation

/// The files of a checkpoint: a Hugging Face folder, and what training needs beside it.
///
///     config.json  generation_config.json  model.safetensors      the model
///     tokenizer.json  tokenizer_config.json                       the tokenizer
///     optimizer.safetensors                                       both moments of every tensor; with a running
///                                                                 mean of the weights, which then is the model,
///                                                                 the weights themselves as well
///     trainer.json                                                step and best (see ``TrainerState``)
package enum CheckpointFiles {
  package static let optimizer = "optimizer.safetensors"
  private static let prefixes = ["firstMoment.", "secondMoment."]
  private static let weights = "weights."

  static func write(
    model: any Transformer, optimizer: Optimizer, average: WeightAverage?, tokenizer: Tokenizer,
    state: TrainerState, to folder: URL
  ) throws {
    try writeWeights(of: model, optimizer, average: average, to: folder)
    try tokenizer.write(to: folder.appending(path: "tokenizer.json"))
    try write(tokenizer.specials, of: tokenizer, maximumLength: model.maximumLength, to: folder)
    try state.write(to: folder)
  }

  /// The model, and what the optimizer remembers.
  package static func writeWeights(
    of model: any Transformer, _ optimizer: Optimizer, average: WeightAverage?, to folder: URL
  ) throws {
    average?.exchange()
    defer { average?.exchange() }
    try model.write(to: folder)
    let tensors = model.parameters.segments.flatMap(\.tensors)
    var kept = Array(zip(prefixes, [optimizer.firstMoment, optimizer.secondMoment]))
    if let average { kept.append((weights, average.mean)) }
    let sources = kept.flatMap { prefix, slice in
      tensors.map { SafeTensors.Source(prefix + $0.name, shape: $0.shape, slice[$0.range], on: model.device) }
    }
    try SafeTensors.write(sources, to: folder.appending(path: self.optimizer))
  }

  /// Gives `optimizer` the moments of `checkpoint`, and where a mean of the weights is kept, which was read as the
  /// model, the model its weights.
  static func restore(
    _ optimizer: Optimizer, _ average: WeightAverage?, step: Int, from checkpoint: Checkpoint
  ) throws {
    let file = try SafeTensors(contentsOf: checkpoint.url.appending(path: self.optimizer))
    let parameters = optimizer.parameters
    var kept: [[Float]] = []
    for prefix in prefixes + (average == nil ? [] : [weights]) {
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
      kept.append(flat)
    }
    optimizer.restore(step: step, first: kept[0], second: kept[1])
    if average != nil { parameters.write(kept[2]) }
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
