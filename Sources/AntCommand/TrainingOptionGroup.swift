import AntModels
import AntTraining
import ArgumentParser

/// The options of a training run on the command line, one for each that ``TrainingOptions`` offers.
///
/// ArgumentParser finds the options of a type among the children of its mirror, which are those of the list here, and
/// decodes each under its child's name.
struct TrainingOptionGroup: ParsableArguments, CustomReflectable {
  /// What was given, by the options' names, as it was written, each time that it was.
  private(set) var given: [String: [String]] = [:]

  private static let offered = TrainingOptions.list.compactMap { option in
    option.offer.map { (option: option, offer: $0) }
  }

  init() {}

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: TrainingOptionKey.self)
    for (option, offer) in Self.offered {
      let key = TrainingOptionKey(option.name)
      if offer.isSwitch {
        if try members.decode(Flag<Bool>.self, forKey: key).wrappedValue { given[option.name] = ["true"] }
      } else if offer.isRepeatable {
        let texts = try members.decode(Option<[String]>.self, forKey: key).wrappedValue
        if !texts.isEmpty { given[option.name] = texts }
      } else {
        given[option.name] = try members.decode(Option<String?>.self, forKey: key).wrappedValue.map { [$0] }
      }
    }
  }

  var customMirror: Mirror {
    let children = Self.offered.map { option, offer in
      (label: Optional(option.name), value: Self.argument(option, offer))
    }
    return Mirror(self, children: children, displayStyle: .struct)
  }

  /// What ArgumentParser makes of an option.
  private static func argument(_ option: any AnyTrainingOption, _ offer: TrainingOptionOffer) -> Any {
    let name = NameSpecification.customLong(offer.flag)
    let help = ArgumentHelp(Self.help(option, offer), valueName: offer.valueName)
    if offer.isSwitch { return Flag(wrappedValue: false, name: name, help: help) }
    if offer.isRepeatable {
      return Option<[String]>(wrappedValue: [], name: name, help: help, transform: { $0 })
    }
    return Option<String?>(name: name, help: help, transform: { $0 })
  }

  private static func help(_ option: any AnyTrainingOption, _ offer: TrainingOptionOffer) -> String {
    let text = option.text(in: TrainingConfiguration.usual)
    return offer.isSwitch || text.isEmpty || text == "nil" ? offer.help : "\(offer.help) (default: \(text))"
  }

  /// The first option given, as it is written.
  var first: String? {
    Self.offered.first { given[$0.option.name] != nil }.map { "--\($0.offer.flag)" }
  }

  func validate() throws {
    var configuration = TrainingConfiguration.usual
    try apply(to: &configuration)
  }

  /// - Throws: a usage error for a text that is no value.
  func apply(to configuration: inout TrainingConfiguration) throws {
    for (option, offer) in Self.offered {
      for text in given[option.name] ?? [] where !option.take(text, in: &configuration) {
        let expected = option.complaint(aboutText: text) ?? Self.form(option, offer)
        throw ValidationError("--\(offer.flag) is '\(text)'; it must be \(expected)")
      }
    }
  }

  /// What a value looks like.
  private static func form(_ option: any AnyTrainingOption, _ offer: TrainingOptionOffer) -> String {
    if let values = offer.valueName, values.contains("|") {
      return "one of \(values.split(separator: "|").joined(separator: ", "))"
    }
    let example = option.text(in: TrainingConfiguration.usual)
    return example == "nil" || example.isEmpty ? "a number" : "a value such as \(example)"
  }
}
