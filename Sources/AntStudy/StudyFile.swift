import AntAutograd
import AntEvaluation
import AntFiles
import AntInference
import AntModels
import AntText
import AntTraining
import Foundation
import Yams

/// Reads `study.yaml`. Whatever is wrong is told by line, and a key nobody knows is refused rather than passed
/// over.
extension Study {
  /// The study of order and frequency that `antlm study` runs where it is given none.
  public static let defaultFile = String(decoding: PackageResources.study_yaml, as: UTF8.self)

  /// - Parameters:
  ///   - path: paths in the file are relative to its folder; nil for ``defaultFile``.
  ///   - architectures: those whose presets it may name.
  ///   - objectives: those that its schedules may name, CLM and MLM among them.
  ///   - optimizers: those that its options may name.
  /// - Throws: ``StudyError``, or ``FileError`` where the file cannot be read.
  public init(
    contentsOf path: String?, architectures: Architectures = .standard, objectives: Objectives = .standard,
    optimizers: OptimizerRules = .standard
  ) throws {
    let text: String
    if let path {
      let data = try FileSystem.read(SystemPath(reading: path))
      guard let read = String(validating: data.dropFirst(TextLayout.start(of: data)), as: UTF8.self) else {
        let encoding = TextLayout.otherEncoding(of: data)
        throw StudyError.file(
          path: path, line: nil,
          reason: "\(encoding.map { "in \($0)" } ?? "not valid UTF-8"); convert it, for example with iconv")
      }
      text = read
    } else {
      text = Self.defaultFile
    }
    try self.init(
      yaml: text, path: path ?? "study.yaml", architectures: architectures, objectives: objectives,
      optimizers: optimizers)
  }

