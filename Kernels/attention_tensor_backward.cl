/* The backward pass of attention on matrix units, in two kernels: attention_tensor.cl says how. */

/* MARK: Position scores and dropout */

#if POSITIONS
/* Adds a tile of gradients of scores to the sums of the rows; `tile` is where they can lie meanwhile. */
INLINE void add_gradients(
    float (*gradient)[4], __local uint *tile, __global const int *buckets, int place, const int sign, int rows,
    int count, __local float *sums) {
  int item = get_local_id(0);
  FORGET(item);
  const int t = item % 4, row = row_of(item);
  __local float *gradients = (__local float *)tile;
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL
  for (int j = 0; j < OTHERS / 8; j++)
    UNROLL
    for (int i = 0; i < 4; i++) gradients[GRADIENT_PLACE(row + i / 2, column_of(j, t, i))] = gradient[j][i];
  barrier(CLK_LOCAL_MEM_FENCE);
  sum_by_bucket(item, gradients, buckets, place, sign, rows, count, sums);
}
#endif

#if DROPOUT
/* m of the item's two keys from `key` on and its four queries from `query` on. The other half of a block belongs to
 * the item four places on or back: each makes the blocks of two queries, and they give each other halves. */
INLINE void draw_for_keys(float m[2][4], int key, int query, uint row, DRAW_PARAMETERS, __local uint *shown) {
  FORGET(keyLow);
  FORGET(keyHigh);
  const int isUpper = key % 4 / 2;
  UNROLL
  for (int c = 0; c < 2; c++) {
    const uint4 draws = draws_of(query + 2 * isUpper + c, key / 4, row, keyLow, keyHigh, step, purpose);
    UNROLL
    for (int h = 0; h < 2; h++) {
      const uint lower = h ? draws.s1 : draws.s0, upper = h ? draws.s3 : draws.s2;
      const float mine = factor_of(isUpper ? upper : lower, probability);
      const float given = exchanged(factor_of(isUpper ? lower : upper, probability), 4, shown);
      m[0][2 * h + c] = isUpper ? given : mine;
      m[1][2 * h + c] = isUpper ? mine : given;
    }
  }
}
#endif

/* MARK: Queries */

