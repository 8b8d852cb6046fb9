import Foundation

/// A number and the size of what it was made from: the same expression taken over absolute values.
///
///     a + b   (a + b,  |a| + |b|)          a b   (a b,  |a| |b|)
///     a - b   (a - b,  |a| + |b|)          a/b   (a/b,  |a| / |b|)
///
/// Rounding in `float32` is relative to the terms of a sum, not to what is left of it when they cancel; so a
/// result is judged against this magnitude. Functions with positive values (exp, sqrt) keep their value for
/// a magnitude: what goes into them is rounded no worse than what comes out.
struct Measured {
  var value: Double
  var magnitude: Double

  init(_ value: Double) {
    self.value = value
    self.magnitude = abs(value)
  }

  init(_ value: Float) { self.init(Double(value)) }

  init(value: Double, magnitude: Double) {
    self.value = value
    self.magnitude = magnitude
  }

  static let zero = Measured(0.0)

  /// The value alone, as if it had been given: forgets what it was made from.
  var exact: Measured { Measured(value) }

  static func + (a: Measured, b: Measured) -> Measured {
    Measured(value: a.value + b.value, magnitude: a.magnitude + b.magnitude)
  }
  static func - (a: Measured, b: Measured) -> Measured {
    Measured(value: a.value - b.value, magnitude: a.magnitude + b.magnitude)
  }
  static func * (a: Measured, b: Measured) -> Measured {
    Measured(value: a.value * b.value, magnitude: a.magnitude * b.magnitude)
  }
  static func / (a: Measured, b: Measured) -> Measured {
    Measured(value: a.value / b.value, magnitude: a.magnitude / abs(b.value))
  }
  static func * (a: Double, b: Measured) -> Measured { Measured(a) * b }
  static func / (a: Measured, b: Double) -> Measured { a / Measured(b) }
  static func += (a: inout Measured, b: Measured) { a = a + b }
}

func exp(_ x: Measured) -> Measured { Measured(exp(x.value)) }
func erf(_ x: Measured) -> Measured { Measured(erf(x.value)) }
func tanh(_ x: Measured) -> Measured { Measured(tanh(x.value)) }
func sqrt(_ x: Measured) -> Measured { Measured(sqrt(x.value)) }
