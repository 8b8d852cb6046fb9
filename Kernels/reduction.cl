/* Sums in two stages, without atomics: each work-group sums its share into `partials`, then one more launch
 * sums the partials. The shares are fixed by the sizes, so the order of the sum is the same every time.
 *
 *     input   |---- PER_GROUP ----|---- PER_GROUP ----|--- ... |
 *     partials        p0                  p1              ...      -> output
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

/* partials[chunk, c] = sum of input[r, c] over the rows of the chunk. A work-item owns V columns of a chunk:
 * dimension 0 walks columns, dimension 1 chunks. */
__kernel void sum_columns(
    __global const float *input, long inputOffset, int stride, int rows, int columns, int rowsPerChunk,
    __global float *partials, long partialsOffset) {
  const int c = get_global_id(0) * V, n = min(V, columns - c);
  if (n <= 0) return;
  const int chunk = get_global_id(1), first = chunk * rowsPerChunk, end = min(rows, first + rowsPerChunk);
  input += inputOffset + c;
  floatv sum = 0;
  for (int row = first; row < end; row++) sum += load(input + (long)row * stride, n, 0);
  store(partials + partialsOffset + (long)chunk * columns + c, n, sum);
}

/* output[c] [+]= sum of partials[chunk, c]. */
__kernel void sum_chunks(
    __global const float *partials, long partialsOffset, int chunks, int columns, int accumulate,
    __global float *output, long outputOffset) {
  const int c = get_global_id(0) * V, n = min(V, columns - c);
  if (n <= 0) return;
  partials += partialsOffset + c;
  output += outputOffset + c;
  floatv sum = 0;
  for (int chunk = 0; chunk < chunks; chunk++) sum += load(partials + (long)chunk * columns, n, 0);
  store(output, n, accumulate ? load(output, n, 0) + sum : sum);
}
