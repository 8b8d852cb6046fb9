/* What the two kernel sets of attention whose work-groups share local memory have in common: attention_gpu.cl and
 * attention_tensor.cl. Before including it:
 *
 *     ITEMS, ROWS              work-items of a group, and the positions it owns
 *     GRADIENT_PLACE(row, n)   where the gradient of the score of row `row` and column n of a tile lies
 *     -DBUCKETS                with -DPOSITIONS, floats from one row of sums by bucket to the next
 *
 * Gradients of position scores add up in local memory, [ROWS][BUCKETS], one tile of the other side after another.
 * The items that share a row each own every SHARE-th bucket and go over all columns of the tile in turn, so that
 * no two ever add to the same place, and the order of every sum is that of the positions. Items side by side have
 * rows side by side: near the diagonal their buckets lie BUCKETS + 1 or BUCKETS - 1 floats apart, far from it, where
 * buckets are wide, BUCKETS. With twice an odd number for BUCKETS no more than two of 32 meet in a bank, either way. */
#include "attention_terms.cl"

/* The gradient of a or of b. */
#define POSITION_GRADIENT_ARGUMENTS \
  __global float *positionGradient, long positionGradientOffset, int positionGradientStride

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

#define LOG2_E 1.44269504088896341f
#define LN_2 0.69314718055994531f

/* The keys that query `row` of the group's `valid` ones sees; a query that does not exist sees none. */
INLINE int2 interval(__global const int *ranges, int row, int valid) {
  return row < valid ? vload2(row, ranges) : (int2)(0, 0);
}

#if POSITIONS
/* Items that share a row of sums. */
#define SHARE (ITEMS / ROWS)

/* sums[row][r] += the gradients of columns n whose bucket against the row is r; n ascends, as the table does by
 * `rowStep` a row and -rowStep a column from `place` on. */
INLINE void sum_by_bucket(
    int item, __local const float *gradients, __global const int *buckets, int place, const int rowStep, int rows,
    int count, __local float *sums) {
  const int row = item % ROWS, part = item / ROWS;
  if (row >= rows) return;
  for (int n = 0; n < count; n++) {
    const int bucket = buckets[place + rowStep * (row - n)];
    if (bucket % SHARE == part) sums[row * BUCKETS + bucket] += gradients[GRADIENT_PLACE(row, n)];
  }
}

INLINE void clear_sums(__local float *sums) {
  for (int index = get_local_id(0); index < ROWS * BUCKETS; index += ITEMS) sums[index] = 0.0f;
}

/* Once all of the group have added theirs. */
INLINE void store_sums(
    __local const float *sums, float factor, int rows, int bucketCount, __global float *to, int stride) {
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int index = get_local_id(0); index < ROWS * bucketCount; index += ITEMS) {
    const int row = index / bucketCount, bucket = index % bucketCount;
    if (row < rows) to[(long)row * stride + bucket] = factor * sums[row * BUCKETS + bucket];
  }
}

/* What a kernel that has POSITION_GRADIENT_ARGUMENTS ends with, its rows beginning at `first`. */
#define STORE_SUMS(first)                                                                                   \
  store_sums(                                                                                               \
      sums, scale, valid, bucketCount,                                                                      \
      positionGradient + positionGradientOffset + (first) * positionGradientStride +                        \
          (long)head * bucketPitch,                                                                         \
      positionGradientStride)
#else
#define STORE_SUMS(first)
#endif

#if DROPOUT
#define PHILOX_LANES 1
#include "philox.cl"

/* The draws of a query and the four keys from 4 `block` on. */
INLINE uint4 draws_of(
    int query, int block, uint row, uint keyLow, uint keyHigh, uint step, uint purpose) {
  uint x = DRAW_BLOCK((uint)query, block), y = row, z = step, w = purpose;
  philox(&x, &y, &z, &w, keyLow, keyHigh);
  return (uint4)(x, y, z, w);
}

/* What a weight is multiplied by. */
INLINE float factor_of(uint draw, float probability) {
  return UNIFORM(draw) >= probability ? 1.0f / (1.0f - probability) : 0.0f;
}
#endif
