/* Masked attention, forward and backward, for CPU-type devices. Per head and sequence, over the keys j that
 * query i sees, firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * One work-item owns LANES = 2 vectors of WIDTH positions: queries in `attention_forward` and
 * `attention_query_gradient`, keys in `attention_key_value_gradient`. They lie across the vector lanes, so
 * everything about one of them (maximum, sum, mask, rescaling) is element by element and no sum ever runs
 * across a vector; head dimensions of any size cost no padding. What it owns is transposed once into a panel
 * on the stack; the other side is read where it lies, a scalar at a time, broadcast:
 *
 *                     lanes (queries)                       lanes (queries)
 *               +----------------------+            +----------------------+
 *     head      |  queryPanel          |   keys     |  scores              |  scores = K queryPanel
 *     dimension |  [c][lane]           |   (block)  |  [j][lane]           |  outputPanel += V^T scores
 *               +----------------------+            +----------------------+
 *
 * Both products are the same micro-kernel, TILE rows x 2 vectors of sums in registers (8 x 2 with 32
 * registers, 4 x 2 with 16: enough independent chains to hide the latency of a multiply-add).
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022), rescaled once per BLOCK keys, in powers of
 * two: scores carry log2(e). Keys nobody in the group sees are skipped at both ends and by whole blocks.
 *
 * Geometry: work-groups of one work-item; global size groups of LANES x heads x sequences. No two work-items
 * write the same element, so there are no atomics and the order of every sum is a function of the shape.
 * Limits: headDimension <= HEAD_LIMIT (panels live on the stack: 32 KB each at 256), bucketCount <=
 * BUCKET_LIMIT. Memory: O(T).
 * Precision: with -DPRECISION (see precision.cl) Q, K, V and dO are rounded as they are read; P and dS are not.
 *
 * Position scores (see attention_terms.cl): the own side's are a panel [bucket][lane], the other side's a row;
 * the buckets of a block of scores depend on one distance, so they are a window of one array, and each lane
 * picks its own. Gradients of the own side's add up lane by lane in a panel like that. */
#include "attention_terms.cl"

#include "precision.cl"

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#define INLINE static inline __attribute__((always_inline))

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR JOIN(float, WIDTH)
#define INTEGERS JOIN(int, WIDTH)
#define LOAD JOIN(vload, WIDTH)
#define AS_VECTOR JOIN(as_float, WIDTH)
#define TO_INTEGERS JOIN(JOIN(convert_int, WIDTH), _rte)
#define TO_VECTOR JOIN(convert_float, WIDTH)

#define LANES (2 * WIDTH)
#define BLOCK 64
#define HEAD_LIMIT 256
#define BUCKET_LIMIT 128
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
  const INTEGERS whole = TO_INTEGERS(x);
  const VECTOR f = x - TO_VECTOR(whole);
  VECTOR y = (VECTOR)(1.5252734e-5f);
  y = fma(y, f, (VECTOR)(1.5403530e-4f));
  y = fma(y, f, (VECTOR)(1.3333558e-3f));
  y = fma(y, f, (VECTOR)(9.6181291e-3f));
  y = fma(y, f, (VECTOR)(5.5504109e-2f));
  y = fma(y, f, (VECTOR)(2.4022651e-1f));
  y = fma(y, f, (VECTOR)(6.9314718e-1f));
  y = fma(y, f, (VECTOR)(1.0f));
  return y * AS_VECTOR((whole + 127) << 23);
}

/* out[r][lane] [+]= sum_t a[r * rowStride + t * termStride] panel[t][lane] for `rows` rows; a is rounded. */
INLINE void multiply_tile(
    __global const float *a, long rowStride, long termStride, int terms, const VECTOR *panel, VECTOR *out,
    int accumulate, const int rows) {
  VECTOR sum[TILE][2];
#pragma unroll
  for (int r = 0; r < rows; r++) {
    sum[r][0] = accumulate ? out[2 * r] : (VECTOR)(0.0f);
    sum[r][1] = accumulate ? out[2 * r + 1] : (VECTOR)(0.0f);
  }
  for (int t = 0; t < terms; t++, a += termStride) {
    const VECTOR low = panel[2 * t], high = panel[2 * t + 1];
#pragma unroll
    for (int r = 0; r < rows; r++) {
      const VECTOR x = (VECTOR)(round_operand(a[r * rowStride]));
      sum[r][0] = fma(x, low, sum[r][0]);
      sum[r][1] = fma(x, high, sum[r][1]);
    }
  }
#pragma unroll
  for (int r = 0; r < rows; r++) {
    out[2 * r] = sum[r][0];
    out[2 * r + 1] = sum[r][1];
  }
}

