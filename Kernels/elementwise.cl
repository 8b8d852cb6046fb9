/* Pointwise operations on runs of floats: one read and one write an element, nothing to save but bandwidth.
 * Pointers of one launch may be equal (in place), so none is `restrict`. */
#include "vector.cl"

__kernel void fill(__global float *output, long outputOffset, long count, float value) {
  output += outputOffset;
  FOR_ELEMENTS(i, n, count) store(output + i, n, (floatv)(value));
}

/* output[r, c] = input[r, c], whatever the strides. */
__kernel void copy(
    __global const float *input, long inputOffset, int inputStride, __global float *output, long outputOffset,
    int outputStride, int rows, int columns, int rowsPerGroup) {
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global const float *from = input + inputOffset + (long)row * inputStride;
    __global float *to = output + outputOffset + (long)row * outputStride;
    FOR_ROW(c, n, columns) store(to + c, n, load(from + c, n, 0));
  }
}

__kernel void add(
    __global const float *a, long aOffset, __global const float *b, long bOffset, __global float *output,
    long outputOffset, long count) {
  a += aOffset;
  b += bOffset;
  output += outputOffset;
  FOR_ELEMENTS(i, n, count) store(output + i, n, load(a + i, n, 0) + load(b + i, n, 0));
}

__kernel void scale(
    __global const float *input, long inputOffset, float factor, __global float *output, long outputOffset,
    long count) {
  input += inputOffset;
  output += outputOffset;
  FOR_ELEMENTS(i, n, count) store(output + i, n, factor * load(input + i, n, 0));
}

/* output += weight (input - output) */
__kernel void blend(
    __global const float *input, long inputOffset, float weight, __global float *output, long outputOffset,
    long count) {
  input += inputOffset;
  output += outputOffset;
  FOR_ELEMENTS(i, n, count) {
    const floatv old = load(output + i, n, 0);
    store(output + i, n, old + weight * (load(input + i, n, 0) - old));
  }
}

__kernel void exchange(
    __global float *a, long aOffset, __global float *b, long bOffset, long count) {
  a += aOffset;
  b += bOffset;
  FOR_ELEMENTS(i, n, count) {
    const floatv was = load(a + i, n, 0);
    store(a + i, n, load(b + i, n, 0));
    store(b + i, n, was);
  }
}
