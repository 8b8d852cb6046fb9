/* What attention on matrix units does to scores between two products: sums along rows, what rows see, position scores
 * and dropout (see attention_tensor.cl). */

/* The largest, and the sum, of the four items that share rows. */
INLINE float row_maximum(float x, __local uint *shown) {
  UNROLL
  for (int mask = 1; mask < 4; mask *= 2) x = fmax(x, exchanged(x, mask, shown));
  return x;
}

INLINE float row_sum(float x, __local uint *shown) {
  UNROLL
  for (int mask = 1; mask < 4; mask *= 2) x += exchanged(x, mask, shown);
  return x;
}

INLINE int is_in(int position, int2 range) { return position >= range.s0 && position < range.s1; }

/* score = hidden where the key, the first of all at `start`, is out of the query's sight. */
INLINE void hide(float (*score)[4], const int blocks, int start, const int2 seen[2], float hidden) {
  const int t = get_local_id(0) % 4;
  UNROLL
  for (int j = 0; j < blocks; j++)
    UNROLL
    for (int i = 0; i < 4; i++)
      if (!is_in(start + column_of(j, t, i), seen[i / 2])) score[j][i] = hidden;
}

/* What several rows see: from s0 to s1 the smallest interval that holds all of it, from s2 to s3 the positions that all
 * of them see. Of two such: */
INLINE int4 joined(int4 x, int4 y) {
  return (int4)(min(x.s0, y.s0), max(x.s1, y.s1), max(x.s2, y.s2), min(x.s3, y.s3));
}

/* Of an item and the one whose number differs in the bits of `mask`. */
INLINE int4 joined_with(int4 x, const int mask, __local uint *shown) {
  int other[4];
  vstore4(x, 0, other);
  UNROLL
  for (int i = 0; i < 4; i++) other[i] = as_int(exchanged(as_float(other[i]), mask, shown));
  return joined(x, vload4(0, other));
}

/* Of all warps; `scratch` is free again after the next barrier. */
INLINE int4 joined_in_group(int4 x, __local int *scratch) {
  const int item = get_local_id(0);
  if (item % 32 == 0) vstore4(x, item / 32, scratch);
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL
  for (int warp = 0; warp < ITEMS / 32; warp++) x = joined(x, vload4(warp, scratch));
  return x;
}

/* What the queries of the warp see; those that do not exist see none, and do not count. */
INLINE int4 reach(const int2 seen[ROW_BLOCKS][2], int valid, __local uint *shown) {
  int4 reach = (int4)(INT_MAX, 0, 0, INT_MAX);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int2 range = seen[r][h];
      if (row_of(get_local_id(0)) + 16 * r + h < valid)
        reach = joined(
            reach, range.s0 < range.s1 ? (int4)(range, range) : (int4)(INT_MAX, 0, range));
    }
  UNROLL
  for (int mask = 4; mask < 32; mask *= 2) reach = joined_with(reach, mask, shown);
  return reach;
}

/* Whether the warp has nothing to do with `count` positions from `start` on. All of a group must come to barriers: those
 * of an emulated instruction, and backward those of sums by bucket. */
#if MMA_PTX && !POSITIONS
#define IS_OUT_OF(range, start, count) ((start) >= (range).s1 || (start) + (count) <= (range).s0)
#else
#define IS_OUT_OF(range, start, count) 0
#endif

/* MARK: Position scores and dropout */

#if POSITIONS
/* score += what the distances of the item's rows and columns add. The rows are queries where `sign` is 1, and keys
 * where it is -1; the first of a tile's columns lies `distance` behind the item's first row. Of what does not exist
 * the nearest is taken, for nobody to look at. The item's 2 rows and 4 columns have 5 distances. */
INLINE void add_position_scores(
    float (*score)[4], const int blocks, __global const float *own, int ownStride, int ownValid,
    __global const float *others, int otherStride, int otherValid, __global const int *buckets, int distance,
    int lastDistance, const int sign) {
  int item = get_local_id(0);
  FORGET(item);
  const int t = item % 4, row = row_of(item);
  UNROLL
  for (int j = 0; j < blocks; j += 2) {
    const int column = column_of(j, t, 0);
    int bucket[5];
    UNROLL
    for (int d = 0; d < 5; d++)
      bucket[d] = buckets[clamp(distance + sign * (row - column + d - 3), 0, lastDistance)];
    UNROLL
    for (int c = 0; c < 4; c++) {
      UNROLL
      for (int h = 0; h < 2; h++)
        score[j + c / 2][2 * h + c % 2] += own[min(row + h, ownValid - 1) * ownStride + bucket[h - c + 3]] +
                                           others[min(column + c, otherValid - 1) * otherStride + bucket[h - c + 3]];
    }
  }
}
#endif

#if DROPOUT
/* x *= m, for the item's two queries from `query` on. Its keys are four neighbours, so that each block is its own. */
INLINE void drop(float (*x)[4], const int blocks, int query, int start, uint row, DRAW_PARAMETERS) {
  FORGET(keyLow);
  FORGET(keyHigh);
  const int t = get_local_id(0) % 4;
  UNROLL
  for (int j = 0; j < blocks; j += 2)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int key = start + column_of(j, t, 0);
      const uint4 draws = draws_of(query + h, key / 4, row, keyLow, keyHigh, step, purpose);
      x[j][2 * h] *= factor_of(draws.s0, probability);
      x[j][2 * h + 1] *= factor_of(draws.s1, probability);
      x[j + 1][2 * h] *= factor_of(draws.s2, probability);
      x[j + 1][2 * h + 1] *= factor_of(draws.s3, probability);
    }
}
#endif
