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
    let model = try ModelConfiguration(contentsOf: url, architectures: architectures)
    struct Section: Decodable { var antlm: TrainingConfiguration? }
    let data = try FileSystem.read(url)
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: Self.infinity, negativeInfinity: "-" + Self.infinity, nan: "nan")
    do {
      guard let antlm = try decoder.decode(Section.self, from: data).antlm else {
        throw RunError.notARun(path: run)
      }
      self.init(model: model, antlm: antlm)
    } catch let error as DecodingError {
      let key =
        switch error {
        case .keyNotFound(let key, _):
          "no key '\(key.stringValue)': another version of antlm began this run; finish it with that one, or start a new one"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
          "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' of the wrong type"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
          "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' with a value that it cannot have"
        case .dataCorrupted: "no valid JSON"
        @unknown default: "not a configuration"
        }
      throw RunError.configuration(path: url.path, reason: "its \"antlm\" section has \(key)")
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