/* dq, and what the kernel below needs of each query, `[batch, heads, queryLength][TENSOR_STATISTICS]`: log2(e) logSumExp,
 * do . out, and the bits of firstKey and endKey. Run it first. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_query_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *output, long outputOffset,
    int outputStride, __global const float *logSumExp, long logSumExpOffset,
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *queryGradient, long queryGradientOffset, int queryGradientStride,
    __global float *statistics, long statisticsOffset, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS,
    DROPOUT_ARGUMENTS, int headDimension, int queryLength, int keyLength, float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint outputGradients[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint others[2 * OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint *keys = others, *values = others + OTHERS * PITCH;
  SHOW_AMONG(ITEMS);
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_group_id(1), heads = get_num_groups(1);
  const int item = get_local_id(0), t = item % 4, own = row_of(item);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength + first;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
  output += outputOffset + row * outputStride + column;
  outputGradient += outputGradientOffset + row * outputGradientStride + column;
#if POSITIONS
  __local float sums[ROWS * BUCKETS];
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
  clear_sums(sums);
#endif

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  stage_rows(outputGradient, outputGradientStride, valid, ROWS, outputGradients);
  int2 seen[ROW_BLOCKS][2];
  float mean[ROW_BLOCKS][2], shift[ROW_BLOCKS][2];
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int at = own + 16 * r + h, exists = at < valid;
      seen[r][h] = interval(keyRanges, at, valid);
      shift[r][h] = exists ? logSumExp[logSumExpOffset + statistic + at] * LOG2_E : 0.0f;
      float4 products = (float4)(0.0f);
      if (exists)
        UNROLL
        for (int c = 0; c < HEAD; c += 16)
          products = fma(
              round_operand4(READ4(outputGradient + (long)at * outputGradientStride + c + 4 * t)),
              READ4(output + (long)at * outputStride + c + 4 * t), products);
      mean[r][h] = row_sum(products.s0 + products.s1 + (products.s2 + products.s3), shown);
      if (t == 0 && exists)
        *(__global float4 *)(statistics + statisticsOffset + TENSOR_STATISTICS * (statistic + at)) =
            (float4)(shift[r][h], mean[r][h], as_float(seen[r][h].s0), as_float(seen[r][h].s1));
    }
  float result[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  const int4 range = reach(seen, valid, shown), all = joined_in_group(range, (__local int *)others);
  const float factor = scale * LOG2_E;

  for (int start = min(all.s0, all.s1) & ~3; start < all.s1; start += OTHERS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, OTHERS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, OTHERS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    ask_for_next(
        key + (long)start * keyStride, keyStride, value + (long)start * valueStride, valueStride, count, OTHERS);
    if (IS_OUT_OF(range, start, OTHERS)) continue;
    float scores[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}}, products[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, OTHERS / 8, queryScores, queryScoresStride, valid, keyScores + (long)start * keyScoresStride,
        keyScoresStride, keyLength - start, buckets, first - start + keyLength - 1, queryLength + keyLength - 2, 1);
#endif
    multiply_rows(queries, keys, OTHERS / 8, scores, shown);
    multiply_rows(outputGradients, values, OTHERS / 8, products, shown);
    UNROLL
    for (int r = 0; r < ROW_BLOCKS; r++) {
      float(*score)[4] = scores + r * (OTHERS / 8), (*product)[4] = products + r * (OTHERS / 8);
#if DROPOUT
      drop(product, OTHERS / 8, first + own + 16 * r, start, firstRow + sequence * heads + head, DRAWS);
#endif
      UNROLL
      for (int j = 0; j < OTHERS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++)
          score[j][i] = power(fma(score[j][i], factor, -shift[r][i / 2])) * (product[j][i] - mean[r][i / 2]);
      if (start < range.s2 || start + OTHERS > range.s3) hide(score, OTHERS / 8, start, seen[r], 0.0f);
    }
    add_weighted_rows(scores, keys, OTHERS / 8, result, shown);
#if POSITIONS
    add_gradients(scores, others, buckets, first - start + keyLength - 1, 1, valid, min(OTHERS, count), sums);
#endif
  }
  STORE_SUMS(row);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    store_rows(
        result[r], scale, scale, valid - 16 * r,
        queryGradient + queryGradientOffset + (row + 16 * r) * queryGradientStride + column, queryGradientStride);
}

/* MARK: Keys and values */

/* The queries from the first to behind the last that see one of the warp's `valid` keys from firstKey on; of no meaning
 * are s2 and s3. */
INLINE int4 onlookers(
    __global const int *ranges, int queryLength, int firstKey, int valid, __local uint *shown) {
  int4 seers = (int4)(INT_MAX, 0, 0, INT_MAX);
  for (int query = get_local_id(0) % 32; query < queryLength; query += 32) {
    const int2 range = vload2(query, ranges);
    if (range.s0 < range.s1 && range.s0 < firstKey + valid && range.s1 > firstKey) {
      seers.s0 = min(seers.s0, query);
      seers.s1 = query + 1;
    }
  }
  UNROLL
  for (int mask = 1; mask < 32; mask *= 2) seers = joined_with(seers, mask, shown);
  return seers;
}

