/* output[r, :] = table[ids[r], :], and its gradient: tableGradient[id, :] += the sum of outputGradient[r, :]
 * over the rows r that hold id.
 *
 * Backward has no atomics: the host lists each distinct id's rows, order[starts[u] ..< starts[u + 1]], and one
 * work-group sums them in that order.
 */
#include "vector.cl"

__kernel void gather_rows(
    __global const float *table, long tableOffset, int tableStride, __global const int *ids, long idsOffset,
    __global float *output, long outputOffset, int outputStride, int rows, int columns, int rowsPerGroup) {
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *from = table + tableOffset + (long)ids[idsOffset + row] * tableStride;
    __global float *to = output + outputOffset + (long)row * outputStride;
    FOR_ROW(c, n, columns) store(to + c, n, load(from + c, n, 0));
  }
}

__kernel void scatter_rows(
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global const int *ids, long idsOffset, __global const int *starts, long startsOffset,
    __global const int *order, long orderOffset, __global float *tableGradient, long tableGradientOffset,
    int tableGradientStride, int idCount, int columns, int rowsPerGroup) {
  outputGradient += outputGradientOffset;
  order += orderOffset;
  FOR_GROUP_ROWS(unique, idCount, rowsPerGroup) {
    const int first = starts[startsOffset + unique], end = starts[startsOffset + unique + 1];
    __global float *to = tableGradient + tableGradientOffset + (long)ids[idsOffset + unique] * tableGradientStride;
    FOR_ROW(c, n, columns) {
      floatv sum = load(to + c, n, 0);
      for (int place = first; place < end; place++)
        sum += load(outputGradient + (long)order[place] * outputGradientStride + c, n, 0);
      store(to + c, n, sum);
    }
  }
}
