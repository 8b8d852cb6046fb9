/* Masked attention, forward and backward, for CPU-type devices. Per head and sequence, over the keys j that
 * query i sees, firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * Forward, a work-item owns PANELS panels of queries; backward, it owns a head and goes through its keys, PANELS
 * panels at a time. A panel is LANES = 2 vectors of WIDTH positions, across the vector lanes, so that everything
 * about one of them (maximum, sum, mask, rescaling) is element by element and no sum ever runs across a vector;
 * head dimensions of any size cost next to no padding. Panels are transposed once, onto the stack. Of the other
 * side, BLOCK positions at a time are copied there, for all panels, and read a scalar at a time, broadcast: copies
 * cannot meet in a few sets of the cache, however far apart their rows are in memory.
 *
 *                     lanes (queries)                       lanes (queries)
 *               +----------------------+            +----------------------+
 *     head      |  queryPanel          |   keys     |  scores              |  scores = K queryPanel
 *     dimension |  [c][lane]           |   (block)  |  [j][lane]           |  outputPanel += V^T scores
 *               +----------------------+            +----------------------+
 *
 *     backward, lanes are keys: S = Q keyPanel, dP = dO valuePanel [query][lane], and with P and dS made of them
 *     valueGradientPanel += dO^T P, keyGradientPanel += Q^T dS [c][lane], dQ += dS K [query][c]
 *
 * All products are the same micro-kernel, TILE rows x 2 vectors of sums in registers (8 x 2 with 32
 * registers, 4 x 2 with 16: enough independent chains to hide the latency of a multiply-add).
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022), rescaled once per BLOCK keys, in powers of
 * two: scores carry log2(e). Keys nobody in the group sees are skipped at both ends and by whole blocks.
 *
 * Geometry: work-groups of one work-item; global size of the forward pass groups of PANELS x heads x sequences,
 * of the backward pass, which needs five products rather than the seven of two passes, 1 x heads x sequences:
 * heads x sequences is also as many compute units as it can keep busy.
 * No two work-items write the same element, so there are no atomics and the order of every sum is a function
 * of the shape.
 * Limits: headDimension <= HEAD_LIMIT; HEAD_LIMIT is a multiple of LANES; bucketCount <= BUCKET_LIMIT. With PANELS x
 * HEAD_LIMIT = 256 what lies on the stack is 220 to 370 KB, 410 with both optional terms, a part of the second-level
 * cache. Memory: O(T).
 * Precision: with -DPRECISION (see precision.cl) Q, K, V and dO are rounded as they are copied; P and dS are not.
 *
 * Position scores (see attention_terms.cl): the own side's are a panel [bucket][lane], the other side's a row;
 * the buckets of a block of scores depend on one distance, so they are a window of one array, and each lane
 * picks its own. Gradients of the own side's add up lane by lane in a panel like that, the other side's in rows. */
#include "attention_geometry.cl"
#include "attention_terms.cl"

#include "precision.cl"

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#define INLINE static inline __attribute__((always_inline))

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR JOIN(float, WIDTH)
#define INTEGERS JOIN(int, WIDTH)
#define LOAD JOIN(vload, WIDTH)
#define STORE JOIN(vstore, WIDTH)
#define ROUND JOIN(round_operand, WIDTH)
#define AS_VECTOR JOIN(as_float, WIDTH)
#define AS_INTEGERS JOIN(as_int, WIDTH)

#define LANES CPU_LANES(WIDTH)
#define BLOCK 64
/* Floats of a row in whole vectors, two by two. */
#define PITCH(width) (((width) + LANES - 1) / LANES * LANES)
/* Vectors of a block's rows; also room for LANES rows of BUCKET_LIMIT. */
#define ROWS (BLOCK * HEAD_LIMIT / WIDTH)
#define LOG2_E 1.44269504088896341f
#define LN_2 0.69314718055994531f
#if DROPOUT
#define PHILOX_LANES WIDTH
#include "philox.cl"
#endif

/* MARK: Pieces */

