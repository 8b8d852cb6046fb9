/* The backward pass of attention on CPU-type devices, in one kernel: attention_cpu.cl says how. */
#include "attention_cpu.cl"

/* MARK: Rows of queries */

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

/* MARK: Position scores and dropout */

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
/* kept[n][lane] = m of query `start + n` and key `first + lane`, `first` a multiple of 4. A vector of blocks
 * holds two queries. */
INLINE void draw_for_keys(int first, int start, int count, uint row, DRAW_PARAMETERS, VECTOR *kept) {
  for (int n = 0; n < count; n += 2) {
    philox_uint x, y = row, z = step, w = purpose;
    for (int lane = 0; lane < WIDTH; lane++)
      ((uint *)&x)[lane] =
          DRAW_BLOCK((uint)(start + n + lane / (WIDTH / 2)), first / 4 + lane % (WIDTH / 2));
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

/* MARK: The pass */

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
