/* y[i] = x[i] keep[i] / (1 - p) [+ residual[i]]: keep is drawn by Philox4x32-10 (Salmon et al. 2011), a pure
 * function of the key and the element's number, so forward and backward draw the same and nothing is stored.
 *
 * Element i is word m % 4 of block m / 4, m = firstElement + i. A work-item takes V blocks at a time, a block a
 * vector lane, and the first and the last may stick out of the run:
 *
 *     lanes   x: b0 b1 b2 ...   y: b0 b1 b2 ...   z: ...   w: ...        (one word of V blocks each)
 *     run     b0.x b0.y b0.z b0.w  b1.x b1.y b1.z b1.w  ...              (interleaved: 4 vectors) */
#include "vector.cl"
#define PHILOX_LANES V
#include "philox.cl"

#if V == 16
#define LANES_UP ((ulong16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#define INTERLEAVED(a, b, c, d) \
  (uint16)(x.a, y.a, z.a, w.a, x.b, y.b, z.b, w.b, x.c, y.c, z.c, w.c, x.d, y.d, z.d, w.d)
#define RUN INTERLEAVED(s0, s1, s2, s3), INTERLEAVED(s4, s5, s6, s7), INTERLEAVED(s8, s9, sa, sb), \
            INTERLEAVED(sc, sd, se, sf)
#elif V == 8
#define LANES_UP ((ulong8)(0, 1, 2, 3, 4, 5, 6, 7))
#define INTERLEAVED(a, b) (uint8)(x.a, y.a, z.a, w.a, x.b, y.b, z.b, w.b)
#define RUN INTERLEAVED(s0, s1), INTERLEAVED(s2, s3), INTERLEAVED(s4, s5), INTERLEAVED(s6, s7)
#elif V == 4
#define LANES_UP ((ulong4)(0, 1, 2, 3))
#define INTERLEAVED(a) (uint4)(x.a, y.a, z.a, w.a)
#define RUN INTERLEAVED(s0), INTERLEAVED(s1), INTERLEAVED(s2), INTERLEAVED(s3)
#else
#define LANES_UP 0
#define RUN x, y, z, w
#endif

/* The blocks of V counters; `run` gets their words, block after block. */
inline void draw_blocks(
    philox_ulong block, uint step, uint purpose, uint keyLow, uint keyHigh, philox_uint run[4]) {
  philox_uint x = PHILOX_LOW(block), y = PHILOX_LOW(block >> 32), z = step, w = purpose;
  philox(&x, &y, &z, &w, keyLow, keyHigh);
  const philox_uint words[4] = {RUN};
  for (int piece = 0; piece < 4; piece++) run[piece] = words[piece];
}

__kernel void dropout(
    __global const float *input, long inputOffset, __global const float *residual, long residualOffset,
    __global float *output, long outputOffset, long count, long firstElement, float probability, float factor,
    uint keyLow, uint keyHigh, uint counterStep, uint counterPurpose, int hasResidual, int blocksPerItem) {
  input += inputOffset;
  residual += residualOffset;
  output += outputOffset;
  const ulong firstBlock = (ulong)firstElement / 4;
  for (int turn = 0; turn < blocksPerItem; turn += V) {
#if LANES == 1
    const ulong block = firstBlock + (ulong)get_global_id(0) * blocksPerItem + turn;
#else
    const ulong block = firstBlock + (ulong)turn * get_global_size(0) + get_global_id(0);
#endif
    const long start = (long)(block * 4 - (ulong)firstElement);
    if (start >= count) break;
    philox_uint run[4];
    draw_blocks(block + LANES_UP, counterStep, counterPurpose, keyLow, keyHigh, run);
    for (int piece = 0; piece < 4; piece++) {
      const long i = start + piece * V;
      const int skipped = (int)clamp(-i, 0l, (long)V), n = (int)clamp(count - i, 0l, (long)V);
      if (skipped >= n) continue;
      const floatv draw = UNIFORM(run[piece]);
#if V > 1
      if (skipped > 0) { /* the run begins inside this piece */
        float draws[V];
        VSTORE(draw, draws);
        for (int lane = skipped; lane < n; lane++) {
          const float value = draws[lane] >= probability ? input[i + lane] * factor : 0;
          output[i + lane] = hasResidual ? value + residual[i + lane] : value;
        }
        continue;
      }
#endif
      floatv value = draw >= probability ? load(input + i, n, 0) * factor : (floatv)(0);
      if (hasResidual) value += load(residual + i, n, 0);
      store(output + i, n, value);
    }
  }
}
