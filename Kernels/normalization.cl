/* y = x^ weight + bias, where x^ = x / sqrt(mean(x^2) + epsilon)                      (RMS, CENTERED 0)
 *                       or    x^ = (x - mean) / sqrt(variance + epsilon)              (layer, CENTERED 1)
 *
 * Backward, with g = dy weight and r the reciprocal deviation, recomputes the statistics:
 *
 *     dx = r (g - [mean(g)] - x^ mean(g x^))        the bracket for layer norm only
 *     dweight += sum_rows dy x^       dbias += sum_rows dy
 *
 * With several heads (HEADS 1) a row of the matrix is `heads` rows of these kernels, each `columns` wide, that share
 * their weights.
 *
 * The sums over rows go through partials, a chunk of rows each (see reduction.cl): the first kernel leaves
 * mean and r of each row in `statistics`, the second sums a chunk's columns. The variance is taken around the
 * mean, in a second walk over the row: the difference of two large sums would lose what is asked for. */
#include "vector.cl"

/* Where a row begins. */
#if HEADS
#define ROW(row, stride) ((long)((row) / heads) * (stride) + (long)((row) % heads) * columns)
#else
#define ROW(row, stride) ((long)(row) * (stride))
#endif

/* Mean (0 for RMS) and reciprocal deviation of a row. */
inline float2 row_statistics(__global const float *x, int columns, float epsilon GROUP_SCRATCH_PARAMETER) {
  float mean = 0;
#if CENTERED
  floatv sum = 0;
  FOR_ROW(c, n, columns) sum += load(x + c, n, 0);
  mean = group_sum(sum_lanes(sum)) / columns;
#endif
  floatv squares = 0;
  FOR_ROW(c, n, columns) {
    const floatv d = load(x + c, n, mean) - mean;
    squares = fma(d, d, squares);
  }
  return (float2)(mean, 1 / sqrt(group_sum(sum_lanes(squares)) / columns + epsilon));
}

__kernel void normalize_rows(
    __global const float *input, long inputOffset, int inputStride, __global const float *weight,
    long weightOffset, __global const float *bias, long biasOffset, __global float *output, long outputOffset,
    int outputStride, int rows, int columns, int heads, float epsilon, int hasWeight, int hasBias, int rowsPerGroup) {
  GROUP_SCRATCH
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *x = input + inputOffset + ROW(row, inputStride);
    __global float *y = output + outputOffset + ROW(row, outputStride);
    const float2 statistics = row_statistics(x, columns, epsilon GROUP_SCRATCH_ARGUMENT);
    FOR_ROW(c, n, columns) {
      floatv value = (load(x + c, n, 0) - statistics.x) * statistics.y;
      if (hasWeight) value *= load(weight + weightOffset + c, n, 0);
      if (hasBias) value += load(bias + biasOffset + c, n, 0);
      store(y + c, n, value);
    }
  }
}

__kernel void normalize_backward(
    __global const float *input, long inputOffset, int inputStride, __global const float *weight,
    long weightOffset, __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *inputGradient, long inputGradientOffset, int inputGradientStride, __global float *statistics,
    long statisticsOffset, int rows, int columns, int heads, float epsilon, int hasWeight, int accumulate,
    int keepsStatistics, int rowsPerGroup) {
  GROUP_SCRATCH
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *x = input + inputOffset + ROW(row, inputStride);
    __global const float *dy = outputGradient + outputGradientOffset + ROW(row, outputGradientStride);
    __global float *dx = inputGradient + inputGradientOffset + ROW(row, inputGradientStride);
    const float2 statistic = row_statistics(x, columns, epsilon GROUP_SCRATCH_ARGUMENT);
    if (keepsStatistics && LANE == 0) vstore2(statistic, row, statistics + statisticsOffset);

    floatv sum = 0, products = 0;
    FOR_ROW(c, n, columns) {
      floatv g = load(dy + c, n, 0);
      if (hasWeight) g *= load(weight + weightOffset + c, n, 0);
      sum += g;
      products = fma(g, (load(x + c, n, statistic.x) - statistic.x) * statistic.y, products);
    }
#if CENTERED
    const float mean = group_sum(sum_lanes(sum)) / columns;
#else
    const float mean = 0;
#endif
    const float product = group_sum(sum_lanes(products)) / columns;
    FOR_ROW(c, n, columns) {
      floatv g = load(dy + c, n, 0);
      if (hasWeight) g *= load(weight + weightOffset + c, n, 0);
      const floatv normalized = (load(x + c, n, 0) - statistic.x) * statistic.y;
      floatv gradient = statistic.y * (g - mean - normalized * product);
      if (accumulate) gradient += load(dx + c, n, 0);
      store(dx + c, n, gradient);
    }
  }
}

/* partials[chunk, c] = sum over the chunk's rows of dy x^.
 * Dimension 0 walks columns, STRIP vectors a work-item, dimension 1 chunks. */
__kernel void normalize_weight_gradient(
    __global const float *input, long inputOffset, int inputStride, __global const float *outputGradient,
    long outputGradientOffset, int outputGradientStride, __global const float *statistics, long statisticsOffset,
    int rows, int columns, int heads, int rowsPerChunk, __global float *partials, long partialsOffset) {
  const int first = get_global_id(0) * STRIP * V;
  if (first >= columns) return;
  const int chunk = get_global_id(1), row = chunk * rowsPerChunk, end = min(rows, row + rowsPerChunk);
  input += inputOffset;
  outputGradient += outputGradientOffset;
  statistics += statisticsOffset;
  partials += partialsOffset + (long)chunk * columns;
  if (first + STRIP * V <= columns) {
    floatv sums[STRIP];
    for (int s = 0; s < STRIP; s++) sums[s] = 0;
    for (int r = row; r < end; r++) {
      const float mean = statistics[2 * (long)r], deviation = statistics[2 * (long)r + 1];
      for (int s = 0; s < STRIP; s++) {
        const floatv x = VLOAD(input + ROW(r, inputStride) + first + s * V);
        const floatv dy = VLOAD(outputGradient + ROW(r, outputGradientStride) + first + s * V);
        sums[s] = fma(dy, (x - mean) * deviation, sums[s]);
      }
    }
    for (int s = 0; s < STRIP; s++) VSTORE(sums[s], partials + first + s * V);
    return;
  }
  for (int c = first; c < columns; c += V) {
    const int n = min(V, columns - c);
    floatv sum = 0;
    for (int r = row; r < end; r++) {
      const floatv x = load(input + ROW(r, inputStride) + c, n, 0);
      const floatv normalized = (x - statistics[2 * (long)r]) * statistics[2 * (long)r + 1];
      sum = fma(load(outputGradient + ROW(r, outputGradientStride) + c, n, 0), normalized, sum);
    }
    store(partials + c, n, sum);
  }
}
