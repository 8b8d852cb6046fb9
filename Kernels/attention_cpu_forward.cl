/* The forward pass of attention on CPU-type devices: attention_cpu.cl says how. */
#include "attention_cpu.cl"

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

#if DROPOUT
/* kept[n][lane] = m of query `first + lane` and key `start + n`. */
INLINE void draw_for_queries(
    int first, int start, int count, uint row, DRAW_PARAMETERS, VECTOR *kept) {
  philox_uint lanes;
  for (int lane = 0; lane < WIDTH; lane++) ((uint *)&lanes)[lane] = first + lane;
  for (int block = start / 4; 4 * block < start + count; block++)
    for (int part = 0; part < 2; part++) {
      philox_uint x = DRAW_BLOCK(lanes + (uint)(part * WIDTH), block), y = row, z = step, w = purpose;
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

#endif

/* MARK: The pass */

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