/* 2^x to 1.5 units in the last place for x <= 127; 0 below -126.5. The polynomial is the Taylor series of
 * 2^f on [-1/2, 1/2], whose first dropped term is 1e-8. */
INLINE VECTOR power_of_two(VECTOR x) {
  /* Not fmax, which drops NaN: a score that is not a number must be seen in the result. */
  x = select(x, (VECTOR)(-127.0f), x < (VECTOR)(-127.0f));
  /* To this sum only the whole part of x contributes, rounded to nearest, in its last bits; conversions to nearest
   * are many instructions. */
  const VECTOR sum = x + (VECTOR)(12582912.0f);
  const VECTOR f = x - (sum - (VECTOR)(12582912.0f));
  VECTOR y = (VECTOR)(1.5252734e-5f);
  y = fma(y, f, (VECTOR)(1.5403530e-4f));
  y = fma(y, f, (VECTOR)(1.3333558e-3f));
  y = fma(y, f, (VECTOR)(9.6181291e-3f));
  y = fma(y, f, (VECTOR)(5.5504109e-2f));
  y = fma(y, f, (VECTOR)(2.4022651e-1f));
  y = fma(y, f, (VECTOR)(6.9314718e-1f));
  y = fma(y, f, (VECTOR)(1.0f));
  return y * AS_VECTOR((AS_INTEGERS(sum) << 23) + (127 << 23));
}

/* out[r][lane] [+]= sum_t a[r * rowStep + t * termStep] panel[t * panelStep][lane] for the TILE rows of a tile;
 * steps of `panel` and `out` count vectors. */
INLINE void multiply_tile(
    const float *a, int rowStep, int termStep, int terms, const VECTOR *panel, int panelStep, VECTOR *out,
    int outStep, const int accumulate) {
  VECTOR sum[TILE][2];
#pragma unroll
  for (int r = 0; r < TILE; r++) {
    sum[r][0] = accumulate ? out[r * outStep] : (VECTOR)(0.0f);
    sum[r][1] = accumulate ? out[r * outStep + 1] : (VECTOR)(0.0f);
  }
  for (int t = 0; t < terms; t++, a += termStep, panel += panelStep) {
    const VECTOR low = panel[0], high = panel[1];
#pragma unroll
    for (int r = 0; r < TILE; r++) {
      const VECTOR x = (VECTOR)(a[r * rowStep]);
      sum[r][0] = fma(x, low, sum[r][0]);
      sum[r][1] = fma(x, high, sum[r][1]);
    }
  }
#pragma unroll
  for (int r = 0; r < TILE; r++) {
    out[r * outStep] = sum[r][0];
    out[r * outStep + 1] = sum[r][1];
  }
}

/* products[j][lane] = rows[j, :] . panel[:, lane]: `count` rows of the other side, copied, against the panel. */
INLINE void dot_rows(
    const float *rows, int pitch, int count, int headDimension, const VECTOR *panel, VECTOR *products) {
  for (int j = 0; j < count; j += TILE)
    multiply_tile(rows + j * pitch, pitch, 1, headDimension, panel, 2, products + 2 * j, 2, 0);
}

/* panel[c][lane] += sum_j weights[j][lane] rows[j, c]. */
INLINE void add_weighted_rows(
    const float *rows, int pitch, int count, int headDimension, const VECTOR *weights, VECTOR *panel) {
  for (int c = 0; c < headDimension; c += TILE)
    multiply_tile(rows + c, 1, pitch, count, weights, 2, panel + 2 * c, 2, 1);
}

/* MARK: Rows and panels */

/* copy[n][c] = rows[n, c], rounded where it is an operand of a product; zero in what fills up a row, and in the
 * rows up to a multiple of `whole`. */
INLINE void copy_rows(
    __global const float *rows, long stride, int count, int width, int pitch, const int whole,
    const int isOperand, float *copy) {
  for (int n = 0; n < count; n++, rows += stride, copy += pitch) {
    int c = 0;
    for (; c + WIDTH <= width; c += WIDTH) {
      const VECTOR x = LOAD(0, rows + c);
      STORE(isOperand ? ROUND(x) : x, 0, copy + c);
    }
    for (; c < width; c++) copy[c] = isOperand ? round_operand(rows[c]) : rows[c];
    for (; c < pitch; c++) copy[c] = 0.0f;
  }
  for (int c = 0; c < (whole - count % whole) % whole * pitch; c++) copy[c] = 0.0f;
}

