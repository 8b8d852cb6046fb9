/* The forward pass of attention on GPUs: attention_gpu.cl says how. */
#include "attention_gpu.cl"

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, POSITION_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  __local float queries[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float others[TILE * HEAD_PITCH] __attribute__((aligned(16)));
  __local float scores[TILE * SCORE_PITCH] __attribute__((aligned(16)));
  __local float partial[TILE][SIDE];
  const int first = get_group_id(0) * TILE, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), x = item % SIDE, y = item / SIDE;
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
    seen[i] = interval(keyRanges, y + SIDE * i, valid);
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
        const int position = start + x + SIDE * j;
        if (position < seen[i].s0 || position >= seen[i].s1) score[i][j] = -INFINITY;
#if POSITIONS
        else
          score[i][j] += scale * LOG2_E *
                         position_score(queryScores + (long)(y + SIDE * i) * queryScoresStride,
                             keyScores + (long)position * keyScoresStride, buckets, y + SIDE * i - position);
#endif
        highest = fmax(highest, score[i][j]);
      }
      partial[y + SIDE * i][x] = highest;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int i = 0; i < R; i++) {
      float highest = maximum[i];
      for (int other = 0; other < SIDE; other++) highest = fmax(highest, partial[y + SIDE * i][other]);
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
        kept *= draw(first + y + SIDE * i, start + x + SIDE * j, firstRow + sequence * heads + head, DRAWS);
#endif
        scores[(y + SIDE * i) * SCORE_PITCH + x + SIDE * j] = kept;
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
  for (int i = 0; i < R; i++) partial[y + SIDE * i][x] = sum[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  float inverse[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    float total = 0.0f;
    for (int other = 0; other < SIDE; other++) total += partial[y + SIDE * i][other];
    inverse[i] = total > 0.0f ? 1.0f / total : 0.0f;
    if (x == 0 && y + SIDE * i < valid)
      logSumExp[logSumExpOffset + (sequence * heads + head) * queryLength + first + y + SIDE * i] =
          total == 0.0f ? -INFINITY : fma(maximum[i], LN_2, log(total));
  }
  store_rows(
      result, inverse, y, x, valid, headDimension, output + outputOffset + row * outputStride + column,
      outputStride);
}
