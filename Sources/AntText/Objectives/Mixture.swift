import AntBatch
import AntRandom

/// What one step trains: an objective, or several side by side, each on its share of the step's sequences.
///
///     CLM                  one objective
///     [MNTP:15+CLM:1]      of 16 sequences 15 and 1
///
/// Each sequence has its own mask and its own labels, so that a mixture costs no more than its members. The loss of a
/// step is the mean of its objectives' losses, weighted by the sequences each was given:
///
///     loss = sum_o n_o weight_o loss_o / sum_o n_o weight_o
///
/// where loss_o is the mean over the labels of that objective. So shares are of sequences and of what counts, not of
/// labels: MLM predicts 15 % of its positions, CLM all, and in `[MLM:1+CLM:1]` both count one half, though seven of eight
/// labels are CLM's. A weight beside the share moves what counts without moving sequences.
public struct Mixture: Sendable, Equatable {
  /// An objective and its share.
  public struct Member: Sendable, Equatable {
    /// The objective's name.
    public var objective: String
    /// Sequences of every ``Mixture/total``.
    public var share: Int

    public init(_ objective: String, share: Int = 1) {
      self.objective = objective
      self.share = share
    }
  }

  /// How a step's sequences are dealt out.
  public enum Dealing: String, Sendable, Codable, CaseIterable {
    /// Over steps of one size every run of ``Mixture/total`` sequences has each objective as often as its share says,
    /// wherever batches end; a step of another size, as an epoch's last, has them as evenly as can be.
    case exact
    /// Each sequence draws its objective, with the shares as probabilities.
    case drawn
  }

  public static let largestShare = 1000
  public static let mostMembers = 16

  public let members: [Member]
  /// The members' numbers over one run of ``total`` sequences, spread evenly: what ``Dealing/exact`` deals by.
  private let turns: [Int]

  /// - Parameter members: from one to ``mostMembers``, of different objectives, shares from 1 to ``largestShare``.
  public init(_ members: [Member]) {
    precondition(
      (1...Self.mostMembers).contains(members.count)
        && members.allSatisfy { (1...Self.largestShare).contains($0.share) }
        && Set(members.map(\.objective)).count == members.count, "Mixture: \(members)")
    self.members = members
    let total = members.reduce(0) { $0 + $1.share }
    // Whoever lags behind its share most is next.
    var dealt = [Int](repeating: 0, count: members.count)
    turns = (1...total).map { turn in
      var next = 0
      for index in members.indices
      where members[index].share * turn - dealt[index] * total
        > members[next].share * turn - dealt[next] * total
      {
        next = index
      }
      dealt[next] += 1
      return next
    }
  }

  /// A single objective.
  public init(_ objective: String) { self.init([Member(objective)]) }

  /// The sum of the shares.
  public var total: Int { turns.count }
  public var objectives: [String] { members.map(\.objective) }
  public var isMixed: Bool { members.count > 1 }

  /// How many of a step's sequences each member is given.
  ///
  /// - Parameters:
  ///   - sequences: of the step.
  ///   - step: how many steps of this mixture came before.
  public func exactCounts(of sequences: Int, step: Int) -> [Int] {
    var counts = members.map { sequences / total * $0.share }
    let first = step % total * (sequences % total) % total
    for turn in 0..<sequences % total { counts[turns[(first + turn) % total]] += 1 }
    return counts
  }

  /// As ``exactCounts(of:step:)``, where each sequence draws its objective.
  ///
  /// - Parameter first: the sample of the step's first sequence.
  public func drawnCounts(of sequences: Int, from first: Sample) -> [Int] {
    let stream = RandomStream(seed: first.seed, purpose: .masking, layer: 5, step: first.epoch)
    var counts = members.map { _ in 0 }
    for number in first.number..<first.number + sequences {
      let word = stream.block(UInt64(number))[0]
      // Any order of the turns gives the shares as probabilities.
      counts[turns[Int((UInt64(word) * UInt64(total)) >> 32)]] += 1
    }
    return counts
  }
}

extension Mixture: CustomStringConvertible {
  public var description: String {
    guard isMixed else { return members[0].objective }
    return "[" + members.map { "\($0.objective):\($0.share)" }.joined(separator: "+") + "]"
  }
}

extension Mixture: ExpressibleByStringLiteral {
  /// The single objective of this name.
  public init(stringLiteral name: String) { self.init(name) }
}

extension Objectives {
  /// The sequences of one step under a mixture, those of one objective together, in the mixture's order. Of a mixture of
  /// several, each sequence is weighted so that the step's loss is that of ``Mixture``, and has its member's number for a
  /// group.
  ///
  /// - Parameters:
  ///   - blocks: the step's, in order.
  ///   - first: the sample of `blocks[0]`; the others follow it in the epoch's order.
  ///   - counts: how many blocks each member takes.
  ///   - weights: what each member's loss counts beside its share of the sequences.
  /// - Returns: the sequences, and which part of the step's loss each member's mean loss makes.
  public func sequences(
    _ mixture: Mixture, over blocks: [[Int32]], from first: Sample, counts: [Int], weights: [Double]
  ) -> (sequences: [TokenSequence], parts: [Double]) {
    var sequences: [TokenSequence] = []
    sequences.reserveCapacity(blocks.count)
    for (group, member) in mixture.members.enumerated() {
      guard let objective = self[member.objective] else {
        preconditionFailure("Objectives: no objective \(member.objective)")
      }
      let start = sequences.count
      var sample = first
      sample.number += start
      sequences += objective.sequences(over: blocks[start..<start + counts[group]], from: sample)
      for number in start..<sequences.count { sequences[number].group = group }
    }
    guard mixture.isMixed else { return (sequences, [1]) }
    let denominators = sequences.reduce(into: [Double](repeating: 0, count: counts.count)) { sums, sequence in
      sums[sequence.group] += sequence.denominator ?? Double(sequence.labels.count)
    }
    // Where nothing is to be predicted nothing counts.
    let counted = counts.indices.map { denominators[$0] > 0 ? Double(counts[$0]) * weights[$0] : 0 }
    let whole = counted.reduce(0, +)
    let parts = counted.map { whole > 0 ? $0 / whole : 0 }
    for number in sequences.indices {
      let group = sequences[number].group
      let weight = parts[group] > 0 ? Float(parts[group] / denominators[group]) : 0
      for label in sequences[number].labels.indices { sequences[number].labels[label].weight *= weight }
      sequences[number].denominator = 1 / Double(sequences.count)
    }
    return (sequences, parts)
  }
}
