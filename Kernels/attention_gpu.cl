/* Masked attention, forward and backward, for GPUs. Per head and sequence, over the keys j that query i sees,
 * firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * A work-group of 8 x 8 items owns TILE = 8 R positions of one head (queries in `attention_forward` and
 * `attention_query_gradient`, keys in `attention_key_value_gradient`) and walks over the other side TILE
 * positions at a time. Every operand lies in local memory as rows of the head, as in global memory:
 *
 *     rows of the head                 scores
 *     [TILE][HEAD + 4]                 [TILE][TILE + 4]    item (y, x) computes rows y + 8 i and
 *       item y reads rows y + 8 i                          columns x + 8 j of the scores, and rows y + 8 i
 *       item x reads rows x + 8 j                          and columns 4 x + 32 j ..< + 4 of the result
 *
 * With a pitch that is 4 more than a multiple of 32, the float4s that eight neighbours read lie in different
 * banks both along rows and along columns. R is 4, 2, 1 for heads of up to 64, 128, 256 (less on a
 * device with little local memory): 44 KB at most, and as many sums in registers whatever the head.
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022) in powers of two: scores carry log2(e).
 * Tiles in which nobody sees anybody are skipped.
 *
 * Geometry: global size (tiles x 64, heads, sequences). No two groups write the same element, so there are no
 * atomics and the order of every sum is a function of the shape.
 * Limits: the build options HEAD, headDimension rounded up to a multiple of 32 and at most 256, and R; heads
 * above 224 need more than 32 KB of local memory.
 * Memory: O(T).
 * Precision: with -DPRECISION (see precision.cl) Q, K, V and dO are rounded as they are loaded; P and dS are not.
 *
 * Position scores (see attention_terms.cl) are read from global memory, where neighbours share cache lines. Their
 * gradients add up in local memory (see attention_group.cl). */
#include "precision.cl"

#ifndef HEAD
#define HEAD 64
#define R 4
#endif
#define TILE (8 * R)
#define ITEMS 64
/* Floats from one row to the next in local memory. */
#define HEAD_PITCH (HEAD + 4)
#define SCORE_PITCH (TILE + 4)

#define ROWS TILE
#define GRADIENT_PLACE(row, n) ((row) * SCORE_PITCH + (n))
#include "attention_group.cl"

/* MARK: Pieces */

/* tile[r][c] = factor rows[r, c], rounded before, for the `valid` rows and headDimension columns that exist, 0 elsewhere. */
INLINE void load_tile(
    __global const float *rows, int stride, int valid, int headDimension, float factor, __local float *tile) {
  for (int index = get_local_id(0); index < TILE * HEAD / 4; index += ITEMS) {
    const int row = index / (HEAD / 4), c = index % (HEAD / 4) * 4;
    __global const float *from = rows + (long)row * stride + c;
    float4 value = (float4)(0.0f);
    if (row < valid) {
      if (c + 4 <= headDimension)
        value = vload4(0, from);
      else
        value = (float4)(
            c < headDimension ? from[0] : 0.0f, c + 1 < headDimension ? from[1] : 0.0f,
            c + 2 < headDimension ? from[2] : 0.0f, 0.0f);
    }
    *(__local float4 *)(tile + row * HEAD_PITCH + c) = factor * round_operand4(value);
  }
}

/* sum[i][j] = left row y + 8 i . right row x + 8 j. */
INLINE void dot_rows(__local const float *left, __local const float *right, int y, int x, float sum[R][R]) {
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int j = 0; j < R; j++) sum[i][j] = 0.0f;
#pragma unroll 4
  for (int c = 0; c < HEAD; c += 4) {
    float4 l[R], r[R];
#pragma unroll
    for (int i = 0; i < R; i++) {
      l[i] = *(__local const float4 *)(left + (y + 8 * i) * HEAD_PITCH + c);
      r[i] = *(__local const float4 *)(right + (x + 8 * i) * HEAD_PITCH + c);
    }
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
      for (int j = 0; j < R; j++) {
        sum[i][j] = fma(l[i].s0, r[j].s0, sum[i][j]);
        sum[i][j] = fma(l[i].s1, r[j].s1, sum[i][j]);
        sum[i][j] = fma(l[i].s2, r[j].s2, sum[i][j]);
        sum[i][j] = fma(l[i].s3, r[j].s3, sum[i][j]);
      }
  }
}

