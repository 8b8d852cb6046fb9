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

#define LANES (2 * WIDTH)
#define BLOCK 64
/* Floats of a row in whole vectors, two by two. */
#define PITCH(width) (((width) + LANES - 1) / LANES * LANES)
/* Vectors of a block's rows; also room for LANES rows of BUCKET_LIMIT. */
#define ROWS (BLOCK * HEAD_LIMIT / WIDTH)
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

/* sums[i, :] += sum_lane weights[i][lane] rows[lane, :]: what the own side's rows add to `count` others, counted in
 * whole tiles. */
INLINE void add_own_rows(
    const VECTOR *weights, int count, const VECTOR *rows, int pitch, VECTOR *sums) {
  const int step = pitch / WIDTH;
  for (int c = 0; c < step; c += 2)
    for (int i = 0; i < count; i += TILE)
      multiply_tile(
          (const float *)(weights + 2 * i), LANES, 1, LANES, rows + c, step, sums + i * step + c, step, 1);
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

/* rows[n, c] += copy[n][c]. */
INLINE void add_rows(
    const float *copy, int pitch, int count, int width, __global float *rows, long stride) {
  for (int n = 0; n < count; n++, rows += stride, copy += pitch) {
    int c = 0;
    for (; c + WIDTH <= width; c += WIDTH) STORE(LOAD(0, rows + c) + LOAD(0, copy + c), 0, rows + c);
    for (; c < width; c++) rows[c] += copy[c];
  }
}

/* rows[n, c] *= factor; zero for a factor of zero, whatever was there. */
INLINE void scale_rows(__global float *rows, long stride, int count, int width, const float factor) {
  for (int n = 0; n < count; n++, rows += stride)
    for (int c = 0; c < width; c++) rows[c] = factor == 0.0f ? 0.0f : factor * rows[c];
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

/* MARK: Masks */

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
  const int firstQuery = get_global_id(0) * PANELS * LANES;
  const int head = get_global_id(1), heads = get_global_size(1);
  const long sequence = get_global_id(2);
  const int queries = min(PANELS * LANES, queryLength - firstQuery), panels = (queries + LANES - 1) / LANES;
  const int pitch = PITCH(headDimension);
  const long row = sequence * queryLength + firstQuery, column = (long)head * headDimension;
  query += queryOffset + row * queryStride + column;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
  output += outputOffset + row * outputStride + column;
  logSumExp += logSumExpOffset + (sequence * heads + head) * queryLength + firstQuery;

  VECTOR queryPanel[PANELS][HEAD_LIMIT * 2], outputPanel[PANELS][HEAD_LIMIT * 2], scores[BLOCK * 2];
  VECTOR maximum[PANELS][2], sum[PANELS][2];
  VECTOR keyRows[ROWS], valueRows[ROWS];
  Intervals intervals[PANELS];
#if POSITIONS
  VECTOR positionPanel[PANELS][BUCKET_LIMIT * 2];
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
#endif
  int firstKey = INT_MAX, endKey = 0;
  for (int p = 0; p < panels; p++) {
    const int valid = min(LANES, queries - p * LANES);
    copy_rows(
        query + (long)p * LANES * queryStride, queryStride, valid, headDimension, pitch, LANES, 1,
        (float *)keyRows);
    load_panel((const float *)keyRows, pitch, headDimension, scale * LOG2_E, queryPanel[p]);
    for (int i = 0; i < 2 * pitch; i++) outputPanel[p][i] = (VECTOR)(0.0f);
#if POSITIONS
    copy_rows(
        queryScores + (long)p * LANES * queryScoresStride, queryScoresStride, valid, bucketCount,
        PITCH(bucketCount), LANES, 0, (float *)keyRows);
    load_panel((const float *)keyRows, PITCH(bucketCount), bucketCount, scale * LOG2_E, positionPanel[p]);
#endif
    load_intervals(keyRanges + 2 * p * LANES, valid, intervals + p);
    if (intervals[p].first < intervals[p].end) {
      firstKey = min(firstKey, intervals[p].first);
      endKey = max(endKey, intervals[p].end);
    }
    maximum[p][0] = maximum[p][1] = (VECTOR)(-INFINITY);
    sum[p][0] = sum[p][1] = (VECTOR)(0.0f);
  }

  for (int block = firstKey; block < endKey; block += BLOCK) {
    const int end = min(block + BLOCK, endKey);
    copy_rows(
        key + (long)block * keyStride, keyStride, end - block, headDimension, pitch, TILE, 1,
        (float *)keyRows);
    copy_rows(
        value + (long)block * valueStride, valueStride, end - block, headDimension, pitch, TILE, 1,
        (float *)valueRows);
    for (int p = 0; p < panels; p++) {
      /* The block's keys from the first to the last that this panel sees, from a whole tile on. */
      const int first = max(block, intervals[p].first), start = first - (first - block) % TILE;
      const int count = min(end, intervals[p].end) - start;
      if (first >= start + count) continue;
      const int place = (start - block) * pitch;
      dot_rows((const float *)keyRows + place, pitch, count, headDimension, queryPanel[p], scores);
#if POSITIONS
      int window[BLOCK + LANES];
      load_window(
          buckets + bucketsOffset, firstQuery + p * LANES - start - count + keyLength, 1, count,
          queryLength + keyLength - 1, window);
      add_position_scores(
          positionPanel[p], keyScores + (long)start * keyScoresStride, keyScoresStride, scale * LOG2_E, window,
          count, scores);
#endif
      if (start < intervals[p].allFirst || start + count > intervals[p].allEnd)
        for (int j = 0; j < count; j++)
          for (int part = 0; part < 2; part++)
            scores[2 * j + part] =
                select((VECTOR)(-INFINITY), scores[2 * j + part], sees(intervals + p, part, start + j));
      for (int part = 0; part < 2; part++) {
        VECTOR highest = maximum[p][part];
        for (int j = 0; j < count; j++)
          highest = select(highest, scores[2 * j + part], scores[2 * j + part] > highest);
        /* A query that has seen no key yet has nothing to shift or rescale. */
        const VECTOR shift = select(highest, (VECTOR)(0.0f), highest == (VECTOR)(-INFINITY));
        const VECTOR rescale = power_of_two(maximum[p][part] - shift);
        VECTOR total = (VECTOR)(0.0f);
        for (int j = 0; j < count; j++) {
          const VECTOR weight = power_of_two(scores[2 * j + part] - shift);
          scores[2 * j + part] = weight;
          total += weight;
        }
        sum[p][part] = fma(sum[p][part], rescale, total);
        maximum[p][part] = highest;
        for (int c = 0; c < headDimension; c++) outputPanel[p][2 * c + part] *= rescale;
      }
#if DROPOUT
      VECTOR kept[BLOCK * 2];
      draw_for_queries(
          firstQuery + p * LANES, start, count, firstRow + sequence * heads + head, DRAWS, kept);
      for (int i = 0; i < 2 * count; i++) scores[i] *= kept[i];
#endif
      add_weighted_rows(
          (const float *)valueRows + place, pitch, count, headDimension, scores, outputPanel[p]);
    }
  }

  for (int p = 0; p < panels; p++) {
    const int valid = min(LANES, queries - p * LANES);
    VECTOR logarithm[2];
    for (int part = 0; part < 2; part++) {
      const INTEGERS empty = sum[p][part] == (VECTOR)(0.0f);
      const VECTOR inverse = select((VECTOR)(1.0f) / sum[p][part], (VECTOR)(0.0f), empty);
      logarithm[part] =
          select(fma(maximum[p][part], (VECTOR)(LN_2), log(sum[p][part])), (VECTOR)(-INFINITY), empty);
      for (int c = 0; c < headDimension; c++) outputPanel[p][2 * c + part] *= inverse;
    }
    unload_panel(outputPanel[p], headDimension, 1.0f, (float *)valueRows, pitch);
    store_rows(
        (const float *)valueRows, pitch, valid, headDimension, output + (long)p * LANES * outputStride,
        outputStride);
    for (int lane = 0; lane < valid; lane++)
      logSumExp[p * LANES + lane] = ((const float *)logarithm)[lane];
  }
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

/* Narrows the queries start ..< end to those from the first to the last that see one of `keys` keys. */
INLINE void narrow(__global const int *keyRanges, int firstKey, int keys, int *start, int *end) {
  while (*start < *end &&
         max(keyRanges[2 * *start], firstKey) >= min(keyRanges[2 * *start + 1], firstKey + keys))
    ++*start;
  while (*end > *start &&
         max(keyRanges[2 * *end - 2], firstKey) >= min(keyRanges[2 * *end - 1], firstKey + keys))
    --*end;
}

/* dq, dk and dv of a head of a sequence, PANELS panels of keys after the others; `delta`, [batch, heads,
 * queryLength], is scratch. Global size: 1 x heads x sequences. */
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
  const int pitch = PITCH(headDimension);
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

  VECTOR keyPanel[PANELS][HEAD_LIMIT * 2], valuePanel[PANELS][HEAD_LIMIT * 2];
  VECTOR keyGradientPanel[PANELS][HEAD_LIMIT * 2], valueGradientPanel[PANELS][HEAD_LIMIT * 2];
  VECTOR keyRows[PANELS][LANES * HEAD_LIMIT / WIDTH];
  VECTOR queryRows[ROWS], outputGradientRows[ROWS], queryGradientRows[ROWS];
  VECTOR weights[BLOCK * 2], products[BLOCK * 2];
  INTEGERS lanes[2];
  for (int lane = 0; lane < LANES; lane++) ((int *)lanes)[lane] = lane;
  find_deltas(
      outputGradient, outputGradientStride, output, outputStride, queryLength, headDimension, delta);
  scale_rows(queryGradient, queryGradientStride, queryLength, headDimension, 0.0f);
#if POSITIONS
  VECTOR positionPanel[PANELS][BUCKET_LIMIT * 2], positionGradientPanel[PANELS][BUCKET_LIMIT * 2];
  const long bucketColumn = (long)head * bucketPitch;
  queryScores += queryScoresOffset + queryRow * queryScoresStride + bucketColumn;
  keyScores += keyScoresOffset + keyRow * keyScoresStride + bucketColumn;
  queryScoreGradient += queryScoreGradientOffset + queryRow * queryScoreGradientStride + bucketColumn;
  keyScoreGradient += keyScoreGradientOffset + keyRow * keyScoreGradientStride + bucketColumn;
  scale_rows(queryScoreGradient, queryScoreGradientStride, queryLength, bucketCount, 0.0f);
#endif

  for (int firstKey = 0; firstKey < keyLength; firstKey += PANELS * LANES) {
    const int keys = min(PANELS * LANES, keyLength - firstKey), panels = (keys + LANES - 1) / LANES;
    for (int p = 0; p < panels; p++) {
      const long first = firstKey + p * LANES;
      const int valid = min(LANES, keys - p * LANES);
      copy_rows(
          key + first * keyStride, keyStride, valid, headDimension, pitch, LANES, 1, (float *)keyRows[p]);
      load_panel((const float *)keyRows[p], pitch, headDimension, scale * LOG2_E, keyPanel[p]);
      copy_rows(
          value + first * valueStride, valueStride, valid, headDimension, pitch, LANES, 1,
          (float *)queryRows);
      load_panel((const float *)queryRows, pitch, headDimension, 1.0f, valuePanel[p]);
      for (int i = 0; i < 2 * pitch; i++) keyGradientPanel[p][i] = valueGradientPanel[p][i] = (VECTOR)(0.0f);
#if POSITIONS
      copy_rows(
          keyScores + first * keyScoresStride, keyScoresStride, valid, bucketCount, PITCH(bucketCount), LANES,
          0, (float *)queryRows);
      load_panel(
          (const float *)queryRows, PITCH(bucketCount), bucketCount, scale * LOG2_E, positionPanel[p]);
      for (int i = 0; i < 2 * PITCH(bucketCount); i++) positionGradientPanel[p][i] = (VECTOR)(0.0f);
#endif
    }

    for (int block = 0; block < queryLength; block += BLOCK) {
      int blockStart = block, blockEnd = min(block + BLOCK, queryLength);
      narrow(keyRanges, firstKey, keys, &blockStart, &blockEnd);
      const int rows = blockEnd - blockStart;
      if (rows == 0) continue;
      copy_rows(
          query + (long)blockStart * queryStride, queryStride, rows, headDimension, pitch, TILE, 1,
          (float *)queryRows);
      copy_rows(
          outputGradient + (long)blockStart * outputGradientStride, outputGradientStride, rows,
          headDimension, pitch, TILE, 1, (float *)outputGradientRows);
      for (int i = 0; i < BLOCK * pitch / WIDTH; i++) queryGradientRows[i] = (VECTOR)(0.0f);
      for (int p = 0; p < panels; p++) {
        const int first = firstKey + p * LANES, valid = min(LANES, keys - p * LANES);
        int start = blockStart, end = blockEnd;
        narrow(keyRanges, first, valid, &start, &end);
        if (start == end) continue;
        start -= (start - blockStart) % TILE;
        const int count = end - start, place = (start - blockStart) * pitch;
        dot_rows((const float *)queryRows + place, pitch, count, headDimension, keyPanel[p], weights);
        dot_rows(
            (const float *)outputGradientRows + place, pitch, count, headDimension, valuePanel[p], products);
#if POSITIONS
        int window[BLOCK + LANES];
        load_window(
            buckets + bucketsOffset, start + count - first + keyLength - 2, -1, count,
            queryLength + keyLength - 1, window);
        add_position_scores(
            positionPanel[p], queryScores + (long)start * queryScoresStride, queryScoresStride, scale * LOG2_E,
            window, count, weights);
#endif
#if DROPOUT
        VECTOR kept[BLOCK * 2];
        draw_for_keys(first, start, count, firstRow + sequence * heads + head, DRAWS, kept);
        for (int i = 0; i < 2 * count; i++) products[i] *= kept[i];
#endif
        for (int i = 0; i < count; i++) {
          const int2 range = vload2(start + i, keyRanges);
          const VECTOR shift = (VECTOR)(logSumExp[start + i] * LOG2_E), mean = (VECTOR)(delta[start + i]);
          for (int part = 0; part < 2; part++) {
            const INTEGERS seen =
                lanes[part] >= (INTEGERS)(range.s0 - first) && lanes[part] < (INTEGERS)(range.s1 - first);
            const VECTOR weight =
                select((VECTOR)(0.0f), power_of_two(weights[2 * i + part] - shift), seen);
            weights[2 * i + part] = weight;
            /* Not the weight alone: what a value nobody sees gives may be no number. */
            products[2 * i + part] =
                select((VECTOR)(0.0f), weight * (products[2 * i + part] - mean), seen);
          }
        }
        /* What fills up the last tile must add nothing to other queries. */
        for (int i = count; i % TILE > 0; i++) products[2 * i] = products[2 * i + 1] = (VECTOR)(0.0f);
#if POSITIONS
        sum_by_bucket(products, window, count, positionGradientPanel[p]);
        sum_rows_by_bucket(
            products, valid, window, count, queryScoreGradient + (long)start * queryScoreGradientStride,
            queryScoreGradientStride);
#endif
#if DROPOUT
        for (int i = 0; i < 2 * count; i++) weights[i] *= kept[i];
#endif
        add_weighted_rows(
            (const float *)outputGradientRows + place, pitch, count, headDimension, weights,
            valueGradientPanel[p]);
        add_weighted_rows(
            (const float *)queryRows + place, pitch, count, headDimension, products, keyGradientPanel[p]);
        add_own_rows(products, count, keyRows[p], pitch, queryGradientRows + place / WIDTH);
      }
      add_rows(
          (const float *)queryGradientRows, pitch, rows, headDimension,
          queryGradient + (long)blockStart * queryGradientStride, queryGradientStride);
    }

    for (int p = 0; p < panels; p++) {
      const long first = firstKey + p * LANES;
      const int valid = min(LANES, keys - p * LANES);
      unload_panel(keyGradientPanel[p], headDimension, scale, (float *)queryRows, pitch);
      store_rows(
          (const float *)queryRows, pitch, valid, headDimension, keyGradient + first * keyGradientStride,
          keyGradientStride);
      unload_panel(valueGradientPanel[p], headDimension, 1.0f, (float *)queryRows, pitch);
      store_rows(
          (const float *)queryRows, pitch, valid, headDimension, valueGradient + first * valueGradientStride,
          valueGradientStride);
#if POSITIONS
      unload_panel(positionGradientPanel[p], bucketCount, scale, (float *)queryRows, PITCH(bucketCount));
      store_rows(
          (const float *)queryRows, PITCH(bucketCount), valid, bucketCount,
          keyScoreGradient + first * keyScoreGradientStride, keyScoreGradientStride);
#endif
    }
  }
  scale_rows(queryGradient, queryGradientStride, queryLength, headDimension, scale);
#if POSITIONS
  scale_rows(queryScoreGradient, queryScoreGradientStride, queryLength, bucketCount, scale);
#endif
}