/* rows[n, c] = copy[n][c]. */
INLINE void store_rows(
    const float *copy, int pitch, int count, int width, __global float *rows, long stride) {
  for (int n = 0; n < count; n++, rows += stride, copy += pitch) {
    int c = 0;
    for (; c + WIDTH <= width; c += WIDTH) STORE(LOAD(0, copy + c), 0, rows + c);
    for (; c < width; c++) rows[c] = copy[c];
  }
}

/* panel[c][lane] = factor rows[lane][c] of LANES rows. */
INLINE void load_panel(const float *rows, int pitch, int width, float factor, VECTOR *panel) {
  float *to = (float *)panel;
  for (int lane = 0; lane < LANES; lane += 4, rows += 4 * pitch)
    for (int c = 0; c < width; c += 4) {
      const float4 a = factor * vload4(0, rows + c), b = factor * vload4(0, rows + pitch + c);
      const float4 d = factor * vload4(0, rows + 2 * pitch + c), e = factor * vload4(0, rows + 3 * pitch + c);
      vstore4((float4)(a.s0, b.s0, d.s0, e.s0), 0, to + c * LANES + lane);
      vstore4((float4)(a.s1, b.s1, d.s1, e.s1), 0, to + (c + 1) * LANES + lane);
      vstore4((float4)(a.s2, b.s2, d.s2, e.s2), 0, to + (c + 2) * LANES + lane);
      vstore4((float4)(a.s3, b.s3, d.s3, e.s3), 0, to + (c + 3) * LANES + lane);
    }
}

/* rows[lane][c] = factor panel[c][lane] of LANES rows. */
INLINE void unload_panel(const VECTOR *panel, int width, float factor, float *rows, int pitch) {
  const float *from = (const float *)panel;
  for (int lane = 0; lane < LANES; lane += 4, rows += 4 * pitch)
    for (int c = 0; c < width; c += 4) {
      const float4 a = factor * vload4(0, from + c * LANES + lane);
      const float4 b = factor * vload4(0, from + (c + 1) * LANES + lane);
      const float4 d = factor * vload4(0, from + (c + 2) * LANES + lane);
      const float4 e = factor * vload4(0, from + (c + 3) * LANES + lane);
      vstore4((float4)(a.s0, b.s0, d.s0, e.s0), 0, rows + c);
      vstore4((float4)(a.s1, b.s1, d.s1, e.s1), 0, rows + pitch + c);
      vstore4((float4)(a.s2, b.s2, d.s2, e.s2), 0, rows + 2 * pitch + c);
      vstore4((float4)(a.s3, b.s3, d.s3, e.s3), 0, rows + 3 * pitch + c);
    }
}

/* MARK: Position scores */

/* The buckets of `count` positions of the other side against the own ones: that of other position n and a lane
 * at window[lane - n + count - 1]. They lie `step` (1 or -1) apart in the table of `length`, from `place` on;
 * lanes that do not exist may point beyond its ends. */
INLINE void load_window(
    __global const int *buckets, int place, int step, int count, int length, int *window) {
  for (int w = 0; w < count + LANES - 1; w++) window[w] = buckets[clamp(place + step * w, 0, length - 1)];
}

/* scores[n][lane] += own[r][lane] + factor other[n, r], r the bucket of n and lane. */
INLINE void add_position_scores(
    const VECTOR *own, __global const float *other, long stride, float factor, const int *window, int count,
    VECTOR *scores) {
  const float *panel = (const float *)own;
  for (int n = 0; n < count; n++, other += stride) {
    const int *bucket = window + count - 1 - n;
    float *score = (float *)(scores + 2 * n);
    for (int lane = 0; lane < LANES; lane++)
      score[lane] += fma(factor, other[bucket[lane]], panel[bucket[lane] * LANES + lane]);
  }
}
