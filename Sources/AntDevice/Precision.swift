/// How exactly the operands of a product are taken.
///
/// Operands are rounded, element by element, before they are multiplied; products are summed up in float32, and
/// whatever is added to the sum (C, bias, residual) is taken as it is. Memory holds float32 throughout: nothing
/// is stored in fewer bits, so that parameters, gradients and optimizer lose nothing between two products.
///
///     precision   mantissa   rounding                              an operand is off by at most
///     float32     23 bits    none                                  0
///     tf32        10 bits    to nearest, ties away from zero       2^-11 of itself
///     bfloat16     7 bits    to nearest, ties to even              2^-8 of itself
///
/// The exponent keeps its eight bits, so that nothing over- or underflows that did not before, but for what
/// rounds up from just below 2^128 to infinity. A NaN stays one. tf32 rounds as `cvt.rna.tf32.f32` of NVIDIA's
/// PTX does, bfloat16 as `cvt.rn.bf16.f32`; devices with matrix units for these formats (tensor cores) use
/// them, and all others compute the same sums without.
///
/// ``Matmul`` and ``Attention`` have a precision.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case float32, tf32, bfloat16
}
