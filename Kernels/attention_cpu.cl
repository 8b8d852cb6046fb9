/* Masked attention, forward and backward, for CPU-type devices. Per head and sequence, over the keys j that
 * query i sees, firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * Forward, a work-item owns LANES = 2 vectors of WIDTH queries; backward, it owns a head and goes through its
 * keys, LANES at a time. The owned positions lie across the vector lanes, so everything about one of them
 * (maximum, sum, mask, rescaling) is element by element and no sum ever runs across a vector; head dimensions
 * of any size cost next to no padding. They are transposed once into a panel on the stack; of the other side, BLOCK
 * positions at a time are copied there, where their rows cannot meet in a few sets of the cache however they
 * are apart in memory, and read a scalar at a time, broadcast:
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
 * Geometry: work-groups of one work-item; global size of the forward pass groups of LANES x heads x sequences,
 * of the backward pass, which needs five products rather than the seven of two passes, 1 x heads x sequences.
 * No two work-items write the same element, so there are no atomics and the order of every sum is a function
 * of the shape.
 * Limits: headDimension <= HEAD_LIMIT (-DHEAD_LIMIT, a multiple of LANES: what lies on the stack is 1.3 KB of
 * HEAD_LIMIT forward and backward), bucketCount <= BUCKET_LIMIT. Memory: O(T).
 * Precision: with -DPRECISION (see precision.cl) Q, K, V and dO are rounded as they are copied; P and dS are not.
 *
 * Position scores (see attention_terms.cl): the own side's are a panel [bucket][lane], the other side's a row;
 * the buckets of a block of scores depend on one distance, so they are a window of one array, and each lane
 * picks its own. Gradients of the own side's add up lane by lane in a panel like that, the other side's in rows. */
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
#define TO_INTEGERS JOIN(JOIN(convert_int, WIDTH), _rte)
#define TO_VECTOR JOIN(convert_float, WIDTH)

#define LANES (2 * WIDTH)
#define BLOCK 64
/* Floats of a row in whole vectors, two by two. */
#define PITCH(width) (((width) + LANES - 1) / LANES * LANES)
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

/* sums[i, :] = sum_lane weights[i][lane] rows[lane, :]: what the own side's rows add to `count` others. */
INLINE void add_own_rows(
    const VECTOR *weights, int count, const VECTOR *rows, int pitch, VECTOR *sums) {
  const int step = pitch / WIDTH;
  for (int c = 0; c < step; c += 2)
    for (int i = 0; i < count; i += TILE)
      multiply_tile(
          (const float *)(weights + 2 * i), LANES, 1, LANES, rows + c, step, sums + i * step + c, step, 0);
}