  init(
    yaml: String, path: String, architectures: Architectures = .standard, objectives: Objectives = .standard,
    optimizers: OptimizerRules = .standard
  ) throws {
    let root = try StudyNode(yaml: yaml, path: path)
    let fields = try root.fields([
      "models", "epochs", "schedules", "seeds", "english", "text", "pairs", "preset", "training",
    ])
    let folder = FileSystem.url(path).deletingLastPathComponent()
    func absolute(_ path: String) -> String {
      FileSystem.url(path, relativeTo: folder).path
    }

    models = try root.required("models", in: fields).items().map { node in
      let model = try node.string()
      guard model.hasSuffix(".json") || architectures.presetNames.contains(model) else {
        throw node.error(
          "no model '\(model)'; give one of \(architectures.presetNames.joined(separator: ", ")), or a config.json"
        )
      }
      guard Self.isPlain(Self.shortName(model)) else {
        throw node.error(
          "a model's file cannot be called '\(Self.shortName(model))' here; \(Self.plainNames)")
      }
      return model.hasSuffix(".json") ? absolute(model) : model
    }
    epochs = try root.required("epochs", in: fields).integer(1...1_000_000)
    let epochs = epochs
    let shared = try Self.training(
      fields["training"], preset: fields["preset"], in: root, optimizers: optimizers)
    training = shared
    schedules = Self.baselines.map {
      NamedSchedule(name: $0, notation: "\(epochs)_\($0)", training: shared)
    }
    for (name, node) in try root.required("schedules", in: fields).entries() {
      guard Self.isPlain(name) else {
        throw node.error("a schedule cannot be called '\(name)'; \(Self.plainNames)")
      }
      let own = node.isMapping ? try node.fields(["schedule", "training"]) : [:]
      let training =
        try own["training"].map { try Self.training($0, over: shared, optimizers: optimizers) } ?? shared
      guard training.batch == shared.batch, training.length == shared.length else {
        throw node.error(
          "batch and length are the study's, so that steps can be compared; leave them out here")
      }
      if let baseline = schedules.firstIndex(where: { $0.name == name }) {
        guard node.isMapping, own["schedule"] == nil, own["training"] != nil else {
          throw node.error(
            "CLM and MLM alone are trained anyway; give '\(name)' nothing but options of its own "
              + "('\(name): {training: {dropout: 0.1}}'), leave it out, or call it something else")
        }
        schedules[baseline].training = training
        continue
      }
      do {
        let schedule = try Schedule((own["schedule"] ?? node).string(), objectives: objectives)
        let lengths = schedule.phases.map { if case .epochs(let count) = $0.duration { count } else { 0 } }
        let sum = lengths.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        guard sum == epochs || lengths.contains(0) else {
          throw node.error(
            "'\(name)' has \(sum) epochs and the study \(epochs); let its epochs add up to \(epochs)")
        }
        schedules.append(NamedSchedule(name: name, notation: schedule.description, training: training))
      } catch let error as ScheduleError {
        throw node.error("\(error)")
      }
    }
    let seedsNode = try root.required("seeds", in: fields)
    seeds = try seedsNode.items().map { UInt64(try $0.integer(0...Int(Int32.max))) }
    guard Set(seeds).count == seeds.count else { throw seedsNode.error("'seeds' names one seed twice") }

    if let node = fields["text"] {
      if let other = fields["english"] { throw other.error("give 'text' or 'english', not both") }
      let files = try node.fields(["train", "dev", "tokenizer"])
      text = .files(
        training: try node.required("train", in: files).items().map { absolute(try $0.string()) },
        development: try files["dev"]?.items().map { absolute(try $0.string()) } ?? [],
        tokenizer: absolute(try node.required("tokenizer", in: files).string()))
    } else {
      let english = try fields["english"]?.fields(["sentences", "vocabulary", "pairs"]) ?? [:]
      text = .english(
        sentences: try english["sentences"]?.integer(100...1_000_000_000) ?? 12_000,
        vocabulary: try english["vocabulary"]?.integer(300...65_536) ?? 1024,
        pairs: try english["pairs"]?.integer(1...10_000) ?? 100)
    }
    if let node = fields["pairs"] {
      let given = try node.fields(["paths", "limit", "rule", "scoring", "best"])
      pairs.paths = try given["paths"]?.items().map { absolute(try $0.string()) } ?? []
      pairs.limit = try given["limit"]?.integer(1...1_000_000_000)
      if let rule = given["rule"] { pairs.rule = try rule.choice(MinimalPairs.Rule.self) }
      if let scoring = given["scoring"] {
        pairs.scoring = try scoring.items().map { try $0.choice(Scoring.self) }
        guard Set(pairs.scoring).count == pairs.scoring.count else {
          throw scoring.error("one way of scoring stands here twice")
        }
      }
      if let best = given["best"] {
        guard let value = Bool(try best.string()) else { throw best.error("expected true or false") }
        pairs.scoresBest = value
        if value, case .files(_, let development, _) = text, development.isEmpty {
          throw best.error("the best checkpoint is told by a development text; give 'dev' in 'text'")
        }
      }
      if pairs.rule == .babylm2024, pairs.scoring.contains(.mntp) {
        throw node.error("mntp needs rule 2025: the evaluation of 2024 has none")
      }
    }
    if case .files = text, pairs.paths.isEmpty {
      throw root.error(
        "'pairs' is missing; text of your own needs minimal pairs to compare by: pairs: {paths: [blimp]}")
    }

    if let twice = Dictionary(grouping: jobs, by: \.name).first(where: { $0.value.count > 1 })?.key {
      throw root.error("two runs would be called '\(twice)'; call a model or a schedule something else")
    }
  }

  /// What all runs share.
  private static func training(
    _ node: StudyNode?, preset: StudyNode?, in root: StudyNode, optimizers: OptimizerRules
  ) throws -> TrainingConfiguration {
    var training = TrainingConfiguration.usual
    if let preset {
      do {
        training = try Recipe.named(preset.string()).configuration(training: [])
      } catch let error as TrainingError {
        throw preset.error("\(error)")
      }
    }
    return try Self.training(
      node ?? root, options: node?.entries() ?? [], over: training, optimizers: optimizers)
  }

  private static func training(
    _ node: StudyNode, over former: TrainingConfiguration, optimizers: OptimizerRules
  ) throws -> TrainingConfiguration {
    try training(node, options: node.entries(), over: former, optimizers: optimizers)
  }

  private static func training(
    _ node: StudyNode, options: [(key: String, value: StudyNode)], over former: TrainingConfiguration,
    optimizers: OptimizerRules
  ) throws -> TrainingConfiguration {
    let training = try replacing(options, in: former)
    guard optimizers[training.optimizer] != nil else {
      throw node.error(
        "optimizer is '\(training.optimizer)'; it must be one of "
          + optimizers.names.joined(separator: ", "))
    }
    do {
      try training.validate()
    } catch let error as TrainingError {
      // The option at fault is the one without which all would be well.
      let culprit = options.indices.first { index in
        var others = options
        others.remove(at: index)
        return (try? replacing(others, in: former).validate()) != nil
      }
      throw (culprit.map { options[$0].value } ?? node).error("\(error)")
    }
    return training
  }

