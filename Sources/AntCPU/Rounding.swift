/// What operands of a product become on their way into it (see ``AntDevice/Precision``): a type each, so that the
/// loops that copy or load operands are compiled once for every precision, and those of float32 do nothing more.
protocol Rounding {
  static func round(_ x: Float) -> Float
  static func round(_ x: Lanes) -> Lanes
}

enum Unrounded: Rounding {
  @inline(__always) static func round(_ x: Float) -> Float { x }
  @inline(__always) static func round(_ x: Lanes) -> Lanes { x }
}

/// Half of the last bit kept is added, and what lies below it is cut off: ties go away from zero.
enum ToTF32: Rounding {
  @inline(__always) static func round(_ x: Float) -> Float {
    x.isNaN ? x : Float(bitPattern: (x.bitPattern &+ 0x1000) & 0xFFFF_E000)
  }

  @inline(__always) static func round(_ x: Lanes) -> Lanes {
    let bits = unsafeBitCast(x, to: LaneBits.self)
    return unsafeBitCast((bits &+ 0x1000) & 0xFFFF_E000, to: Lanes.self).replacing(with: x, where: x .!= x)
  }
}

/// A little less than half is added, and the last bit kept: ties go to where that bit is zero.
enum ToBFloat16: Rounding {
  @inline(__always) static func round(_ x: Float) -> Float {
    let bits = x.bitPattern
    return x.isNaN ? x : Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  @inline(__always) static func round(_ x: Lanes) -> Lanes {
    let bits = unsafeBitCast(x, to: LaneBits.self)
    let rounded = (bits &+ 0x7FFF &+ (bits &>> 16 & 1)) & 0xFFFF_0000
    return unsafeBitCast(rounded, to: Lanes.self).replacing(with: x, where: x .!= x)
  }
}