/* products[j][lane] = rows[j, :] . panel[:, lane]: `count` rows of the other side against the panel. */
INLINE void dot_rows(
    __global const float *rows, long stride, int count, int headDimension, const VECTOR *panel,
    VECTOR *products) {
  int j = 0;
  for (; j + TILE <= count; j += TILE)
    multiply_tile(rows + j * stride, stride, 1, headDimension, panel, products + 2 * j, 0, TILE);
  for (; j + TILE / 2 <= count; j += TILE / 2)
    multiply_tile(rows + j * stride, stride, 1, headDimension, panel, products + 2 * j, 0, TILE / 2);
  for (; j < count; j++)
    multiply_tile(rows + j * stride, stride, 1, headDimension, panel, products + 2 * j, 0, 1);
}

/* panel[c][lane] += sum_j weights[j][lane] rows[j, c]. */
INLINE void add_weighted_rows(
    __global const float *rows, long stride, int count, int headDimension, const VECTOR *weights,
    VECTOR *panel) {
  int c = 0;
  for (; c + TILE <= headDimension; c += TILE)
    multiply_tile(rows + c, 1, stride, count, weights, panel + 2 * c, 1, TILE);
  for (; c + TILE / 2 <= headDimension; c += TILE / 2)
    multiply_tile(rows + c, 1, stride, count, weights, panel + 2 * c, 1, TILE / 2);
  for (; c < headDimension; c++) multiply_tile(rows + c, 1, stride, count, weights, panel + 2 * c, 1, 1);
}

/* factor x; x rounded where it is an operand of a product. */
INLINE float scaled(float x, float factor, const int isOperand) {
  return factor * (isOperand ? round_operand(x) : x);
}

INLINE float4 scaled4(float4 x, float factor, const int isOperand) {
  return factor * (isOperand ? round_operand4(x) : x);
}

/* panel[c][lane] = factor rows[lane, c]; lanes beyond `valid` are zero. */
INLINE void load_panel(
    __global const float *rows, long stride, int valid, int headDimension, float factor, const int isOperand,
    VECTOR *panel) {
  float *to = (float *)panel;
  int lane = 0;
  for (; lane + 4 <= valid; lane += 4, rows += 4 * stride) {
    int c = 0;
    for (; c + 4 <= headDimension; c += 4) {
      const float4 a = scaled4(vload4(0, rows + c), factor, isOperand);
      const float4 b = scaled4(vload4(0, rows + stride + c), factor, isOperand);
      const float4 d = scaled4(vload4(0, rows + 2 * stride + c), factor, isOperand);
      const float4 e = scaled4(vload4(0, rows + 3 * stride + c), factor, isOperand);
      vstore4((float4)(a.s0, b.s0, d.s0, e.s0), 0, to + c * LANES + lane);
      vstore4((float4)(a.s1, b.s1, d.s1, e.s1), 0, to + (c + 1) * LANES + lane);
      vstore4((float4)(a.s2, b.s2, d.s2, e.s2), 0, to + (c + 2) * LANES + lane);
      vstore4((float4)(a.s3, b.s3, d.s3, e.s3), 0, to + (c + 3) * LANES + lane);
    }
    for (; c < headDimension; c++)
      for (int i = 0; i < 4; i++) to[c * LANES + lane + i] = scaled(rows[i * stride + c], factor, isOperand);
  }
  for (; lane < LANES; lane++, rows += stride)
    for (int c = 0; c < headDimension; c++)
      to[c * LANES + lane] = lane < valid ? scaled(rows[c], factor, isOperand) : 0.0f;
}

