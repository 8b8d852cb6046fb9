import Foundation

/// One axis of a plot: where a value lies on the drawing, and which values are marked.
///
///     place(v) = start + (end - start) * (f(v) - f(low)) / (f(high) - f(low)),   f the identity or log10
///
/// Linear ticks are 1, 2 or 5 times a power of ten apart; logarithmic ones are powers of ten, and 2 and 5 times
/// these where there are few.
struct Axis {
  enum Scale: Sendable { case linear, logarithmic }

  struct Tick: Equatable {
    var value: Double
    var label: String
  }

  /// Values beyond these are no measurements, and their differences would overflow.
  static let plausible = -1e100...1e100

  let ticks: [Tick]
  private let scale: Scale
  private let low: Double
  private let high: Double
  private let start: Double
  private let end: Double

  /// - Parameters:
  ///   - values: what must find room: finite, and above zero on a logarithmic axis; may be empty.
  ///   - start: the place of the low end, `end` that of the high one.
  ///   - ticks: about how many.
  ///   - rounded: whether the ends move out to the next ticks.
  init(
    _ values: some Sequence<Double>, scale: Scale = .linear, from start: Double, to end: Double,
    ticks count: Int = 5, rounded: Bool = true
  ) {
    var low = Double.infinity
    var high = -Double.infinity
    for value in values {
      low = min(low, value)
      high = max(high, value)
    }
    if low > high { (low, high) = scale == .linear ? (0, 1) : (0.1, 10) }
    switch scale {
    case .linear: (ticks, self.low, self.high) = Self.linear(low, high, count, rounded)
    case .logarithmic: (ticks, self.low, self.high) = Self.logarithmic(low, high)
    }
    self.scale = scale
    self.start = start
    self.end = end
  }

  func place(_ value: Double) -> Double {
    let part =
      switch scale {
      case .linear: (value - low) / (high - low)
      case .logarithmic: log10(value / low) / log10(high / low)
      }
    return start + (end - start) * part
  }

  private static func linear(
    _ low: Double, _ high: Double, _ count: Int, _ rounded: Bool
  ) -> ([Tick], Double, Double) {
    var (low, high) = (low, high)
    // All values alike: make room around them.
    let largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest || largest < 1e-90 {
      let margin = largest < 1e-90 ? 1 : largest * 0.1
      (low, high) = (low - margin, high + margin)
    }
    let step = niceStep((high - low) / Double(count))
    if rounded {
      // What single precision adds to a round number is no reason for another tick.
      low = (low / step + 1e-6).rounded(.down) * step
      high = (high / step - 1e-6).rounded(.up) * step
    }
    let first = (low / step - 1e-9).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    let values = stride(from: first, through: last, by: 1).map { $0 * step }
    return (zip(values, labels(values, step: step)).map(Tick.init), low, high)
  }

  /// The least of 1, 2 and 5 times a power of ten that is at least `least`.
  private static func niceStep(_ least: Double) -> Double {
    let power = pow(10, log10(least).rounded(.down))
    return [1, 2, 5].map { $0 * power }.first { $0 >= least * (1 - 1e-6) } ?? 10 * power
  }

  private static func logarithmic(_ low: Double, _ high: Double) -> ([Tick], Double, Double) {
    let first = log10(low).rounded(.down)
    let last = max(log10(high).rounded(.up), first + 1)
    let decades = last - first
    let factors: [Double] = decades <= 2 ? [1, 2, 5] : [1]
    // At most about eight powers of ten.
    let stepping = max(1, (decades / 8).rounded(.up))
    var values: [Double] = []
    for power in stride(from: first, through: last, by: stepping) {
      for factor in factors where power < last || factor == 1 { values.append(factor * pow(10, power)) }
    }
    let ticks = values.map { Tick(value: $0, label: label($0, step: $0)) }
    return (ticks, pow(10, first), pow(10, last))
  }

  /// Labels in one form: thousands and millions as k and M, small values with an exponent.
  private static func labels(_ values: [Double], step: Double) -> [String] {
    let largest = values.map(abs).max() ?? 0
    if largest < 0.01 || largest >= 1e10 { return values.map { exponent($0, step: step) } }
    for (size, suffix) in [(1e9, "G"), (1e6, "M"), (1e4, "k")] where largest >= size {
      let unit = size == 1e4 ? 1e3 : size
      return values.map { $0 == 0 ? "0" : label($0 / unit, step: step / unit) + suffix }
    }
    return values.map { label($0, step: step) }
  }

  /// `value` with as many decimals as tell it from one `step` away.
  private static func label(_ value: Double, step: Double) -> String {
    if abs(value) >= 1e6 || abs(value) < 1e-4 && value != 0 { return exponent(value, step: value) }
    let decimals = max(0, -Int((log10(abs(step)) + 1e-9).rounded(.down)))
    return String(format: "%.\(decimals)f", value == 0 ? 0 : value).replacing("-", with: "−")
  }

  private static func exponent(_ value: Double, step: Double) -> String {
    guard value != 0 else { return "0" }
    let power = (log10(abs(value)) + 1e-9).rounded(.down)
    let digits = max(0, Int(power - (log10(abs(step)) + 1e-9).rounded(.down)))
    var mantissa = String(format: "%.\(digits)f", value / pow(10, power))
    while mantissa.contains("."), let last = mantissa.last, last == "0" || last == "." {
      mantissa.removeLast()
    }
    return "\(mantissa)e\(Int(power))".replacing("-", with: "−")
  }
}
