import AntRandom
import Foundation

/// Draws in order from one Philox stream.
public struct Generator {
  private let stream: RandomStream
  private var index: UInt64 = 0
  private var block: Philox.Block = .zero

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .sampling) }

  /// Uniform in [0, 1).
  public mutating func uniform() -> Float {
    if index % 4 == 0 { block = stream.block(index / 4) }
    defer { index += 1 }
    return Philox.uniform(block[Int(index % 4)])
  }

  /// Uniform among the integers of `range`.
  public mutating func integer(_ range: Range<Int>) -> Int {
    range.lowerBound + min(Int(uniform() * Float(range.count)), range.count - 1)
  }

  public mutating func choice<Element>(_ elements: [Element]) -> Element {
    elements[integer(0..<elements.count)]
  }

  /// Normal, by Box and Muller's transform.
  public mutating func normal() -> Float {
    let radius = (-2 * log(1 - Double(uniform()))).squareRoot()
    return Float(radius * cos(2 * Double.pi * Double(uniform())))
  }
}

/// Where an operand's elements come from.
public struct Values: Sendable {
  let next: @Sendable (inout Generator) -> Float

  init(_ next: @escaping @Sendable (inout Generator) -> Float) { self.next = next }

  public static func normal(_ deviation: Float = 1, around mean: Float = 0) -> Values {
    Values { mean + deviation * $0.normal() }
  }

  public static func uniform(_ range: Range<Float>) -> Values {
    Values { range.lowerBound + (range.upperBound - range.lowerBound) * $0.uniform() }
  }

  public static func constant(_ value: Float) -> Values { Values { _ in value } }

  /// Any of these.
  public static func oneOf(_ values: [Float]) -> Values { Values { $0.choice(values) } }

  /// Between 1/2 and 2 in size, of either sign: nothing near zero.
  public static let sizeable = Values { (0.5 + 1.5 * $0.uniform()) * ($0.uniform() < 0.5 ? -1 : 1) }

  static let notANumber = constant(.nan)
}

/// Lengths that break tiles, vectors and work-groups in every way.
let awkwardSizes = [1, 7, 16, 17, 61, 64, 93, 127, 128, 129]