/* rows[lane, c] = panel[c][lane] for the lanes that exist. */
INLINE void store_panel(
    const VECTOR *panel, int valid, int headDimension, __global float *rows, long stride) {
  const float *from = (const float *)panel;
  int lane = 0;
  for (; lane + 4 <= valid; lane += 4, rows += 4 * stride) {
    int c = 0;
    for (; c + 4 <= headDimension; c += 4) {
      const float4 a = vload4(0, from + c * LANES + lane), b = vload4(0, from + (c + 1) * LANES + lane);
      const float4 d = vload4(0, from + (c + 2) * LANES + lane), e = vload4(0, from + (c + 3) * LANES + lane);
      vstore4((float4)(a.s0, b.s0, d.s0, e.s0), 0, rows + c);
      vstore4((float4)(a.s1, b.s1, d.s1, e.s1), 0, rows + stride + c);
      vstore4((float4)(a.s2, b.s2, d.s2, e.s2), 0, rows + 2 * stride + c);
      vstore4((float4)(a.s3, b.s3, d.s3, e.s3), 0, rows + 3 * stride + c);
    }
    for (; c < headDimension; c++)
      for (int i = 0; i < 4; i++) rows[i * stride + c] = from[c * LANES + lane + i];
  }
  for (; lane < valid; lane++, rows += stride)
    for (int c = 0; c < headDimension; c++) rows[c] = from[c * LANES + lane];
}

/* The intervals of a group of queries. Keys outside first ..< end are seen by none of them, keys inside
 * allFirst ..< allEnd by all. */
typedef struct {
  INTEGERS firstKey[2], endKey[2];
  int first, end, allFirst, allEnd;
} Intervals;

/* Lanes beyond `valid` repeat the last query: their results are dropped, and they widen nothing. */
INLINE void load_intervals(__global const int *ranges, int valid, Intervals *intervals) {
  int *firstKey = (int *)intervals->firstKey, *endKey = (int *)intervals->endKey;
  intervals->first = intervals->allEnd = INT_MAX;
  intervals->end = intervals->allFirst = 0;
  for (int lane = 0; lane < LANES; lane++) {
    const int2 range = vload2(min(lane, valid - 1), ranges);
    firstKey[lane] = range.s0;
    endKey[lane] = range.s1;
    if (range.s0 < range.s1) {
      intervals->first = min(intervals->first, range.s0);
      intervals->end = max(intervals->end, range.s1);
    }
    intervals->allFirst = max(intervals->allFirst, range.s0);
    intervals->allEnd = min(intervals->allEnd, range.s1);
  }
  intervals->first = min(intervals->first, intervals->end);
}

/* Lanes of vector `part` that see `key`. */
INLINE INTEGERS sees(const Intervals *intervals, int part, int key) {
  return (INTEGERS)(key) >= intervals->firstKey[part] && (INTEGERS)(key) < intervals->endKey[part];
}

/* MARK: Position scores and dropout */

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

/* sums[r][lane] += the gradients of all n whose bucket is r. */
INLINE void sum_by_bucket(const VECTOR *gradients, const int *window, int count, VECTOR *sums) {
  float *panel = (float *)sums;
  for (int n = 0; n < count; n++) {
    const int *bucket = window + count - 1 - n;
    const float *gradient = (const float *)(gradients + 2 * n);
    for (int lane = 0; lane < LANES; lane++) panel[bucket[lane] * LANES + lane] += gradient[lane];
  }
}

#if DROPOUT
/* kept[n][lane] = m of query `first + lane` and key `start + n`. */
INLINE void draw_for_queries(
    int first, int start, int count, uint row, DRAW_PARAMETERS, VECTOR *kept) {
  philox_uint lanes;
  for (int lane = 0; lane < WIDTH; lane++) ((uint *)&lanes)[lane] = first + lane;
  for (int block = start / 4; 4 * block < start + count; block++)
    for (int part = 0; part < 2; part++) {
      philox_uint x = (lanes + (uint)(part * WIDTH)) << 14 | (uint)block, y = row, z = step, w = purpose;
      philox(&x, &y, &z, &w, keyLow, keyHigh);
      const philox_uint words[4] = {x, y, z, w};
      for (int word = 0; word < 4; word++) {
        const int n = 4 * block + word - start;
        if (n >= 0 && n < count)
          kept[2 * n + part] = select(
              (VECTOR)(0.0f), (VECTOR)(1.0f / (1.0f - probability)),
              UNIFORM(words[word]) >= (VECTOR)(probability));
      }
    }
}

