/* The forward pass of attention on matrix units: attention_tensor.cl says how. */

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, POSITION_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint keys[KEYS * PITCH] __attribute__((aligned(16)));
  __local uint values[KEYS * PITCH] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  /* The last queries see most under a causal mask: they begin first. */
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_group_id(1), heads = get_num_groups(1);
  const int item = get_local_id(0), t = item % 4, own = row_of(item);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
#if POSITIONS
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
#endif

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  float result[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  int2 seen[ROW_BLOCKS][2];
  float maximum[ROW_BLOCKS][2], sum[ROW_BLOCKS][2];
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      seen[r][h] = interval(keyRanges, own + 16 * r + h, valid);
      maximum[r][h] = -INFINITY;
      sum[r][h] = 0.0f;
    }
  const int4 range = reach(seen, valid, shown), all = joined_in_group(range, (__local int *)keys);
  const float factor = scale * LOG2_E;

  /* From a multiple of four on, as keys share their draws. */
  for (int start = min(all.s0, all.s1) & ~3; start < all.s1; start += KEYS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, KEYS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, KEYS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    ask_for_next(
        key + (long)start * keyStride, keyStride, value + (long)start * valueStride, valueStride, count, KEYS);
    if (IS_OUT_OF(range, start, KEYS)) continue;
    float scores[ROW_BLOCKS * (KEYS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, KEYS / 8, queryScores, queryScoresStride, valid, keyScores + (long)start * keyScoresStride,
        keyScoresStride, keyLength - start, buckets, first - start + keyLength - 1, queryLength + keyLength - 2, 1);
#endif
    multiply_rows(queries, keys, KEYS / 8, scores, shown);
    UNROLL
    for (int r = 0; r < ROW_BLOCKS; r++) {
      float(*score)[4] = scores + r * (KEYS / 8);
      if (start < range.s2 || start + KEYS > range.s3) hide(score, KEYS / 8, start, seen[r], -INFINITY);
      float highest[2] = {-INFINITY, -INFINITY};
      UNROLL
      for (int j = 0; j < KEYS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++) highest[i / 2] = fmax(highest[i / 2], score[j][i]);
      float shift[2], rescale[2];
      UNROLL
      for (int h = 0; h < 2; h++) {
        highest[h] = fmax(maximum[r][h], row_maximum(highest[h], shown));
        /* A query that has seen no key yet has nothing to shift or rescale. Where the maximum stays the same, rescaling
         * is by 1 exactly: over many tiles anything else would add up. */
        const float raised = highest[h] == -INFINITY ? 0.0f : highest[h];
        shift[h] = raised * factor;
        rescale[h] = power((maximum[r][h] - raised) * factor);
        maximum[r][h] = highest[h];
        sum[r][h] *= rescale[h];
      }
      UNROLL
      for (int j = 0; j < KEYS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++) {
          score[j][i] = power(fma(score[j][i], factor, -shift[i / 2]));
          sum[r][i / 2] += score[j][i];
        }
#if DROPOUT
      drop(score, KEYS / 8, first + own + 16 * r, start, firstRow + sequence * heads + head, DRAWS);
#endif
      UNROLL
      for (int n = 0; n < HEAD / 32; n++)
        UNROLL
        for (int e = 0; e < 4; e++)
          UNROLL
          for (int i = 0; i < 4; i++) result[r][n][e][i] *= rescale[i / 2];
    }
    add_weighted_rows(scores, values, KEYS / 8, result, shown);
  }

  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++) {
    float inverse[2];
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int at = own + 16 * r + h;
      const float total = row_sum(sum[r][h], shown);
      inverse[h] = total > 0.0f ? 1.0f / total : 0.0f;
      if (t == 0 && at < valid)
        logSumExp[logSumExpOffset + (sequence * heads + head) * queryLength + first + at] =
            total == 0.0f ? -INFINITY : fma(maximum[r][h], scale, log(total));
    }
    store_rows(
        result[r], inverse[0], inverse[1], valid - 16 * r,
        output + outputOffset + (row + 16 * r) * outputStride + column, outputStride);
  }
}
