import Foundation

/// A preset of `antlm train --preset`: a model and how it is trained, each value with where it comes from.
///
/// All of them stand in `recipes.json`, under the names that `config.json` has for them.
public struct Recipe: Sendable, Decodable {
  /// How far a value can be trusted to be that of the work it is named after.
  public enum Standing: String, Sendable, Decodable {
    /// Read in the code, files or article named.
    case source
    /// Told by others, or in a summary.
    case reported
    /// Recalled, or the base model's own where it is not known what was used.
    case unconfirmed
    /// Chosen here.
    case ours
  }

  /// A number, a text, or whether something is done.
  public enum Value: Sendable, Equatable, Decodable, CustomStringConvertible {
    case integer(Int)
    case number(Double)
    case text(String)
    case flag(Bool)

    public init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let integer = try? container.decode(Int.self) {
        self = .integer(integer)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    public var description: String {
      switch self {
      case .integer(let value): "\(value)"
      case .number(let value): "\(value)"
      case .text(let value): value
      case .flag(let value): "\(value)"
      }
    }
  }

  /// One value and where it comes from.
  public struct Entry: Sendable, Decodable {
    public let value: Value
    public let standing: Standing
    public let from: String
  }

  public let about: String
  /// What `antlm tokenizer train` is given to make its tokenizer.
  public let tokenizer: Entry
  /// By the names of ``TrainingConfiguration``.
  public let values: [String: Entry]

  /// By name.
  public static let all: [String: Recipe] = {
    struct File: Decodable { var recipes: [String: Recipe] }
    do {
      return try JSONDecoder().decode(File.self, from: Data(PackageResources.recipes_json)).recipes
    } catch {
      preconditionFailure("recipes.json: \(error)")
    }
  }()

  /// Throws ``TrainingError/option(_:found:expected:)`` where there is none of this name.
  public static func named(_ name: String) throws -> Recipe {
    guard let recipe = all[name] else {
      throw TrainingError.option(
        "preset", found: "'\(name)'", expected: "one of \(all.keys.sorted().joined(separator: ", "))")
    }
    return recipe
  }

  /// The options of a run by this recipe; what it does not name is as ever.
  public func configuration(training: [String]) -> TrainingConfiguration {
    var configuration = TrainingConfiguration(model: "", schedule: "", training: training)
    for (name, entry) in values {
      let option = TrainingOptions.list.first { $0.name == name }
      precondition(
        option?.take("\(entry.value)", in: &configuration) == true,
        "recipes.json: no \(name) of \(entry.value)")
    }
    return configuration
  }
}