/* kept[n][lane] = m of query `start + n` and key `first + lane`, `first` a multiple of 4. A vector of blocks
 * holds two queries. */
INLINE void draw_for_keys(int first, int start, int count, uint row, DRAW_PARAMETERS, VECTOR *kept) {
  for (int n = 0; n < count; n += 2) {
    philox_uint x, y = row, z = step, w = purpose;
    for (int lane = 0; lane < WIDTH; lane++)
      ((uint *)&x)[lane] =
          (uint)(start + n + lane / (WIDTH / 2)) << 14 | (uint)(first / 4 + lane % (WIDTH / 2));
    philox(&x, &y, &z, &w, keyLow, keyHigh);
    const philox_uint words[4] = {x, y, z, w};
    for (int word = 0; word < 4; word++) {
      const VECTOR m = select(
          (VECTOR)(0.0f), (VECTOR)(1.0f / (1.0f - probability)), UNIFORM(words[word]) >= (VECTOR)(probability));
      float *to = (float *)(kept + 2 * n) + word;
      for (int lane = 0; lane < WIDTH; lane++) to[4 * lane] = ((const float *)&m)[lane];
    }
  }
}
#endif

/* MARK: Forward */

__kernel void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, POSITION_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  const int first = get_global_id(0) * LANES, head = get_global_id(1), heads = get_global_size(1);
  const long sequence = get_global_id(2);
  const int valid = min(LANES, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;

  VECTOR queryPanel[HEAD_LIMIT * 2], outputPanel[HEAD_LIMIT * 2], scores[BLOCK * 2];
  load_panel(
      query + queryOffset + row * queryStride + column, queryStride, valid, headDimension, scale * LOG2_E, 1,
      queryPanel);
  for (int i = 0; i < 2 * headDimension; i++) outputPanel[i] = (VECTOR)(0.0f);
  Intervals intervals;
  load_intervals(keyRanges + rangesOffset + 2 * row, valid, &intervals);
#if POSITIONS
  VECTOR positionPanel[BUCKET_LIMIT * 2];
  load_panel(
      queryScores + queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch,
      queryScoresStride, valid, bucketCount, scale * LOG2_E, 0, positionPanel);
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
#endif
  VECTOR maximum[2] = {(VECTOR)(-INFINITY), (VECTOR)(-INFINITY)};
  VECTOR sum[2] = {(VECTOR)(0.0f), (VECTOR)(0.0f)};

  for (int start = intervals.first; start < intervals.end; start += BLOCK) {
    const int count = min(BLOCK, intervals.end - start);
    dot_rows(key + (long)start * keyStride, keyStride, count, headDimension, queryPanel, scores);
#if POSITIONS
    int window[BLOCK + LANES];
    load_window(
        buckets + bucketsOffset, first - start - count + keyLength, 1, count, queryLength + keyLength - 1,
        window);
    add_position_scores(
        positionPanel, keyScores + (long)start * keyScoresStride, keyScoresStride, scale * LOG2_E, window,
        count, scores);
#endif
    if (start < intervals.allFirst || start + count > intervals.allEnd)
      for (int j = 0; j < count; j++)
        for (int part = 0; part < 2; part++)
          scores[2 * j + part] =
              select((VECTOR)(-INFINITY), scores[2 * j + part], sees(&intervals, part, start + j));
    for (int part = 0; part < 2; part++) {
      VECTOR highest = maximum[part];
      for (int j = 0; j < count; j++) highest = fmax(highest, scores[2 * j + part]);
      /* A query that has seen no key yet has nothing to shift or rescale. */
      const VECTOR shift = select(highest, (VECTOR)(0.0f), highest == (VECTOR)(-INFINITY));
      const VECTOR rescale = power_of_two(maximum[part] - shift);
      VECTOR total = (VECTOR)(0.0f);
      for (int j = 0; j < count; j++) {
        const VECTOR weight = power_of_two(scores[2 * j + part] - shift);
        scores[2 * j + part] = weight;
        total += weight;
      }
      sum[part] = fma(sum[part], rescale, total);
      maximum[part] = highest;
      for (int c = 0; c < headDimension; c++) outputPanel[2 * c + part] *= rescale;
    }
#if DROPOUT
    VECTOR kept[BLOCK * 2];
    draw_for_queries(first, start, count, firstRow + sequence * heads + head, DRAWS, kept);
    for (int i = 0; i < 2 * count; i++) scores[i] *= kept[i];
#endif
    add_weighted_rows(value + (long)start * valueStride, valueStride, count, headDimension, scores,
        outputPanel);
  }

  VECTOR logarithm[2];
  for (int part = 0; part < 2; part++) {
    const INTEGERS empty = sum[part] == (VECTOR)(0.0f);
    const VECTOR inverse = select((VECTOR)(1.0f) / sum[part], (VECTOR)(0.0f), empty);
    logarithm[part] =
        select(fma(maximum[part], (VECTOR)(LN_2), log(sum[part])), (VECTOR)(-INFINITY), empty);
    for (int c = 0; c < headDimension; c++) outputPanel[2 * c + part] *= inverse;
  }
  store_panel(
      outputPanel, valid, headDimension, output + outputOffset + row * outputStride + column, outputStride);
  logSumExp += logSumExpOffset + (sequence * heads + head) * queryLength + first;
  for (int lane = 0; lane < valid; lane++) logSumExp[lane] = ((const float *)logarithm)[lane];
}

