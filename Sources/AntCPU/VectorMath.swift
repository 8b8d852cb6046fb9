/// Elementary functions of sixteen floats at once.
///
/// Relative errors are about 1e-7; the polynomials are least-squares fits reweighted towards equal ripple,
/// made for these intervals.

/// `e^x`: `2^n e^r` with `n = round(x / ln 2)` and `|r| <= ln 2 / 2`. Infinity above 88.7; below -87.3 the results
/// are denormal, below -104 zero.
@inline(__always)
func exponential(_ x: Lanes) -> Lanes {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  let shift: Float = 12_582_912
  let shifted = multiplyAdd(x, Lanes(repeating: 1.442_695_04), Lanes(repeating: shift))
  let n = shifted - shift
  let coarse = multiplyAdd(n, Lanes(repeating: -0.693_145_75), x)
  let r = multiplyAdd(n, Lanes(repeating: -1.428_606_8e-6), coarse)
  var p = multiplyAdd(r, Lanes(repeating: 0.001_381_314_24), Lanes(repeating: 0.008_369_418_79))
  p = multiplyAdd(p, r, Lanes(repeating: 0.041_668_456))
  p = multiplyAdd(p, r, Lanes(repeating: 0.166_665_152))
  p = multiplyAdd(p, r, Lanes(repeating: 0.499_999_94))
  p = multiplyAdd(p, r * r, r + 1)
  // 2^n in two factors: alone it may lie beyond what an exponent holds.
  let exponent = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- SIMD16<Int32>(repeating: 0x4B40_0000)
  let half = exponent &>> SIMD16<Int32>(repeating: 1)
  let value = p * powerOfTwo(half) * powerOfTwo(exponent &- half)
  return value.replacing(with: 0, where: x .< -104).replacing(with: .infinity, where: x .> 88.722_84)
}

/// `2^n` for -126 <= n <= 127.
@inline(__always)
private func powerOfTwo(_ n: SIMD16<Int32>) -> Lanes {
  unsafeBitCast(
    (n &+ SIMD16<Int32>(repeating: 127)) &<< SIMD16<Int32>(repeating: 23), to: Lanes.self)
}

/// `1 / (1 + e^-x)`, right in its relative size on both sides.
@inline(__always)
func sigmoid(_ x: Lanes) -> Lanes {
  let power = exponential(x.replacing(with: -x, where: x .> 0))
  return power.replacing(with: 1, where: x .>= 0) / (1 + power)
}

/// The normal distribution's cumulative probability and density at x.
///
/// With `u = 1 / (1 + 0.4 t)`, `t = |x| / sqrt 2`: `erfc(t) = e^(-t^2) u P(u)`, whose relative error stays small
/// in the tail, where `1 + erf` would cancel.
@inline(__always)
func normal(_ x: Lanes) -> (cumulative: Lanes, density: Lanes) {
  let magnitude = x.replacing(with: -x, where: x .< 0)
  let bell = exponential(x * x * -0.5)
  let u = 1 / multiplyAdd(magnitude, Lanes(repeating: 0.4 * 0.707_106_78), Lanes(repeating: 1))
  var p = multiplyAdd(u, Lanes(repeating: 0.060_775_458_8), Lanes(repeating: -0.333_482_845))
  p = multiplyAdd(p, u, Lanes(repeating: 0.569_120_988))
  p = multiplyAdd(p, u, Lanes(repeating: -0.256_370_01))
  p = multiplyAdd(p, u, Lanes(repeating: 0.338_888_786))
  p = multiplyAdd(p, u, Lanes(repeating: 0.163_830_582))
  p = multiplyAdd(p, u, Lanes(repeating: 0.231_937_733))
  p = multiplyAdd(p, u, Lanes(repeating: 0.225_299_098))
  let tail = bell * p * u * 0.5
  return (tail.replacing(with: 1 - tail, where: x .>= 0), bell * 0.398_942_28)
}

/// `sqrt(x)` for x >= 0: three Newton steps of the reciprocal root from an estimate of its exponent, then one
/// of the root itself. Denormals give about 0.
@inline(__always)
func squareRoot(_ x: Lanes) -> Lanes {
  var y = unsafeBitCast(0x5F37_59DF &- (unsafeBitCast(x, to: LaneBits.self) &>> 1), to: Lanes.self)
  for _ in 0..<3 { y = y * (1.5 - (0.5 * x * y) * y) }
  let root = x * y
  return multiplyAdd(0.5 * y, x - root * root, root)
}
