/* y[r, :] = exp(scale x[r, :] - max) / sum, and its gradient dx = scale y (dy - sum_c dy y).
 *
 * A row is read three times (maximum, sum, result); rows of the sizes met here stay in the cache. A row of
 * minus infinities has no finite maximum: its sum is 0 and so is its result. */
#include "vector.cl"

__kernel void softmax(
    __global const float *input, long inputOffset, int inputStride, __global float *output, long outputOffset,
    int outputStride, int rows, int columns, float scale, int rowsPerGroup) {
  GROUP_SCRATCH
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *x = input + inputOffset + (long)row * inputStride;
    __global float *y = output + outputOffset + (long)row * outputStride;
    floatv largest = -INFINITY;
    FOR_ROW(c, n, columns) largest = fmax(largest, load(x + c, n, -INFINITY) * scale);
    float top = group_max(max_lanes(largest));
    if (top == -INFINITY) top = 0;
    floatv sum = 0;
    FOR_ROW(c, n, columns) {
      const floatv e = exp(load(x + c, n, -INFINITY) * scale - top);
      sum += e;
      store(y + c, n, e);
    }
    const float total = group_sum(sum_lanes(sum));
    const float factor = total == 0 ? 0 : 1 / total;
    FOR_ROW(c, n, columns) store(y + c, n, load(y + c, n, 0) * factor);
  }
}

__kernel void softmax_backward(
    __global const float *output, long outputOffset, int outputStride, __global const float *outputGradient,
    long outputGradientOffset, int outputGradientStride, __global float *inputGradient, long inputGradientOffset,
    int inputGradientStride, int rows, int columns, float scale, int rowsPerGroup) {
  GROUP_SCRATCH
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *y = output + outputOffset + (long)row * outputStride;
    __global const float *dy = outputGradient + outputGradientOffset + (long)row * outputGradientStride;
    __global float *dx = inputGradient + inputGradientOffset + (long)row * inputGradientStride;
    floatv sum = 0;
    FOR_ROW(c, n, columns) sum += load(dy + c, n, 0) * load(y + c, n, 0);
    const float dot_ = group_sum(sum_lanes(sum));
    FOR_ROW(c, n, columns) store(dx + c, n, scale * load(y + c, n, 0) * (load(dy + c, n, 0) - dot_));
  }
}
