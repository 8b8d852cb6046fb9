/* What operands of a product are rounded to before they are multiplied (see Device/Precision):
 *
 *     -DPRECISION=0   float32    nothing (also where nothing is defined)
 *     -DPRECISION=1   tf32       10 bits of mantissa, to nearest, ties away from zero
 *     -DPRECISION=2   bfloat16    7 bits of mantissa, to nearest, ties to even
 *
 * A float is rounded by adding to its bits as an integer and cutting off the end: a carry out of the mantissa
 * lands in the exponent, where it belongs, and at the end of the range makes infinity. A NaN would lose what
 * makes it one, so it passes. Included by the kernels of matmul and of attention. */

#ifndef PRECISION
#define PRECISION 0
#endif

#if PRECISION == 1
#define ROUND_BITS(bits) ((bits + 0x1000u) & 0xFFFFE000u)
#elif PRECISION == 2
#define ROUND_BITS(bits) ((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u)
#endif

#if PRECISION == 0
#define DEFINE_ROUND(N)                                                                                     \
  static inline __attribute__((always_inline)) float##N round_operand##N(float##N x) { return x; }
#else
#define DEFINE_ROUND(N)                                                                                     \
  static inline __attribute__((always_inline)) float##N round_operand##N(float##N x) {                      \
    const uint##N bits = as_uint##N(x);                                                                     \
    return select(as_float##N(ROUND_BITS(bits)), x, isnan(x));                                              \
  }
#endif

/* round_operand for a float, round_operand4 for four of them, ... */
DEFINE_ROUND()
DEFINE_ROUND(4)
DEFINE_ROUND(8)
DEFINE_ROUND(16)