/* MARK: Backward */

/* dq, and delta_i = do_i . out_i for the kernel below: `[batch, heads, queryLength]`. Run it first. */
__kernel void attention_query_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *output, long outputOffset,
    int outputStride, __global const float *logSumExp, long logSumExpOffset,
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *queryGradient, long queryGradientOffset, int queryGradientStride, __global float *delta,
    long deltaOffset, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS, int headDimension,
    int queryLength, int keyLength, float scale) {
  const int first = get_global_id(0) * LANES, head = get_global_id(1), heads = get_global_size(1);
  const long sequence = get_global_id(2);
  const int valid = min(LANES, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength + first;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  output += outputOffset + row * outputStride + column;
  outputGradient += outputGradientOffset + row * outputGradientStride + column;

  VECTOR queryPanel[HEAD_LIMIT * 2], outputGradientPanel[HEAD_LIMIT * 2], queryGradientPanel[HEAD_LIMIT * 2];
  VECTOR scores[BLOCK * 2], products[BLOCK * 2];
  load_panel(
      query + queryOffset + row * queryStride + column, queryStride, valid, headDimension, scale * LOG2_E, 1,
      queryPanel);
  load_panel(outputGradient, outputGradientStride, valid, headDimension, 1.0f, 1, outputGradientPanel);
  for (int i = 0; i < 2 * headDimension; i++) queryGradientPanel[i] = (VECTOR)(0.0f);

  VECTOR deltas[2] = {(VECTOR)(0.0f), (VECTOR)(0.0f)}, shift[2] = {(VECTOR)(0.0f), (VECTOR)(0.0f)};
  for (int lane = 0; lane < valid; lane++) {
    float4 sum = (float4)(0.0f);
    int c = 0;
    for (; c + 4 <= headDimension; c += 4)
      sum = fma(
          round_operand4(vload4(0, outputGradient + lane * (long)outputGradientStride + c)),
          vload4(0, output + lane * (long)outputStride + c), sum);
    float total = (sum.s0 + sum.s1) + (sum.s2 + sum.s3);
    for (; c < headDimension; c++)
      total = fma(
          round_operand(outputGradient[lane * (long)outputGradientStride + c]),
          output[lane * (long)outputStride + c],
          total);
    ((float *)deltas)[lane] = total;
    delta[deltaOffset + statistic + lane] = total;
    ((float *)shift)[lane] = logSumExp[logSumExpOffset + statistic + lane] * LOG2_E;
  }

#if POSITIONS
  VECTOR positionPanel[BUCKET_LIMIT * 2], positionGradientPanel[BUCKET_LIMIT * 2];
  load_panel(
      queryScores + queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch,
      queryScoresStride, valid, bucketCount, scale * LOG2_E, 0, positionPanel);
  for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] = (VECTOR)(0.0f);
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
#endif
  Intervals intervals;
  load_intervals(keyRanges + rangesOffset + 2 * row, valid, &intervals);
  for (int start = intervals.first; start < intervals.end; start += BLOCK) {
    const int count = min(BLOCK, intervals.end - start);
    dot_rows(key + (long)start * keyStride, keyStride, count, headDimension, queryPanel, scores);
    dot_rows(
        value + (long)start * valueStride, valueStride, count, headDimension, outputGradientPanel, products);
#if POSITIONS
    int window[BLOCK + LANES];
    load_window(
        buckets + bucketsOffset, first - start - count + keyLength, 1, count, queryLength + keyLength - 1,
        window);
    add_position_scores(
        positionPanel, keyScores + (long)start * keyScoresStride, keyScoresStride, scale * LOG2_E, window,
        count, scores);
#endif
#if DROPOUT
    VECTOR kept[BLOCK * 2];
    draw_for_queries(first, start, count, firstRow + sequence * heads + head, DRAWS, kept);
    for (int i = 0; i < 2 * count; i++) products[i] *= kept[i];
#endif
    const int masked = start < intervals.allFirst || start + count > intervals.allEnd;
    for (int j = 0; j < count; j++)
      for (int part = 0; part < 2; part++) {
        const VECTOR weight = power_of_two(scores[2 * j + part] - shift[part]);
        const VECTOR gradient = weight * (products[2 * j + part] - deltas[part]);
        scores[2 * j + part] =
            masked ? select((VECTOR)(0.0f), gradient, sees(&intervals, part, start + j)) : gradient;
      }
#if POSITIONS
    sum_by_bucket(scores, window, count, positionGradientPanel);
#endif
    add_weighted_rows(
        key + (long)start * keyStride, keyStride, count, headDimension, scores, queryGradientPanel);
  }
#if POSITIONS
  for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] *= scale;
  store_panel(
      positionGradientPanel, valid, bucketCount,
      positionGradient + positionGradientOffset + row * positionGradientStride + (long)head * bucketPitch,
      positionGradientStride);