/* result row y + 8 i += sum_j scores[y + 8 i][j] rows[j], in the item's columns. */
INLINE void add_weighted_rows(
    __local const float *scores, __local const float *rows, int y, int x, float4 result[R][HEAD / 32]) {
#pragma unroll 2
  for (int j = 0; j < TILE; j += 4) {
    float4 weight[R];
#pragma unroll
    for (int i = 0; i < R; i++) weight[i] = *(__local const float4 *)(scores + (y + 8 * i) * SCORE_PITCH + j);
#pragma unroll
    for (int c = 0; c < HEAD / 32; c++) {
      __local const float *from = rows + j * HEAD_PITCH + 4 * x + 32 * c;
      const float4 v0 = *(__local const float4 *)from;
      const float4 v1 = *(__local const float4 *)(from + HEAD_PITCH);
      const float4 v2 = *(__local const float4 *)(from + 2 * HEAD_PITCH);
      const float4 v3 = *(__local const float4 *)(from + 3 * HEAD_PITCH);
#pragma unroll
      for (int i = 0; i < R; i++) {
        float4 sum = result[i][c];
        sum = fma((float4)(weight[i].s0), v0, sum);
        sum = fma((float4)(weight[i].s1), v1, sum);
        sum = fma((float4)(weight[i].s2), v2, sum);
        result[i][c] = fma((float4)(weight[i].s3), v3, sum);
      }
    }
  }
}

INLINE void clear(float4 result[R][HEAD / 32]) {
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int c = 0; c < HEAD / 32; c++) result[i][c] = (float4)(0.0f);
}

/* Writes factor[i] * the item's part of the result to the rows and columns that exist. */
INLINE void store_rows(
    float4 result[R][HEAD / 32], const float factor[R], int y, int x, int valid, int headDimension,
    __global float *rows, int stride) {
#pragma unroll
  for (int i = 0; i < R; i++)
    if (y + 8 * i < valid)
#pragma unroll
      for (int part = 0; part < HEAD / 32; part++) {
        const int c = 4 * x + 32 * part;
        __global float *to = rows + (long)(y + 8 * i) * stride + c;
        const float4 value = factor[i] * result[i][part];
        if (c + 4 <= headDimension) {
          vstore4(value, 0, to);
        } else {
          if (c < headDimension) to[0] = value.s0;
          if (c + 1 < headDimension) to[1] = value.s1;
          if (c + 2 < headDimension) to[2] = value.s2;
        }
      }
}

/* The smallest interval that holds everything a query of the group sees. */
INLINE int2 reach(__global const int *ranges, int valid) {
  int first = INT_MAX, end = 0;
  for (int row = 0; row < valid; row++) {
    const int2 range = vload2(row, ranges);
    if (range.s0 < range.s1) {
      first = min(first, range.s0);
      end = max(end, range.s1);
    }
  }
  return (int2)(min(first, end), end);
}

/* MARK: Position scores and dropout */

/* What the distance of a query and a key adds to their score, before scaling. */
INLINE float position_score(
    __global const float *queryScores, __global const float *keyScores, __global const int *buckets, int place) {
  const int bucket = buckets[place];
  return queryScores[bucket] + keyScores[bucket];
}

#if DROPOUT
/* m of one query and key. */
INLINE float draw(int query, int key, uint row, DRAW_PARAMETERS) {
  const uint4 draws = draws_of(query, key / 4, row, keyLow, keyHigh, step, purpose);
  const uint word = key % 4 == 0 ? draws.s0 : key % 4 == 1 ? draws.s1 : key % 4 == 2 ? draws.s2 : draws.s3;
  return factor_of(word, probability);
}
#endif

