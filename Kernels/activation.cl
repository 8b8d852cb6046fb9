/* Pointwise nonlinearities, plain and gated, and their gradients. -DFUNCTION is SILU, GELU or GELU_TANH:
 *
 *     silu(x)     = x s,            s = 1 / (1 + exp(-x))       silu' = s (1 + x (1 - s))
 *     gelu(x)     = x Phi(x)        Phi = (1 + erf(x/sqrt 2))/2  gelu' = Phi + x phi(x)
 *     geluTanh(x) = x (1 + t) / 2,  t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3)
 *                                   geluTanh' = (1 + t)/2 + x (1 - t^2) u' / 2
 *
 * (1 + tanh u) / 2 is taken as s(2u): one exponential, no cancellation in the left tail. The exponential is that of
 * -|x| / 2, squared as the last step: exp(-x) would overflow, and s underflow, where x s does not yet. */
#include "vector.cl"

#define SILU 1
#define GELU 2
#define GELU_TANH 3

/* factor s(x) */
inline floatv logistic(floatv x, floatv factor) {
  const floatv root = exp(-0.5f * fabs(x)), share = factor / fma(root, root, (floatv)(1));
  return x < 0 ? share * root * root : share;
}

/* s(x) (1 + factor (1 - s(x))) */
inline floatv logistic_slope(floatv x, floatv factor) {
  const floatv root = exp(-0.5f * fabs(x)), larger = 1 / fma(root, root, (floatv)(1));
  const floatv smaller = larger * root * root;
  const floatv slope = larger * fma(factor, x < 0 ? larger : smaller, (floatv)(1));
  return x < 0 ? slope * root * root : slope;
}

/* sqrt(2/pi) (x + 0.044715 x^3), doubled. */
inline floatv gelu_argument(floatv x) { return 1.5957691216057308f * x * fma(0.044715f * x, x, (floatv)(1)); }

/* erfc(z) = t exp(p(t) - z^2), t = 1 / (1 + |z| / 2), and 2 - that for negative z: log(erfc(|z|) exp(z^2) / t) is
 * smooth on (0, 1], and p is its polynomial at Chebyshev's points, off by 1e-7. It keeps its relative accuracy in
 * the tail and, unlike the built-in, stays a vector. The rounding of z^2 is made good, since exp magnifies it. */
inline floatv complementary_error(floatv z) {
  const floatv t = 1 / fma((floatv)(0.5f), fabs(z), (floatv)(1));
  floatv p = 0.170872778f;
  p = fma(p, t, (floatv)(-0.822152257f));
  p = fma(p, t, (floatv)(1.48851585f));
  p = fma(p, t, (floatv)(-1.13520396f));
  p = fma(p, t, (floatv)(0.278868079f));
  p = fma(p, t, (floatv)(-0.186288059f));
  p = fma(p, t, (floatv)(0.0967841893f));
  p = fma(p, t, (floatv)(0.374091953f));
  p = fma(p, t, (floatv)(1.00002372f));
  p = fma(p, t, (floatv)(-1.26551223f));
  const floatv y = fmin(fabs(z), (floatv)(20)); /* beyond, all is 0 */
  const floatv square = y * y;
  const floatv tail = t * exp(-square) * exp(p - fma(y, y, -square));
  return z < 0 ? 2 - tail : tail;
}

/* f(x) */
inline floatv activate(floatv x) {
#if FUNCTION == SILU
  return logistic(x, x);
#elif FUNCTION == GELU
  return 0.5f * x * complementary_error(-0.70710678118654752f * x);
#else
  return logistic(gelu_argument(x), x);
#endif
}

/* f'(x) */
inline floatv slope(floatv x) {
#if FUNCTION == SILU
  return logistic_slope(x, x);
#elif FUNCTION == GELU
  return 0.5f * complementary_error(-0.70710678118654752f * x) + x * 0.39894228040143268f * exp(-0.5f * x * x);
#else
  const floatv argumentSlope = 1.5957691216057308f * fma(0.134145f * x, x, (floatv)(1));
  return logistic_slope(gelu_argument(x), x * argumentSlope);
#endif
}

__kernel void activate_forward(
    __global const float *input, long inputOffset, __global float *output, long outputOffset, long count) {
  input += inputOffset;
  output += outputOffset;
  FOR_ELEMENTS(i, n, count) store(output + i, n, activate(load(input + i, n, 0)));
}

__kernel void activate_backward(
    __global const float *input, long inputOffset, __global const float *outputGradient,
    long outputGradientOffset, __global float *inputGradient, long inputGradientOffset, long count) {
  input += inputOffset;
  outputGradient += outputGradientOffset;
  inputGradient += inputGradientOffset;
  FOR_ELEMENTS(i, n, count)
    store(inputGradient + i, n, load(outputGradient + i, n, 0) * slope(load(input + i, n, 0)));
}

/* y = f(gate) up */
__kernel void gated_forward(
    __global const float *gate, long gateOffset, int gateStride, __global const float *up, long upOffset,
    int upStride, __global float *output, long outputOffset, int outputStride, int rows, int columns,
    int rowsPerGroup) {
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *g = gate + gateOffset + (long)row * gateStride;
    __global const float *u = up + upOffset + (long)row * upStride;
    __global float *y = output + outputOffset + (long)row * outputStride;
    FOR_ROW(c, n, columns) store(y + c, n, activate(load(g + c, n, 0)) * load(u + c, n, 0));
  }
}

/* dgate = dy up f'(gate), dup = dy f(gate); each may overwrite its value, so both are read first. */
__kernel void gated_backward(
    __global const float *gate, long gateOffset, int gateStride, __global const float *up, long upOffset,
    int upStride, __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *gateGradient, long gateGradientOffset, int gateGradientStride, __global float *upGradient,
    long upGradientOffset, int upGradientStride, int rows, int columns, int rowsPerGroup) {
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *g = gate + gateOffset + (long)row * gateStride;
    __global const float *u = up + upOffset + (long)row * upStride;
    __global const float *dy = outputGradient + outputGradientOffset + (long)row * outputGradientStride;
    __global float *dg = gateGradient + gateGradientOffset + (long)row * gateGradientStride;
    __global float *du = upGradient + upGradientOffset + (long)row * upGradientStride;
    FOR_ROW(c, n, columns) {
      const floatv x = load(g + c, n, 0), value = load(u + c, n, 0), gradient = load(dy + c, n, 0);
      store(dg + c, n, gradient * value * slope(x));
      store(du + c, n, gradient * activate(x));
    }
  }
}
