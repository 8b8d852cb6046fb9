/* Pointwise operations on runs of floats.
 *
 * Geometry: one-dimensional. A work-item takes PER_ITEM consecutive elements on CPU-type devices (a fat loop
 * that the compiler vectorizes) and every `items`-th element on GPUs, so that neighbours read neighbours.
 * FIRST, PAST and STEP hide that difference: both walk the same elements, each element once.
 * Pointers of one launch may be equal (in place), so none is `restrict`. */

#ifdef GPU_KERNELS
#define FIRST ((long)get_global_id(0))
#define PAST(count) (count)
#define STEP ((long)get_global_size(0))
#else
#define FIRST ((long)get_global_id(0) * PER_ITEM)
#define PAST(count) min((long)(count), FIRST + PER_ITEM)
#define STEP 1
#endif

__kernel void fill(__global float *output, long outputOffset, long count, float value) {
  output += outputOffset;
  for (long i = FIRST; i < PAST(count); i += STEP) output[i] = value;
}

/* output[r, c] = input[r, c]; a work-item walks whole elements of the flattened matrix. */
__kernel void copy(
    __global const float *input, long inputOffset, int inputStride, __global float *output, long outputOffset,
    int outputStride, int columns, long count) {
  input += inputOffset;
  output += outputOffset;
  for (long i = FIRST; i < PAST(count); i += STEP) {
    const long row = i / columns, column = i % columns;
    output[row * outputStride + column] = input[row * inputStride + column];
  }
}

__kernel void add(
    __global const float *a, long aOffset, __global const float *b, long bOffset, __global float *output,
    long outputOffset, long count) {
  a += aOffset;
  b += bOffset;
  output += outputOffset;
  for (long i = FIRST; i < PAST(count); i += STEP) output[i] = a[i] + b[i];
}

__kernel void scale(
    __global const float *input, long inputOffset, float factor, __global float *output, long outputOffset,
    long count) {
  input += inputOffset;
  output += outputOffset;
  for (long i = FIRST; i < PAST(count); i += STEP) output[i] = factor * input[i];
}
