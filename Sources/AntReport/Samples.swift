import AntDevice
import AntFiles
import AntInference
import AntModels
import AntTraining
import Foundation

/// What the newest checkpoint of a run writes: each prompt continued, or filled in where it has `[MASK]`s, whatever
/// the tokenizer calls them.
public struct Samples: Sendable {
  /// What came of one prompt.
  public enum Answer: Sendable {
    /// The prompt with its likeliest continuation, and with one that was drawn.
    case continued(likeliest: String, drawn: String)
    /// The prompt with the likeliest token in each blank, and for each the candidates with their probabilities.
    case filled(String, candidates: [[(token: String, probability: Double)]])
    /// The prompt has blanks and the tokenizer no mask.
    case cannotFill
  }

  /// A start of two kinds, and blanks for a verb and for an adjective.
  public static let defaultPrompts = [
    "The", "The girl", "The dog [MASK] the ball.", "The girls near the house [MASK] happy.",
  ]

  /// Of the checkpoint.
  public let step: Int
  /// One for each prompt, in order.
  public let answers: [Answer]

  private static let tokens = 40
  private static let candidates = 5

  /// - Parameters:
  ///   - run: a run directory.
  ///   - architectures: those its model may be of.
  /// - Returns: nil where the run has no checkpoint yet.
  public init?(
    of run: String, prompts: [String], on device: any Device, architectures: Architectures = .standard
  ) throws {
    guard let (trained, checkpoint) = try Self.newest(run, on: device, architectures) else { return nil }
    step = checkpoint.step
    answers = try prompts.map { prompt in
      do {
        return try Self.answer(prompt, trained)
      } catch InferenceError.tooLong(_, let tokens, let maximum) {
        throw SampleError.tooLong(prompt: prompt, tokens: tokens, maximum: maximum, run: run)
      }
    }
  }

  /// A run in training may put a newer checkpoint in the place of the one being read: then that one is read.
  private static func newest(
    _ run: String, on device: any Device, _ architectures: Architectures
  ) throws -> (TrainedModel, Checkpoint)? {
    let directory = try RunDirectory(run)
    var seen: Checkpoint?
    while true {
      guard let checkpoint = try directory.checkpoints().last else { return nil }
      do {
        // Of the run, whose schedule says how hidden tokens are read.
        return (
          try TrainedModel(run, checkpoint: checkpoint.name, on: device, architectures: architectures),
          checkpoint
        )
      } catch {
        if checkpoint == seen || FileSystem.exists(checkpoint.url) { throw error }
        seen = checkpoint
      }
    }
  }

  /// What a blank is called in prompts for models of several tokenizers.
  private static let blank = "[MASK]"

  private static func hasBlanks(_ prompt: String, mask: String?) -> Bool {
    ([blank] + (mask.map { [$0] } ?? [])).contains { prompt.utf8.contains($0.utf8) }
  }

  private static func answer(_ prompt: String, _ trained: TrainedModel) throws -> Answer {
    let tokenizer = trained.tokenizer
    let mask = (try? tokenizer.requireMask()).map { tokenizer.decode([$0]) }
    if hasBlanks(prompt, mask: mask) {
      guard let mask else { return .cannotFill }
      let ids = try tokenizer.encodeBlanks(prompt.replacingExactly(blank, with: mask))
      let fillIn = FillIn(trained)
      let blanks = try fillIn(ids, top: candidates)
      return .filled(
        tokenizer.decodeText(fillIn.filled(ids, with: blanks)),
        candidates: blanks.map { blank in
          blank.map { (tokenizer.decode([$0.id]).trimmingCharacters(in: .whitespaces), $0.probability) }
        })
    }
    let start = tokenizer.encode(prompt.withoutTrailingSpace)
    let generator = Generator(trained)
    func continuation(_ sampler: Sampler) throws -> String {
      let ids = try generator(prompt: start, tokens: tokens, sampler: sampler)[0]
      return tokenizer.decodeText(start + ids, skippingSpecials: true)
    }
    return .continued(
      likeliest: try continuation(Sampler(temperature: 0)), drawn: try continuation(Sampler()))
  }
}

/// A prompt that a run cannot take.
public enum SampleError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(prompt: String, tokens: Int, maximum: Int, run: String)

  public var description: String {
    switch self {
    case .tooLong(let prompt, let tokens, let maximum, let run):
      "the prompt '\(prompt.prefix(40))…' has \(tokens) tokens, specials included, and the model of \(run) "
        .onOneLine + "\(maximum) positions; shorten it"
    }
  }
}