/* dk and dv of ROWS keys, from the queries that see one of them. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_key_value_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *outputGradient,
    long outputGradientOffset, int outputGradientStride, __global const float *statistics,
    long statisticsOffset, __global float *keyGradient, long keyGradientOffset, int keyGradientStride,
    __global float *valueGradient, long valueGradientOffset, int valueGradientStride, POSITION_ARGUMENTS,
    POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS, int headDimension, int queryLength, int keyLength,
    float scale) {
  __local uint keys[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint values[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint others[2 * OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint *queries = others, *outputGradients = others + OTHERS * PITCH;
  SHOW_AMONG(ITEMS);
  const int firstKey = get_group_id(0) * ROWS, head = get_group_id(1), heads = get_num_groups(1);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, keyLength - firstKey);
  const long keyRow = sequence * keyLength + firstKey, column = (long)head * headDimension;
  query += queryOffset + sequence * queryLength * queryStride + column;
  outputGradient += outputGradientOffset + sequence * queryLength * outputGradientStride + column;
  statistics += statisticsOffset + TENSOR_STATISTICS * (sequence * heads + head) * queryLength;
#if POSITIONS
  __local float sums[ROWS * BUCKETS];
  queryScores += queryScoresOffset + sequence * queryLength * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + keyRow * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
  clear_sums(sums);
#endif

  stage_rows(key + keyOffset + keyRow * keyStride + column, keyStride, valid, ROWS, keys);
  stage_rows(value + valueOffset + keyRow * valueStride + column, valueStride, valid, ROWS, values);
  float keyResult[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}}, valueResult[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  const int warpKey = firstKey + get_local_id(0) / 32 * (16 * ROW_BLOCKS);
  const int4 range = onlookers(
      keyRanges + rangesOffset + 2 * sequence * queryLength, queryLength, warpKey,
      min(16 * ROW_BLOCKS, keyLength - warpKey), shown);
  const int4 all = joined_in_group(range, (__local int *)others);
  const float factor = scale * LOG2_E;

  for (int next = all.s0; next < all.s1; next += OTHERS) {
    int start = next;
    FORGET(start);
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(query + (long)start * queryStride, queryStride, count, OTHERS, queries);
    stage_rows(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, OTHERS,
        outputGradients);
    ask_for_next(
        query + (long)start * queryStride, queryStride, outputGradient + (long)start * outputGradientStride,
        outputGradientStride, count, OTHERS);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (IS_OUT_OF(range, start, OTHERS)) continue;
    float scores[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}}, products[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, OTHERS / 8, keyScores, keyScoresStride, valid, queryScores + (long)start * queryScoresStride,
        queryScoresStride, count, buckets, start - firstKey + keyLength - 1, queryLength + keyLength - 2, -1);
#endif
    multiply_rows(keys, queries, OTHERS / 8, scores, shown);
    multiply_rows(values, outputGradients, OTHERS / 8, products, shown);
    int item = get_local_id(0);
    FORGET(item);
    const int t = item % 4, own = firstKey + row_of(item);
    UNROLL
    for (int j = 0; j < OTHERS / 8; j += 2) {
#if DROPOUT
      float m[ROW_BLOCKS][2][4];
      UNROLL
      for (int r = 0; r < ROW_BLOCKS; r++)
        draw_for_keys(
            m[r], own + 16 * r, start + column_of(j, t, 0), firstRow + sequence * heads + head, DRAWS, shown);
#endif
      UNROLL
      for (int c = 0; c < 4; c++) {
        const int position = column_of(j, t, 0) + c;
        const float4 statistic = position < count
                                     ? *(__global const float4 *)(statistics + TENSOR_STATISTICS * (start + position))
                                     : (float4)(0.0f);
        const int2 seen = (int2)(as_int(statistic.s2), as_int(statistic.s3));
        UNROLL
        for (int r = 0; r < ROW_BLOCKS; r++) {
          const int block = r * (OTHERS / 8) + j + c / 2;
          float *score = scores[block] + c % 2, *product = products[block] + c % 2;
          UNROLL
          for (int h = 0; h < 2; h++) {
#if DROPOUT
            const float kept = m[r][c / 2][2 * h + c % 2];
#else
            const float kept = 1.0f;
#endif
            const float power_of = power(fma(score[2 * h], factor, -statistic.s0));
            const float weight = is_in(own + 16 * r + h, seen) ? power_of : 0.0f;
            score[2 * h] = weight * kept;
            product[2 * h] = weight * (product[2 * h] * kept - statistic.s1);
          }
        }
      }
    }
    add_weighted_rows(scores, outputGradients, OTHERS / 8, valueResult, shown);
    add_weighted_rows(products, queries, OTHERS / 8, keyResult, shown);
#if POSITIONS
    add_gradients(
        products, others, buckets, start - firstKey + keyLength - 1, -1, valid, min(OTHERS, count), sums);
#endif
  }
  STORE_SUMS(keyRow);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++) {
    store_rows(
        keyResult[r], scale, scale, valid - 16 * r,
        keyGradient + keyGradientOffset + (keyRow + 16 * r) * keyGradientStride + column, keyGradientStride);
    store_rows(
        valueResult[r], 1.0f, 1.0f, valid - 16 * r,
        valueGradient + valueGradientOffset + (keyRow + 16 * r) * valueGradientStride + column, valueGradientStride);
  }
}
