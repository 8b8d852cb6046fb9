import AntDevice
import AntInference
import ArgumentParser

/// Which trained model to use: the arguments of every subcommand that asks one.
struct ModelArguments: ParsableArguments {
  @Argument(help: "A run's folder, or one of its checkpoints.")
  var run: String

  @Option(help: "Which checkpoint of the run: latest, best or step-N.")
  var checkpoint = "latest"

  @OptionGroup var compute: DeviceOptionGroup

  func open() throws -> (TrainedModel, any Device) {
    let device = try compute.open()
    return (try TrainedModel(run, checkpoint: checkpoint, on: device), device)
  }
}
