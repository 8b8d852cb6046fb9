import AntAutograd
import AntDevice
import AntFiles
import AntModels
import AntTraining
import Foundation

extension Benchmark {
  /// A checkpoint of the model and its optimizer's moments, from the device to a new folder inside `folder`, synced and
  /// renamed as in training. Nothing older is removed meanwhile; the folder goes away in the end.
  public func checkpoint(_ configuration: any Architecture, preset: String, in folder: String) throws
    -> Result
  {
    try TrainingMemory(configuration, tokens: 1, on: device.info).require(batch: 1)
    let model = configuration.makeModel(seed: 1, on: device)
    let optimizer = Optimizer(model.parameters)
    let path = FileSystem.url(folder).appending(path: ".antlm-bench-\(getpid())")
    let run = try RunDirectory.create(path.path)
    defer { try? FileSystem.remove(path) }
    let bytes = 3 * 4 * configuration.parameterCount
    // Moments are zeroed before the clock runs.
    try device.synchronize()
    var step = 0
    return try time("checkpoint", "\(preset) \(bytes / 1_000_000) MB", warmups: 0) {
      step += 1
      try run.writeCheckpoint(step: step, best: nil, keep: 0) { folder in
        try CheckpointFiles.writeWeights(of: model, optimizer, average: nil, to: folder)
      }
    }
  }
}
