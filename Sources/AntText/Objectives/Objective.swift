import AntBatch

/// A way to make a language model's task out of plain text: what a model sees of a block of tokens, and what it is to
/// say where.
///
/// An objective holds no state. What it draws depends on its ``Sample`` alone, so a block gets the same task however
/// an epoch is cut into batches and wherever a run was resumed. Each sequence has its own mask and its own labels: an
/// attention mask is an interval of keys per position, and one launch serves them all.
///
/// To add one, write a type like ``CausalObjective`` and hand `Objectives.standard + [Mine()]` to whoever takes a list.
public protocol Objective: Sendable {
  /// As schedules spell it: letters and digits.
  var name: String { get }
  /// What it asks of the model, in a few words: for help.
  var summary: String { get }
  /// Whether it hides tokens behind the tokenizer's mask token.
  var needsMaskToken: Bool { get }
  /// How many positions before its token a label stands: 1 where the next token is predicted, 0 where a token is in its
  /// own place.
  var shift: Int { get }
  /// Whether every position sees the whole block, so that hidden tokens are predicted in the light of all others.
  var readsBothWays: Bool { get }
  /// Whether a run reports its development loss even where the schedule does not name it.
  var isAlwaysEvaluated: Bool { get }

  /// The task over one block.
  ///
  /// - Parameter block: token ids; at least one.
  func sequence(from block: [Int32], _ sample: Sample) -> TokenSequence
}

/// Which block of a run a task is made of, and how tokens are hidden: all that may decide a draw.
public struct Sample: Sendable {
  /// The block's place in the order of the epoch.
  public var number: Int
  /// Pass over the text, from 0.
  public var epoch: Int
  /// The run's.
  public var seed: UInt64
  public var masking: Masking
  /// Whether the text is held out: then what is drawn for a sequence as a whole is fixed instead, so that losses vary less.
  public var isHeldOut: Bool
  /// Whether the documents packed in a block are kept apart.
  public var splitsDocuments: Bool

  public init(
    number: Int, epoch: Int, seed: UInt64, masking: Masking, isHeldOut: Bool = false,
    splitsDocuments: Bool = false
  ) {
    self.number = number
    self.epoch = epoch
    self.seed = seed
    self.masking = masking
    self.isHeldOut = isHeldOut
    self.splitsDocuments = splitsDocuments
  }
}

extension Objective {
  public var needsMaskToken: Bool { false }
  public var shift: Int { 1 }
  public var readsBothWays: Bool { false }
  public var isAlwaysEvaluated: Bool { false }

  /// The task over `blocks`, side by side.
  ///
  /// - Parameter first: the sample of `blocks[0]`; the others follow it in the epoch's order.
  public func batch(_ blocks: [[Int32]], from first: Sample) -> Batch {
    Batch(sequences(over: blocks[...], from: first), padding: first.masking.specials.padding)
  }

  /// The tasks over `blocks`, numbered as in ``batch(_:from:)``.
  func sequences(over blocks: ArraySlice<[Int32]>, from first: Sample) -> [TokenSequence] {
    blocks.enumerated().map { offset, block in
      var sample = first
      sample.number += offset
      return sequence(ofBlock: block, sample)
    }
  }

  /// The task over one block, of which documents are kept apart where the sample says so: one begins at a beginning token
  /// that follows an ending one.
  func sequence(ofBlock block: [Int32], _ sample: Sample) -> TokenSequence {
    var sequence = sequence(from: block, sample)
    if sample.splitsDocuments {
      let specials = sample.masking.specials
      let starts = block.indices.dropFirst().filter {
        block[$0] == specials.beginning && block[$0 - 1] == specials.end
      }
      sequence.split(at: starts, shift: shift)
    }
    return sequence
  }
}