#endif
  for (int i = 0; i < 2 * headDimension; i++) queryGradientPanel[i] *= scale;
  store_panel(
      queryGradientPanel, valid, headDimension,
      queryGradient + queryGradientOffset + row * queryGradientStride + column, queryGradientStride);
}

/* dk and dv of LANES keys, from every query that sees one of them. */
__kernel void attention_key_value_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *logSumExp,
    long logSumExpOffset, __global const float *outputGradient, long outputGradientOffset,
    int outputGradientStride, __global const float *delta, long deltaOffset, __global float *keyGradient,
    long keyGradientOffset, int keyGradientStride, __global float *valueGradient, long valueGradientOffset,
    int valueGradientStride, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  const int firstKey = get_global_id(0) * LANES, head = get_global_id(1), heads = get_global_size(1);
  const long sequence = get_global_id(2);
  const int valid = min(LANES, keyLength - firstKey);
  const long keyRow = sequence * keyLength + firstKey, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength;
  query += queryOffset + sequence * queryLength * queryStride + column;
  outputGradient += outputGradientOffset + sequence * queryLength * outputGradientStride + column;
  keyRanges += rangesOffset + 2 * sequence * queryLength;
  logSumExp += logSumExpOffset + statistic;
  delta += deltaOffset + statistic;

  VECTOR keyPanel[HEAD_LIMIT * 2], valuePanel[HEAD_LIMIT * 2];
  VECTOR keyGradientPanel[HEAD_LIMIT * 2], valueGradientPanel[HEAD_LIMIT * 2];
  VECTOR weights[BLOCK * 2], products[BLOCK * 2];
  load_panel(
      key + keyOffset + keyRow * keyStride + column, keyStride, valid, headDimension, scale * LOG2_E, 1,
      keyPanel);
  load_panel(
      value + valueOffset + keyRow * valueStride + column, valueStride, valid, headDimension, 1.0f, 1,
      valuePanel);
  for (int i = 0; i < 2 * headDimension; i++) keyGradientPanel[i] = valueGradientPanel[i] = (VECTOR)(0.0f);