  /// `configuration` with the options of a file in place.
  private static func replacing(
    _ options: [(key: String, value: StudyNode)], in configuration: TrainingConfiguration
  ) throws -> TrainingConfiguration {
    var configuration = configuration
    for (key, node) in options {
      let option = TrainingOptions.list.first { $0.name == key }
      guard option?.role ?? .setting == .setting else {
        throw node.error("'\(key)' is decided by the study; leave it out of 'training'")
      }
      let text = try node.string()
      if let expected = option?.complaint(aboutText: text) {
        throw node.error("'\(key)' is '\(text)'; it must be \(expected)")
      }
      guard let option, option.take(text, in: &configuration) else {
        throw node.error(
          "'training' has no '\(key)' with the value \(text); "
            + "a run's config.json shows names and values under \"antlm\"")
      }
    }
    return configuration
  }

  /// Whether a name may be part of a folder's, in any file system and any table.
  private static func isPlain(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count) && !name.hasPrefix(".")
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._+-".contains($0)) }
  }

  private static let plainNames = "use up to 64 letters, digits, '-', '_', '+' and '.'"
}

/// A place in a YAML file.
private struct StudyNode {
  let node: Node
  let path: String

  init(yaml: String, path: String) throws {
    self.path = path
    do {
      guard let node = try Yams.compose(yaml: yaml) else {
        throw StudyError.file(
          path: path, line: nil, reason: "it is empty; a study names models, schedules and seeds")
      }
      self.node = node
    } catch let error as YamlError {
      switch error {
      case .parser(_, let problem, let mark, _) where problem.contains("nesting level"):
        throw StudyError.file(
          path: path, line: mark.line,
          reason: "lists and mappings lie too deep inside each other; a study needs six levels")
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw StudyError.file(path: path, line: mark.line, reason: "not YAML: \(problem)")
      case .duplicatedKeysInMapping(let keys, _):
        throw StudyError.file(
          path: path, line: nil, reason: "'\(keys.sorted().joined(separator: "', '"))' stands there twice")
      default:
        throw StudyError.file(path: path, line: nil, reason: "not YAML: \(error)")
      }
    }
  }

  private init(_ node: Node, path: String) {
    self.node = node
    self.path = path
  }

  func error(_ reason: String) -> StudyError { .file(path: path, line: node.mark?.line, reason: reason) }

  var isMapping: Bool { node.mapping != nil }

  func entries() throws -> [(key: String, value: StudyNode)] {
    guard let mapping = node.mapping else { throw error("expected names and values, such as 'batch: 32'") }
    return try mapping.map { key, value in
      guard let name = key.string else { throw error("expected names and values, such as 'batch: 32'") }
      return (name, StudyNode(value, path: path))
    }
  }

  /// The members of a mapping that may have these and no others.
  func fields(_ known: [String]) throws -> [String: StudyNode] {
    var fields: [String: StudyNode] = [:]
    for (key, value) in try entries() {
      guard known.contains(key) else {
        throw value.error("unknown key '\(key)'; known here are \(known.joined(separator: ", "))")
      }
      fields[key] = value
    }
    return fields
  }

  func required(_ key: String, in fields: [String: StudyNode]) throws -> StudyNode {
    guard let field = fields[key] else {
      throw error("'\(key)' is missing; add it")
    }
    return field
  }

  func items() throws -> [StudyNode] {
    guard let sequence = node.sequence, !sequence.isEmpty else {
      throw error("expected a list with at least one member, such as [a, b]")
    }
    return sequence.map { StudyNode($0, path: path) }
  }

  func string() throws -> String {
    guard let scalar = node.scalar?.string, !scalar.isEmpty else {
      throw error("expected a number or a text")
    }
    return scalar
  }

  func integer(_ range: ClosedRange<Int>) throws -> Int {
    guard let value = node.scalar.flatMap({ Int($0.string) }), range.contains(value) else {
      throw error("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) throws -> Choice
  where Choice.RawValue == String {
    guard let choice = Choice(rawValue: try string()) else {
      throw error("expected one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
}
