/// The architectures that a program knows, in the order in which they are listed. A caller puts its own beside them and
/// hands the list to what reads models:
///
///     let known = Architectures.standard + [MyArchitecture.self]
///     let model = try ModelFolder.read(folder, on: device, architectures: known)
///
/// Where two have a name in common, the first one has it.
public struct Architectures: Sendable, ExpressibleByArrayLiteral {
  public let types: [any Architecture.Type]

  public init(_ types: [any Architecture.Type]) { self.types = types }
  public init(arrayLiteral types: any Architecture.Type...) { self.init(types) }

  /// Those of this package.
  public static let standard: Architectures = [
    LlamaConfiguration.self, LTGBertConfiguration.self, Qwen3Configuration.self,
  ]

  public static func + (a: Self, b: Self) -> Self { Self(a.types + b.types) }

  /// What `model_type` may be.
  public var modelTypes: [String] { types.map { $0.modelType } }

  /// The architecture that config.json calls so; nil where there is none.
  public subscript(modelType name: String) -> (any Architecture.Type)? {
    types.first { $0.modelType == name }
  }

  public var presetNames: [String] { types.flatMap { $0.presetNames } }

  /// The preset called `name`; nil where there is none.
  ///
  /// - Parameter maximumLength: positions, where the architecture has a limit; nil for the preset's own.
  public func preset(_ name: String, vocabularySize: Int, maximumLength: Int? = nil) -> ModelConfiguration? {
    for type in types {
      if let sizes = type.preset(name, vocabularySize: vocabularySize, maximumLength: maximumLength) {
        return ModelConfiguration(sizes)
      }
    }
    return nil
  }

  /// The presets whose speed is measured where none is named.
  public var benchmarkPresets: [String] { types.compactMap { $0.benchmarkPreset } }
}
