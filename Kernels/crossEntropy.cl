/* loss[r] = weight[r] (s[r] - x[r, label]) with s[r] = log sum_c exp(x[r, c]), and
 * dx[r, c] = scale weight[r] ((1 + 2 zLoss s[r]) exp(x[r, c] - s[r]) - [c = label]).
 *
 * Three walks over a row: the maximum; the exponentials, kept in the gradient, and their sum; the gradient. So
 * there is one exponential an element, and the gradient may overwrite the logits: the label's logit is read
 * before the second walk. A negative label means an ignored row: loss and gradient are 0. Its walks are empty
 * rather than skipped, since every lane has to meet the barriers in group_sum on one straight path. */
#include "vector.cl"

__kernel void cross_entropy(
    __global const float *logits, long logitsOffset, int logitsStride, __global const int *labels,
    long labelsOffset, __global float *losses, long lossesOffset, __global float *gradient, long gradientOffset,
    int gradientStride, __global const float *weights, long weightsOffset, int rows, int columns, float scale,
    float zLoss, int hasGradient, int hasWeights, int rowsPerGroup) {
  GROUP_SCRATCH
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *x = logits + logitsOffset + (long)row * logitsStride;
    __global float *dx = gradient + gradientOffset + (long)row * gradientStride;
    const int label = labels[labelsOffset + row];
    const int seen = label < 0 ? 0 : columns;
    /* The lane that meets the label reads its logit, and alone overwrites it below. */
    int owns = label < 0 && LANE == 0;
    float labelLogit = 0;
    floatv largest = -INFINITY;
    FOR_ROW(c, n, seen) {
      largest = fmax(largest, load(x + c, n, -INFINITY));
      if (label >= c && label < c + n) {
        owns = 1;
        labelLogit = x[label];
      }
    }
    const float top = group_max(max_lanes(largest));
    floatv sum = 0;
    FOR_ROW(c, n, seen) {
      const floatv e = exp(load(x + c, n, -INFINITY) - top);
      sum += e;
      if (hasGradient) store(dx + c, n, e);
    }
    const float total = group_sum(sum_lanes(sum));
    const float weight = hasWeights ? weights[weightsOffset + row] : 1;
    if (owns) losses[lossesOffset + row] = label < 0 ? 0 : weight * (log(total) + (top - labelLogit));
    if (hasGradient) {
      const float pull = scale * weight, factor = pull * (1 + 2 * zLoss * (log(total) + top)) / total;
      FOR_ROW(c, n, columns) {
        store(dx + c, n, label < 0 ? (floatv)(0) : load(dx + c, n, 0) * factor);
        if (label >= c && label < c + n) dx[label] -= pull;
      }
    }
  }
}
