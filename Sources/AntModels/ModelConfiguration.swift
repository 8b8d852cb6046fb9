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
  /// - Throws: ``ModelError`` or `FileError`.
  public init(contentsOf file: URL, architectures: Architectures = .standard) throws {
    try self.init(FileSystem.read(own: file), file: file.path, architectures: architectures)
  }

  /// As ``init(contentsOf:architectures:)``, of what a file held.
  ///
  /// - Parameter file: what errors call it.
  public init(_ data: Data, file: String, architectures: Architectures = .standard) throws {
    do {
      try self.init(try JSON(data), file: file, architectures: architectures)
    } catch let error as JSONSyntaxError {
      throw ModelError.invalidConfiguration(file: file, problem: "\(error)")
    }
  }

  /// As ``init(_:file:architectures:)``, of the JSON that was read.
  package init(_ json: JSON, file: String, architectures: Architectures = .standard) throws {
    do {
      self = try JSONReader(userInfo: [Known.key: architectures]).decode(Known.self, from: json).configuration
    } catch let error as DecodingError {
      throw ModelError.invalidConfiguration(file: file, problem: error.problem)
    }
  }

  /// A configuration of the architectures that the reader is told of.
  private struct Known: Decodable {
    static let key: CodingUserInfoKey = {
      guard let key = CodingUserInfoKey(rawValue: "architectures") else { preconditionFailure("a name") }
      return key
    }()

    var configuration: ModelConfiguration

    init(from decoder: any Decoder) throws {
      configuration = try ModelConfiguration(
        from: decoder, configuration: decoder.userInfo[Self.key] as? Architectures ?? .standard)
    }
  }
}
