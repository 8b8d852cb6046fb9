/* Pointwise nonlinearities, plain and gated, and their gradients. FUNCTION is 0 silu, 1 gelu, 2 geluTanh:
 *
 *     silu(x)     = x s,            s = 1 / (1 + exp(-x))       silu' = s (1 + x (1 - s))
 *     gelu(x)     = x Phi(x)        Phi = (1 + erf(x/sqrt 2))/2  gelu' = Phi + x phi(x)
 *     geluTanh(x) = x (1 + t) / 2,  t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3)
 *                                   geluTanh' = (1 + t)/2 + x (1 - t^2) u' / 2
 *
 * (1 + tanh u) / 2 is taken as s(2u): one exponential, no cancellation in the left tail. */
#include "vector.cl"

inline floatv logistic(floatv x) { return 1 / (1 + exp(-x)); }

/* sqrt(2/pi) (x + 0.044715 x^3), doubled. */
inline floatv gelu_argument(floatv x) { return 1.5957691216057308f * x * fma(0.044715f * x, x, (floatv)(1)); }

/* f(x) */
inline floatv activate(floatv x) {
#if FUNCTION == 0
  return x * logistic(x);
#elif FUNCTION == 1
  return 0.5f * x * erfc(-0.70710678118654752f * x);
#else
  return x * logistic(gelu_argument(x));
#endif
}

/* f'(x) */
inline floatv slope(floatv x) {
#if FUNCTION == 0
  const floatv s = logistic(x);
  return s * fma(x, 1 - s, (floatv)(1));
#elif FUNCTION == 1
  return 0.5f * erfc(-0.70710678118654752f * x) + x * 0.39894228040143268f * exp(-0.5f * x * x);
#else
  const floatv s = logistic(gelu_argument(x));
  const floatv argumentSlope = 1.5957691216057308f * fma(0.134145f * x, x, (floatv)(1));
  return s * fma(x * (1 - s), argumentSlope, (floatv)(1));
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