#if POSITIONS
  VECTOR positionPanel[BUCKET_LIMIT * 2], positionGradientPanel[BUCKET_LIMIT * 2];
  load_panel(
      keyScores + keyScoresOffset + keyRow * keyScoresStride + (long)head * bucketPitch, keyScoresStride,
      valid, bucketCount, scale * LOG2_E, 0, positionPanel);
  for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] = (VECTOR)(0.0f);
  queryScores += queryScoresOffset + sequence * queryLength * queryScoresStride + (long)head * bucketPitch;
#endif
  INTEGERS position[2];
  for (int lane = 0; lane < LANES; lane++) ((int *)position)[lane] = firstKey + lane;

  for (int block = 0; block < queryLength; block += BLOCK) {
    /* The block's rows from the first to the last that see a key of this group. */
    int start = block, end = min(block + BLOCK, queryLength);
    while (start < end &&
           max(keyRanges[2 * start], firstKey) >= min(keyRanges[2 * start + 1], firstKey + valid))
      start++;
    while (end > start &&
           max(keyRanges[2 * end - 2], firstKey) >= min(keyRanges[2 * end - 1], firstKey + valid))
      end--;
    const int count = end - start;
    if (count == 0) continue;
    dot_rows(query + (long)start * queryStride, queryStride, count, headDimension, keyPanel, weights);
    dot_rows(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, headDimension,
        valuePanel, products);
#if POSITIONS
    int window[BLOCK + LANES];
    load_window(
        buckets + bucketsOffset, start + count - firstKey + keyLength - 2, -1, count,
        queryLength + keyLength - 1, window);
    add_position_scores(
        positionPanel, queryScores + (long)start * queryScoresStride, queryScoresStride, scale * LOG2_E,
        window, count, weights);
#endif
#if DROPOUT
    VECTOR kept[BLOCK * 2];
    draw_for_keys(firstKey, start, count, firstRow + sequence * heads + head, DRAWS, kept);
    for (int i = 0; i < 2 * count; i++) products[i] *= kept[i];
#endif
    for (int i = 0; i < count; i++) {
      const int2 range = vload2(start + i, keyRanges);
      const VECTOR shift = (VECTOR)(logSumExp[start + i] * LOG2_E), mean = (VECTOR)(delta[start + i]);
      for (int part = 0; part < 2; part++) {
        const INTEGERS seen = position[part] >= (INTEGERS)(range.s0) && position[part] < (INTEGERS)(range.s1);
        const VECTOR weight =
            select((VECTOR)(0.0f), power_of_two(weights[2 * i + part] - shift), seen);
        weights[2 * i + part] = weight;
        products[2 * i + part] = weight * (products[2 * i + part] - mean);
      }
    }
#if POSITIONS
    sum_by_bucket(products, window, count, positionGradientPanel);
#endif
#if DROPOUT
    for (int i = 0; i < 2 * count; i++) weights[i] *= kept[i];
#endif
    add_weighted_rows(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, headDimension,
        weights, valueGradientPanel);
    add_weighted_rows(
        query + (long)start * queryStride, queryStride, count, headDimension, products, keyGradientPanel);
  }
#if POSITIONS
  for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] *= scale;
  store_panel(
      positionGradientPanel, valid, bucketCount,
      positionGradient + positionGradientOffset + keyRow * positionGradientStride + (long)head * bucketPitch,
      positionGradientStride);
#endif
  for (int i = 0; i < 2 * headDimension; i++) keyGradientPanel[i] *= scale;
  store_panel(
      keyGradientPanel, valid, headDimension,
      keyGradient + keyGradientOffset + keyRow * keyGradientStride + column, keyGradientStride);
  store_panel(
      valueGradientPanel, valid, headDimension,
      valueGradient + valueGradientOffset + keyRow * valueGradientStride + column, valueGradientStride);
}