/* copy[n][c] = rows[n, c], rounded; zero in what fills up a row, or the last tile of rows. */
INLINE void copy_rows(
    __global const float *rows, long stride, int count, int headDimension, int pitch, float *copy) {
  for (int n = 0; n < count; n++, rows += stride, copy += pitch) {
    int c = 0;
    for (; c + WIDTH <= headDimension; c += WIDTH) STORE(ROUND(LOAD(0, rows + c)), 0, copy + c);
    for (; c < headDimension; c++) copy[c] = round_operand(rows[c]);
    for (; c < pitch; c++) copy[c] = 0.0f;
  }
  for (int c = 0; c < (TILE - count % TILE) % TILE * pitch; c++) copy[c] = 0.0f;
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

/* rows[n, r] += the gradients of n's lanes whose bucket is r. Four rows side by side: neighbours share buckets, so
 * that each sum of a row waits for the one before. */
INLINE void sum_rows_by_bucket(
    const VECTOR *gradients, int valid, const int *window, int count, __global float *rows, long stride) {
  int n = 0;
  for (; n + 4 <= count; n += 4) {
    const int *bucket = window + count - 1 - n;
    const float *gradient = (const float *)(gradients + 2 * n);
    __global float *to = rows + n * stride;
    for (int lane = 0; lane < valid; lane++) {
      to[bucket[lane]] += gradient[lane];
      to[stride + bucket[lane - 1]] += gradient[LANES + lane];
      to[2 * stride + bucket[lane - 2]] += gradient[2 * LANES + lane];
      to[3 * stride + bucket[lane - 3]] += gradient[3 * LANES + lane];
    }
  }
  for (; n < count; n++)
    for (int lane = 0; lane < valid; lane++)
      rows[n * stride + window[lane - n + count - 1]] += ((const float *)(gradients + 2 * n))[lane];
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
  VECTOR rows[BLOCK * HEAD_LIMIT / WIDTH];
  load_panel(
      query + queryOffset + row * queryStride + column, queryStride, valid, headDimension, scale * LOG2_E, 1,
      queryPanel);
  const int pitch = PITCH(headDimension);
  for (int i = 0; i < 2 * pitch; i++) outputPanel[i] = (VECTOR)(0.0f);
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
    copy_rows(key + (long)start * keyStride, keyStride, count, headDimension, pitch, (float *)rows);
    dot_rows((const float *)rows, pitch, count, headDimension, queryPanel, scores);
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
    copy_rows(value + (long)start * valueStride, valueStride, count, headDimension, pitch, (float *)rows);
    add_weighted_rows((const float *)rows, pitch, count, headDimension, scores, outputPanel);
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

/* delta_i = do_i . out_i for each query of a head. */
INLINE void find_deltas(
    __global const float *outputGradient, long outputGradientStride, __global const float *output,
    long outputStride, int queryLength, int headDimension, __global float *delta) {
  for (int i = 0; i < queryLength; i++, outputGradient += outputGradientStride, output += outputStride) {
    float4 sum = (float4)(0.0f);
    int c = 0;
    for (; c + 4 <= headDimension; c += 4)
      sum = fma(round_operand4(vload4(0, outputGradient + c)), vload4(0, output + c), sum);
    float total = (sum.s0 + sum.s1) + (sum.s2 + sum.s3);
    for (; c < headDimension; c++) total = fma(round_operand(outputGradient[c]), output[c], total);
    delta[i] = total;
  }
}

/* rows[n, c] = factor (rows[n, c] + more[n][c]), or factor rows[n, c] without `more`. */
INLINE void update_rows(
    __global float *rows, long stride, int count, int width, float factor, const float *more, int pitch) {
  for (int n = 0; n < count; n++, rows += stride) {
    int c = 0;
    for (; c + WIDTH <= width; c += WIDTH) {
      const VECTOR old = LOAD(0, rows + c);
      STORE(factor * (more ? old + LOAD(0, more + n * pitch + c) : old), 0, rows + c);
    }
    for (; c < width; c++) rows[c] = factor * (more ? rows[c] + more[n * pitch + c] : rows[c]);
  }
}

INLINE void clear_rows(__global float *rows, long stride, int count, int width) {
  for (int n = 0; n < count; n++, rows += stride)
    for (int c = 0; c < width; c++) rows[c] = 0.0f;
}

/* dq, dk and dv of a head of a sequence, LANES keys after the other; `delta`, [batch, heads, queryLength], is
 * scratch. Global size: 1 x heads x sequences. */
__kernel void attention_backward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *output, long outputOffset,
    int outputStride, __global const float *logSumExp, long logSumExpOffset,
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *queryGradient, long queryGradientOffset, int queryGradientStride,
    __global float *keyGradient, long keyGradientOffset, int keyGradientStride,
    __global float *valueGradient, long valueGradientOffset, int valueGradientStride, __global float *delta,
    long deltaOffset, POSITION_ARGUMENTS, __global float *queryScoreGradient, long queryScoreGradientOffset,
    int queryScoreGradientStride, __global float *keyScoreGradient, long keyScoreGradientOffset,
    int keyScoreGradientStride, DROPOUT_ARGUMENTS, int headDimension, int queryLength, int keyLength,
    float scale) {
  const int head = get_global_id(1), heads = get_global_size(1);
  const long sequence = get_global_id(2);
  const long queryRow = sequence * queryLength, keyRow = sequence * keyLength;
  const long column = (long)head * headDimension, statistic = (sequence * heads + head) * queryLength;
  query += queryOffset + queryRow * queryStride + column;
  key += keyOffset + keyRow * keyStride + column;
  value += valueOffset + keyRow * valueStride + column;
  keyRanges += rangesOffset + 2 * queryRow;
  output += outputOffset + queryRow * outputStride + column;
  logSumExp += logSumExpOffset + statistic;
  outputGradient += outputGradientOffset + queryRow * outputGradientStride + column;
  queryGradient += queryGradientOffset + queryRow * queryGradientStride + column;
  keyGradient += keyGradientOffset + keyRow * keyGradientStride + column;
  valueGradient += valueGradientOffset + keyRow * valueGradientStride + column;
  delta += deltaOffset + statistic;

  VECTOR keyPanel[HEAD_LIMIT * 2], valuePanel[HEAD_LIMIT * 2];
  VECTOR keyGradientPanel[HEAD_LIMIT * 2], valueGradientPanel[HEAD_LIMIT * 2];
  VECTOR weights[BLOCK * 2], products[BLOCK * 2];
  VECTOR keyRows[LANES * HEAD_LIMIT / WIDTH];
  VECTOR queryRows[BLOCK * HEAD_LIMIT / WIDTH], outputGradientRows[BLOCK * HEAD_LIMIT / WIDTH];
  const int pitch = PITCH(headDimension);
  find_deltas(
      outputGradient, outputGradientStride, output, outputStride, queryLength, headDimension, delta);
  clear_rows(queryGradient, queryGradientStride, queryLength, headDimension);
#if POSITIONS
  VECTOR positionPanel[BUCKET_LIMIT * 2], positionGradientPanel[BUCKET_LIMIT * 2];
  const long bucketColumn = (long)head * bucketPitch;
  queryScores += queryScoresOffset + queryRow * queryScoresStride + bucketColumn;
  keyScores += keyScoresOffset + keyRow * keyScoresStride + bucketColumn;
  queryScoreGradient += queryScoreGradientOffset + queryRow * queryScoreGradientStride + bucketColumn;
  keyScoreGradient += keyScoreGradientOffset + keyRow * keyScoreGradientStride + bucketColumn;
  clear_rows(queryScoreGradient, queryScoreGradientStride, queryLength, bucketCount);
#endif

  for (int firstKey = 0; firstKey < keyLength; firstKey += LANES) {
    const int valid = min(LANES, keyLength - firstKey);
    load_panel(
        key + (long)firstKey * keyStride, keyStride, valid, headDimension, scale * LOG2_E, 1, keyPanel);
    load_panel(
        value + (long)firstKey * valueStride, valueStride, valid, headDimension, 1.0f, 1, valuePanel);
    copy_rows(
        key + (long)firstKey * keyStride, keyStride, valid, headDimension, pitch, (float *)keyRows);
    for (int i = valid * pitch / WIDTH; i < LANES * pitch / WIDTH; i++) keyRows[i] = (VECTOR)(0.0f);
    for (int i = 0; i < 2 * pitch; i++)
      keyGradientPanel[i] = valueGradientPanel[i] = (VECTOR)(0.0f);
#if POSITIONS
    load_panel(
        keyScores + (long)firstKey * keyScoresStride, keyScoresStride, valid, bucketCount, scale * LOG2_E, 0,
        positionPanel);
    for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] = (VECTOR)(0.0f);
#endif
    INTEGERS position[2];
    for (int lane = 0; lane < LANES; lane++) ((int *)position)[lane] = firstKey + lane;

    for (int block = 0; block < queryLength; block += BLOCK) {
      /* The block's rows from the first to the last that see one of these keys. */
      int start = block, end = min(block + BLOCK, queryLength);
      while (start < end &&
             max(keyRanges[2 * start], firstKey) >= min(keyRanges[2 * start + 1], firstKey + valid))
        start++;
      while (end > start &&
             max(keyRanges[2 * end - 2], firstKey) >= min(keyRanges[2 * end - 1], firstKey + valid))
        end--;
      const int count = end - start;
      if (count == 0) continue;
      copy_rows(
          query + (long)start * queryStride, queryStride, count, headDimension, pitch, (float *)queryRows);
      copy_rows(
          outputGradient + (long)start * outputGradientStride, outputGradientStride, count, headDimension,
          pitch, (float *)outputGradientRows);
      dot_rows((const float *)queryRows, pitch, count, headDimension, keyPanel, weights);
      dot_rows((const float *)outputGradientRows, pitch, count, headDimension, valuePanel, products);
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
          const INTEGERS seen =
              position[part] >= (INTEGERS)(range.s0) && position[part] < (INTEGERS)(range.s1);
          const VECTOR weight =
              select((VECTOR)(0.0f), power_of_two(weights[2 * i + part] - shift), seen);
          weights[2 * i + part] = weight;
          products[2 * i + part] = weight * (products[2 * i + part] - mean);
        }
      }
#if POSITIONS
      sum_by_bucket(products, window, count, positionGradientPanel);
      sum_rows_by_bucket(
          products, valid, window, count, queryScoreGradient + (long)start * queryScoreGradientStride,
          queryScoreGradientStride);
#endif
#if DROPOUT
      for (int i = 0; i < 2 * count; i++) weights[i] *= kept[i];
#endif
      add_weighted_rows(
          (const float *)outputGradientRows, pitch, count, headDimension, weights, valueGradientPanel);
      add_weighted_rows((const float *)queryRows, pitch, count, headDimension, products, keyGradientPanel);
      /* The rows of the queries have been used: their gradients take their place. */
      add_own_rows(products, count, keyRows, pitch, queryRows);
      update_rows(
          queryGradient + (long)start * queryGradientStride, queryGradientStride, count, headDimension, 1.0f,
          (const float *)queryRows, pitch);
    }
#if POSITIONS
    for (int i = 0; i < 2 * bucketCount; i++) positionGradientPanel[i] *= scale;
    store_panel(
        positionGradientPanel, valid, bucketCount, keyScoreGradient + (long)firstKey * keyScoreGradientStride,
        keyScoreGradientStride);
#endif
    for (int i = 0; i < 2 * headDimension; i++) keyGradientPanel[i] *= scale;
    store_panel(
        keyGradientPanel, valid, headDimension, keyGradient + (long)firstKey * keyGradientStride,
        keyGradientStride);
    store_panel(
        valueGradientPanel, valid, headDimension, valueGradient + (long)firstKey * valueGradientStride,
        valueGradientStride);
  }
  update_rows(queryGradient, queryGradientStride, queryLength, headDimension, scale, 0, 0);
#if POSITIONS
  update_rows(queryScoreGradient, queryScoreGradientStride, queryLength, bucketCount, scale, 0, 0);
#endif
}
