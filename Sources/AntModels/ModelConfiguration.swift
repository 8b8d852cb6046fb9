import AntFiles
import Foundation

/// The architecture of a model, whichever it is: what a config.json says.
public struct ModelConfiguration: Equatable, Sendable {
  public var architecture: any Architecture

  public init(_ architecture: any Architecture) { self.architecture = architecture }

  public static func == (a: Self, b: Self) -> Bool {
    func equals<Sizes: Architecture>(_ sizes: Sizes) -> Bool { b.architecture as? Sizes == sizes }
    return equals(a.architecture)
  }

  /// The same model with these special tokens.
  public func withSpecialTokens(beginning: Int?, end: Int?, padding: Int?) -> Self {
    var architecture = architecture
    architecture.beginningID = beginning
    architecture.endID = end
    architecture.paddingID = padding
    return Self(architecture)
  }
}

extension ModelConfiguration: Encodable, DecodableWithConfiguration {
  private enum Key: String, CodingKey {
    case modelType = "model_type"
    case quantization = "quantization_config"
  }

  private struct Quantization: Decodable {
    var method: String?
    enum CodingKeys: String, CodingKey { case method = "quant_method" }
  }

  /// - Parameter architectures: what `model_type` may name.
  public init(from decoder: any Decoder, configuration architectures: Architectures) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    let name = try keys.decode(String.self, forKey: .modelType)
    guard let type = architectures[modelType: name] else {
      throw DecodingError.dataCorruptedError(
        forKey: .modelType, in: keys,
        debugDescription: "model_type is '\(name)', not \(architectures.modelTypes.joined(separator: " or "))"
      )
    }
    if let quantization = try keys.decodeIfPresent(Quantization.self, forKey: .quantization) {
      throw DecodingError.dataCorruptedError(
        forKey: .quantization, in: keys,
        debugDescription: "quantization_config is there: its weights are quantized"
          + (quantization.method.map { " (\($0))" } ?? "") + ", which are not read")
    }
    self.init(try type.init(from: decoder))
  }

  public func encode(to encoder: any Encoder) throws { try architecture.encode(to: encoder) }

  /// Reads a `config.json`; keys it does not know are passed over.
  ///
  /// - Parameter architectures: what `model_type` may name.
  /// - Throws: ``ModelError``.
  public init(contentsOf file: URL, architectures: Architectures = .standard) throws {
    let data: Data
    do {
      data = try Data(contentsOf: file)
    } catch {
      throw ModelError.unreadable(
        file: file.path, problem: FileSystem.exists(file) ? "cannot be read" : "is not there")
    }
    try self.init(data, file: file.path, architectures: architectures)
  }

  /// As ``init(contentsOf:architectures:)``, of what a file held.
  ///
  /// - Parameter file: what errors call it.
  public init(_ data: Data, file: String, architectures: Architectures = .standard) throws {
    do {
      self = try JSONDecoder().decode(Self.self, from: data, configuration: architectures)
    } catch let error as DecodingError {
      let problem =
        switch error {
        case .keyNotFound(let key, _): "no key '\(key.stringValue)'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
          "'\(context.codingPath.last?.stringValue ?? "the whole")' has the wrong type"
        case .dataCorrupted(let context):
          // Foundation's own words, with or without a reason, are for programmers.
          context.underlyingError != nil || context.debugDescription.hasPrefix("The given data was not")
            ? "not valid JSON" : context.debugDescription
        @unknown default: "not a configuration"
        }
      throw ModelError.invalidConfiguration(file: file, problem: problem)
    }
  }
}
