/* output[i] = x_steps, x_0 = input[i], x_(k+1) = factor x_k + term: nothing but fused multiply-adds, for measuring
 * the most a device can do of them.
 *
 * A work-item advances CHAINS vectors of V floats side by side. A chain waits for its own last result, some four
 * cycles on CPUs and GPUs, so that many chains, times the instructions begun in a cycle, keep every unit busy; a
 * dozen vectors still fit the 16 registers of AVX2 beside the two constants. GPUs have other work-items to turn to.
 *
 *     group      ELEMENTS_PER_GROUP elements, in turns of CHAINS x LANES x V
 *     in a turn  chain j of a lane: element (j LANES + lane) V
 *
 * Limits: none. Tolerance: a rounding a step, damped where |factor| < 1. */
#include "vector.cl"

#if V > 1
#define CHAINS 12
#else
#define CHAINS 8
#endif

__kernel void multiply_add(
    __global const float *input, long inputOffset, __global float *output, long outputOffset, long count,
    float factor, float term, int steps) {
  input += inputOffset;
  output += outputOffset;
  const long first = (long)get_group_id(0) * ELEMENTS_PER_GROUP, end = min(count, first + ELEMENTS_PER_GROUP);
  for (long start = first + LANE * V; start < end; start += CHAINS * LANES * V) {
    floatv x[CHAINS];
#pragma unroll
    for (int j = 0; j < CHAINS; j++) {
      const long i = start + (long)j * LANES * V;
      x[j] = i < end ? load(input + i, (int)min((long)V, end - i), 0) : (floatv)(0);
    }
    for (int step = 0; step < steps; step++)
#pragma unroll
      for (int j = 0; j < CHAINS; j++) x[j] = fma(x[j], (floatv)(factor), (floatv)(term));
#pragma unroll
    for (int j = 0; j < CHAINS; j++) {
      const long i = start + (long)j * LANES * V;
      if (i < end) store(output + i, (int)min((long)V, end - i), x[j]);
    }
  }
}
