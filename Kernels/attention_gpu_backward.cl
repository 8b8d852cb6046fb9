/* The backward pass of attention on GPUs, in two kernels: attention_gpu.cl says how. */
#include "attention_gpu.cl"

/* MARK: Queries */

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
  __local float partial[TILE][SIDE];
  const int first = get_group_id(0) * TILE, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), x = item % SIDE, y = item / SIDE;
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
    if (y + SIDE * i < valid)
      for (int c = x; c < headDimension; c += SIDE)
        sum = fma(outputGradients[(y + SIDE * i) * HEAD_PITCH + c],
            output[(long)(y + SIDE * i) * outputStride + c], sum);
    partial[y + SIDE * i][x] = sum;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  float4 result[R][HEAD / 32];
  clear(result);
  int2 seen[R];
  float mean[R], shift[R], factor[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int exists = y + SIDE * i < valid;
    seen[i] = interval(keyRanges, y + SIDE * i, valid);
    mean[i] = 0.0f;
    for (int other = 0; other < SIDE; other++) mean[i] += partial[y + SIDE * i][other];
    if (x == 0 && exists) delta[deltaOffset + statistic + y + SIDE * i] = mean[i];
    shift[i] = exists ? logSumExp[logSumExpOffset + statistic + y + SIDE * i] * LOG2_E : 0.0f;
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
        const int position = start + x + SIDE * j;
        const int sees = position >= seen[i].s0 && position < seen[i].s1;
#if POSITIONS
        if (sees)
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(y + SIDE * i) * queryScoresStride,
                             keyScores + (long)position * keyScoresStride, buckets, y + SIDE * i - position);
#endif
#if DROPOUT
        product[i][j] *= draw(first + y + SIDE * i, position, firstRow + sequence * heads + head, DRAWS);
#endif
        scores[(y + SIDE * i) * SCORE_PITCH + x + SIDE * j] =
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

/* MARK: Keys and values */

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
  const int item = get_local_id(0), x = item % SIDE, y = item / SIDE;
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
      const int position = x + SIDE * j;
      const int2 seen = interval(keyRanges + 2 * start, position, count);
      const float shift = position < count ? logSumExp[start + position] * LOG2_E : 0.0f;
      const float mean = position < count ? delta[start + position] : 0.0f;
#pragma unroll
      for (int i = 0; i < R; i++) {
        const int own = firstKey + y + SIDE * i;
        const int sees = own >= seen.s0 && own < seen.s1;
#if POSITIONS
        if (sees)
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(start + position) * queryScoresStride,
                             keyScores + (long)(y + SIDE * i) * keyScoresStride, buckets,
                             start + position - y - SIDE * i);
#endif
        const float weight = sees ? exp2(score[i][j] - shift) : 0.0f;
        float kept = weight;
#if DROPOUT
        const float m = draw(start + position, own, firstRow + sequence * heads + head, DRAWS);
        product[i][j] *= m;
        kept *= m;
#endif
        weights[(y + SIDE * i) * SCORE_PITCH + position] = kept;
        scores[(y + SIDE * i) * SCORE_PITCH + position] = weight * (product[i][j] - mean);
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
