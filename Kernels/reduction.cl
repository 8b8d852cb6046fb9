/* Sums in two stages, without atomics: each work-group sums its share into `partials`, then one more launch
 * sums the partials. The shares are fixed by the sizes, so the order of the sum is the same every time.
 *
 *     input   |---- ELEMENTS_PER_GROUP ----|---- ELEMENTS_PER_GROUP ----|--- ... |
 *     partials             p0                           p1                  ...      -> output
 */
#include "vector.cl"

__kernel void sum_blocks(
    __global const float *input, long inputOffset, long count, int squared, __global float *partials,
    long partialsOffset) {
  GROUP_SCRATCH
  input += inputOffset;
  floatv sum = 0;
  FOR_ELEMENTS(i, n, count) {
    const floatv x = load(input + i, n, 0);
    sum += squared ? x * x : x;
  }
  const float total = group_sum(sum_lanes(sum));
  if (LANE == 0) partials[partialsOffset + get_group_id(0)] = total;
}

/* One work-group. */
__kernel void sum_partials(
    __global const float *partials, long partialsOffset, int count, int accumulate, __global float *output,
    long outputOffset) {
  GROUP_SCRATCH
  partials += partialsOffset;
  output += outputOffset;
  floatv sum = 0;
  FOR_ROW(i, n, count) sum += load(partials + i, n, 0);
  const float total = group_sum(sum_lanes(sum));
  if (LANE == 0) *output = accumulate ? *output + total : total;
}

/* partials[chunk, c] = sum of input[r, c] over the rows of the chunk. A work-item owns STRIP vectors of columns
 * of a chunk: dimension 0 walks columns, dimension 1 chunks. */
__kernel void sum_columns(
    __global const float *input, long inputOffset, int stride, int rows, int columns, int rowsPerChunk,
    __global float *partials, long partialsOffset) {
  const int first = get_global_id(0) * STRIP * V;
  if (first >= columns) return;
  const int chunk = get_global_id(1), row = chunk * rowsPerChunk, end = min(rows, row + rowsPerChunk);
  input += inputOffset;
  partials += partialsOffset + (long)chunk * columns;
  if (first + STRIP * V <= columns) {
    floatv sums[STRIP];
    for (int s = 0; s < STRIP; s++) sums[s] = 0;
    for (int r = row; r < end; r++)
      for (int s = 0; s < STRIP; s++) sums[s] += VLOAD(input + (long)r * stride + first + s * V);
    for (int s = 0; s < STRIP; s++) VSTORE(sums[s], partials + first + s * V);
    return;
  }
  for (int c = first; c < columns; c += V) {
    const int n = min(V, columns - c);
    floatv sum = 0;
    for (int r = row; r < end; r++) sum += load(input + (long)r * stride + c, n, 0);
    store(partials + c, n, sum);
  }
}

/* output[c] [+]= sum of partials[chunk, c]. */
__kernel void sum_chunks(
    __global const float *partials, long partialsOffset, int chunks, int columns, int accumulate,
    __global float *output, long outputOffset) {
  const int first = get_global_id(0) * STRIP * V, end = min(columns, first + STRIP * V);
  partials += partialsOffset;
  output += outputOffset;
  for (int c = first; c < end; c += V) {
    const int n = min(V, columns - c);
    floatv sum = 0;
    for (int chunk = 0; chunk < chunks; chunk++) sum += load(partials + (long)chunk * columns + c, n, 0);
    store(output + c, n, accumulate ? load(output + c, n, 0) + sum : sum);
  }
}
