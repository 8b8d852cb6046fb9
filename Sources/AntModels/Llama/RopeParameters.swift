/// The rotary positions of a `config.json`, as transformers 5 reads them: `rope_scaling` where that says anything, else
/// `rope_parameters`, and a base within goes before the `rope_theta` beside it.
struct RopeParameters: Decodable {
  /// The base; nil where it stands elsewhere.
  let theta: Double?
  let isEmpty: Bool
  /// What makes these other positions than a Llama's here; nil where nothing does.
  let problem: String?

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    static let theta = Key(stringValue: "rope_theta")
    static let part = Key(stringValue: "partial_rotary_factor")
    /// The name of now, and that of older files.
    static let types = [Key(stringValue: "rope_type"), Key(stringValue: "type")]
  }

  init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: Key.self)
    isEmpty = keys.allKeys.isEmpty
    // Models whose layers differ have one such object for each type of layer.
    let nested = keys.allKeys.map(\.stringValue).sorted().first {
      (try? keys.nestedContainer(keyedBy: Key.self, forKey: Key(stringValue: $0))) != nil
    }
    if let nested {
      theta = nil
      problem = "different for layers of type '\(nested)'"
      return
    }
    theta = try keys.decodeIfPresent(Double.self, forKey: .theta)
    let type = try Key.types.lazy.compactMap { try keys.decodeIfPresent(String.self, forKey: $0) }.first
    let part = try keys.decodeIfPresent(Double.self, forKey: .part) ?? 1
    problem =
      if let type, type != "default" {
        "of type '\(type)'"
      } else {
        part == 1 ? nil : "for \(part) of a head, not all of it"
      }
  }
}