/* MARK: Forward */

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, POSITION_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  __local float queries[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float others[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float scores[TILE * SCORE_PITCH] __attribute__((aligned(16)));
  __local float partial[TILE][8];
  const int first = get_group_id(0) * TILE, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), x = item % 8, y = item / 8;
  const long sequence = get_global_id(2);
  const int valid = min(TILE, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
#if POSITIONS
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset + first + keyLength - 1;
#endif

  load_tile(
      query + queryOffset + row * queryStride + column, queryStride, valid, headDimension, scale * LOG2_E,
      queries);
  float4 result[R][HEAD / 32];
  clear(result);
  int2 seen[R];
  float maximum[R], sum[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    seen[i] = interval(keyRanges, y + 8 * i, valid);
    maximum[i] = -INFINITY;
    sum[i] = 0.0f;
  }
  const int2 range = reach(keyRanges, valid);

  for (int start = range.s0; start < range.s1; start += TILE) {
    const int count = min(TILE, range.s1 - start);
    load_tile(key + (long)start * keyStride, keyStride, count, headDimension, 1.0f, others);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[R][R];
    dot_rows(queries, others, y, x, score);
#pragma unroll
    for (int i = 0; i < R; i++) {
      float highest = -INFINITY;
#pragma unroll
      for (int j = 0; j < R; j++) {
        const int position = start + x + 8 * j;
        if (position < seen[i].s0 || position >= seen[i].s1) score[i][j] = -INFINITY;
#if POSITIONS
        else
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(y + 8 * i) * queryScoresStride,
                             keyScores + (long)position * keyScoresStride, buckets, y + 8 * i - position);
#endif
        highest = fmax(highest, score[i][j]);
      }
      partial[y + 8 * i][x] = highest;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int i = 0; i < R; i++) {
      float highest = maximum[i];
      for (int other = 0; other < 8; other++) highest = fmax(highest, partial[y + 8 * i][other]);
      /* A query that has seen no key yet has nothing to shift or rescale. */
      const float shift = highest == -INFINITY ? 0.0f : highest;
      const float rescale = exp2(maximum[i] - shift);
      maximum[i] = highest;
      sum[i] *= rescale;
#pragma unroll
      for (int j = 0; j < R; j++) {
        const float weight = exp2(score[i][j] - shift);
        float kept = weight;
#if DROPOUT
        kept *= draw(first + y + 8 * i, start + x + 8 * j, firstRow + sequence * heads + head, DRAWS);
#endif
        scores[(y + 8 * i) * SCORE_PITCH + x + 8 * j] = kept;
        sum[i] += weight;
      }
#pragma unroll
      for (int c = 0; c < HEAD / 32; c++) result[i][c] *= rescale;
    }
    load_tile(value + (long)start * valueStride, valueStride, count, headDimension, 1.0f, others);
    barrier(CLK_LOCAL_MEM_FENCE);
    add_weighted_rows(scores, others, y, x, result);
    barrier(CLK_LOCAL_MEM_FENCE);
  }

  /* Each item summed its own columns: the row's sum is that of eight items. */
#pragma unroll
  for (int i = 0; i < R; i++) partial[y + 8 * i][x] = sum[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  float inverse[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    float total = 0.0f;
    for (int other = 0; other < 8; other++) total += partial[y + 8 * i][other];
    inverse[i] = total > 0.0f ? 1.0f / total : 0.0f;
    if (x == 0 && y + 8 * i < valid)
      logSumExp[logSumExpOffset + (sequence * heads + head) * queryLength + first + y + 8 * i] =
          total == 0.0f ? -INFINITY : fma(maximum[i], LN_2, log(total));
  }
  store_rows(
      result, inverse, y, x, valid, headDimension, output + outputOffset + row * outputStride + column,
      outputStride);
}

/* MARK: Backward */

/* dq, and delta_i = do_i . out_i for the kernel below: `[batch, heads, queryLength]`. Run it first. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_query_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *output, long outputOffset,
    int outputStride, __global const float *logSumExp, long logSumExpOffset,
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *queryGradient, long queryGradientOffset, int queryGradientStride, __global float *delta,
    long deltaOffset, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS, int headDimension,
    int queryLength, int keyLength, float scale) {
  __local float queries[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float outputGradients[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float keys[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float values[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float scores[TILE * SCORE_PITCH] __attribute__((aligned(16)));
  __local float partial[TILE][8];
  const int first = get_group_id(0) * TILE, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), x = item % 8, y = item / 8;
  const long sequence = get_global_id(2);
  const int valid = min(TILE, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength + first;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
  output += outputOffset + row * outputStride + column;
#if POSITIONS
  __local float sums[TILE * BUCKETS];
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset + first + keyLength - 1;
  clear_sums(sums);
#endif

  load_tile(
      query + queryOffset + row * queryStride + column, queryStride, valid, headDimension, scale * LOG2_E,
      queries);
  load_tile(
      outputGradient + outputGradientOffset + row * outputGradientStride + column, outputGradientStride,
      valid,
      headDimension, 1.0f, outputGradients);
  barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
  for (int i = 0; i < R; i++) {
    float sum = 0.0f;
    if (y + 8 * i < valid)
      for (int c = x; c < headDimension; c += 8)
        sum = fma(outputGradients[(y + 8 * i) * HEAD_PITCH + c],
            output[(long)(y + 8 * i) * outputStride + c], sum);
    partial[y + 8 * i][x] = sum;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  float4 result[R][HEAD / 32];
  clear(result);
  int2 seen[R];
  float mean[R], shift[R], factor[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int exists = y + 8 * i < valid;
    seen[i] = interval(keyRanges, y + 8 * i, valid);
    mean[i] = 0.0f;
    for (int other = 0; other < 8; other++) mean[i] += partial[y + 8 * i][other];
    if (x == 0 && exists) delta[deltaOffset + statistic + y + 8 * i] = mean[i];
    shift[i] = exists ? logSumExp[logSumExpOffset + statistic + y + 8 * i] * LOG2_E : 0.0f;
    factor[i] = scale;
  }
  const int2 range = reach(keyRanges, valid);

  for (int start = range.s0; start < range.s1; start += TILE) {
    const int count = min(TILE, range.s1 - start);
    load_tile(key + (long)start * keyStride, keyStride, count, headDimension, 1.0f, keys);
    load_tile(value + (long)start * valueStride, valueStride, count, headDimension, 1.0f, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[R][R], product[R][R];
    dot_rows(queries, keys, y, x, score);
    dot_rows(outputGradients, values, y, x, product);
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
      for (int j = 0; j < R; j++) {
        const int position = start + x + 8 * j;
        const int sees = position >= seen[i].s0 && position < seen[i].s1;
#if POSITIONS
        if (sees)
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(y + 8 * i) * queryScoresStride,
                             keyScores + (long)position * keyScoresStride, buckets, y + 8 * i - position);
#endif
#if DROPOUT
        product[i][j] *= draw(first + y + 8 * i, position, firstRow + sequence * heads + head, DRAWS);
#endif
        scores[(y + 8 * i) * SCORE_PITCH + x + 8 * j] =
            sees ? exp2(score[i][j] - shift[i]) * (product[i][j] - mean[i]) : 0.0f;
      }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_weighted_rows(scores, keys, y, x, result);
#if POSITIONS
    sum_by_bucket(item, scores, buckets, -start, 1, valid, count, sums);
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  STORE_SUMS(row);
  store_rows(
      result, factor, y, x, valid, headDimension,
      queryGradient + queryGradientOffset + row * queryGradientStride + column, queryGradientStride);
}

/* dk and dv of TILE keys, from every query that sees one of them. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_key_value_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *logSumExp,
    long logSumExpOffset, __global const float *outputGradient, long outputGradientOffset,
    int outputGradientStride, __global const float *delta, long deltaOffset, __global float *keyGradient,
    long keyGradientOffset, int keyGradientStride, __global float *valueGradient, long valueGradientOffset,
    int valueGradientStride, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  __local float keys[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float values[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float queries[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float outputGradients[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float weights[TILE * SCORE_PITCH] __attribute__((aligned(16)));
  __local float scores[TILE * SCORE_PITCH] __attribute__((aligned(16)));
  const int firstKey = get_group_id(0) * TILE, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), x = item % 8, y = item / 8;
  const long sequence = get_global_id(2);
  const int valid = min(TILE, keyLength - firstKey);
  const long keyRow = sequence * keyLength + firstKey, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength;
  query += queryOffset + sequence * queryLength * queryStride + column;
  outputGradient += outputGradientOffset + sequence * queryLength * outputGradientStride + column;
  keyRanges += rangesOffset + 2 * sequence * queryLength;
  logSumExp += logSumExpOffset + statistic;
  delta += deltaOffset + statistic;
#if POSITIONS
  __local float sums[TILE * BUCKETS];
  queryScores += queryScoresOffset + sequence * queryLength * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + keyRow * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset + keyLength - 1 - firstKey;
  clear_sums(sums);
#endif

  load_tile(
      key + keyOffset + keyRow * keyStride + column, keyStride, valid, headDimension, scale * LOG2_E, keys);
  load_tile(
      value + valueOffset + keyRow * valueStride + column, valueStride, valid, headDimension, 1.0f, values);
  float4 keyResult[R][HEAD / 32], valueResult[R][HEAD / 32];
  clear(keyResult);
  clear(valueResult);

  for (int start = 0; start < queryLength; start += TILE) {
    const int count = min(TILE, queryLength - start);
    /* Every item reads the same intervals, so the whole group skips or none does. */
    const int2 range = reach(keyRanges + 2 * start, count);
    if (range.s1 <= firstKey || range.s0 >= firstKey + valid) continue;
    load_tile(query + (long)start * queryStride, queryStride, count, headDimension, 1.0f, queries);
    load_tile(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, headDimension, 1.0f,
        outputGradients);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[R][R], product[R][R];
    dot_rows(keys, queries, y, x, score);
    dot_rows(values, outputGradients, y, x, product);
#pragma unroll
    for (int j = 0; j < R; j++) {
      const int position = x + 8 * j;
      const int2 seen = interval(keyRanges + 2 * start, position, count);
      const float shift = position < count ? logSumExp[start + position] * LOG2_E : 0.0f;
      const float mean = position < count ? delta[start + position] : 0.0f;
#pragma unroll
      for (int i = 0; i < R; i++) {
        const int own = firstKey + y + 8 * i;
        const int sees = own >= seen.s0 && own < seen.s1;
#if POSITIONS
        if (sees)
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(start + position) * queryScoresStride,
                             keyScores + (long)(y + 8 * i) * keyScoresStride, buckets,
                             start + position - y - 8 * i);
#endif
        const float weight = sees ? exp2(score[i][j] - shift) : 0.0f;
        float kept = weight;
#if DROPOUT
        const float m = draw(start + position, own, firstRow + sequence * heads + head, DRAWS);
        product[i][j] *= m;
        kept *= m;
#endif
        weights[(y + 8 * i) * SCORE_PITCH + position] = kept;
        scores[(y + 8 * i) * SCORE_PITCH + position] = weight * (product[i][j] - mean);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_weighted_rows(weights, outputGradients, y, x, valueResult);
    add_weighted_rows(scores, queries, y, x, keyResult);
#if POSITIONS
    sum_by_bucket(item, scores, buckets, start, -1, valid, count, sums);
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  STORE_SUMS(keyRow);
  float one[R], factor[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    one[i] = 1.0f;
    factor[i] = scale;
  }
  store_rows(
      keyResult, factor, y, x, valid, headDimension,
      keyGradient + keyGradientOffset + keyRow * keyGradientStride + column, keyGradientStride);
  store_rows(
      valueResult, one, y, x, valid, headDimension,
      valueGradient + valueGradientOffset + keyRow * valueGradientStride + column, valueGradientStride);
}
