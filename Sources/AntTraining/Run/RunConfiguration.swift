import AntFiles
import AntModels
import Foundation

/// A run's config.json: the model's Hugging Face keys, and every training option under "antlm".
package struct RunConfiguration: Encodable {
  package var model: ModelConfiguration
  package var antlm: TrainingConfiguration

  private enum Key: String, CodingKey { case antlm }

  /// How infinity, for which JSON has no number, is written: what `--clip` takes.
  private static let infinity = "inf"

  package init(model: ModelConfiguration, antlm: TrainingConfiguration) {
    self.model = model
    self.antlm = antlm
  }

  package func encode(to encoder: any Encoder) throws {
    try model.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(antlm, forKey: .antlm)
  }

  /// - Parameters:
  ///   - run: the folder as the user named it.
  ///   - architectures: those its model may be of.
  package init(contentsOf url: URL, run: String, architectures: Architectures = .standard) throws {
    let model: ModelConfiguration
    do {
      model = try ModelConfiguration(contentsOf: url, architectures: architectures)
    } catch ModelError.invalidConfiguration(_, let problem) {
      throw RunError.configuration(
        path: url.path, reason: "\(problem); restore it from a copy, or start a new run")
    }
    struct Section: Decodable { var antlm: TrainingConfiguration? }
    let data = try FileSystem.read(own: url)
    do {
      guard let antlm = try JSONReader(infinity: Self.infinity).decode(Section.self, from: data).antlm else {
        throw RunError.notARun(path: run)
      }
      self.init(model: model, antlm: antlm)
    } catch let error as DecodingError {
      let problem =
        if case .keyNotFound = error {
          "\(error.problem): another version of antlm began this run; finish it with that one, or start a new one"
        } else { error.problem }
      throw RunError.configuration(path: url.path, reason: problem)
    }
  }

  package func write(to url: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: Self.infinity, negativeInfinity: "-" + Self.infinity, nan: "nan")
    try FileSystem.write(try encoder.encode(self) + Data("\n".utf8), to: url)
  }
}
