/* Rotary positions, half-split, in place: the pair (x[c], x[c + h]) of each head, h = headDimension / 2, is
 * turned by the angle whose cosine and sine the row's position finds in the table [position, (h cosines, h
 * sines)]. `direction` is 1, or -1 to turn back (the gradient).
 *
 * A row's pairs are cut in pieces of V that do not cross a head, walked by the lanes of the row. */
#include "vector.cl"

__kernel void rotate_pairs(
    __global float *values, long valuesOffset, int stride, __global const int *positions, long positionsOffset,
    __global const float *table, long tableOffset, int rows, int heads, int headDimension, float direction,
    int rowsPerGroup) {
  const int half_ = headDimension / 2, piecesPerHead = (half_ + V - 1) / V;
  FOR_GROUP_ROWS(row, rows, rowsPerGroup) {
    __global float *x = values + valuesOffset + (long)row * stride;
    __global const float *cosines = table + tableOffset + (long)positions[positionsOffset + row] * headDimension;
    __global const float *sines = cosines + half_;
    for (int piece = LANE; piece < heads * piecesPerHead; piece += LANES) {
      const int c = piece % piecesPerHead * V, n = min(V, half_ - c);
      __global float *first = x + piece / piecesPerHead * headDimension + c;
      const floatv a = load(first, n, 0), b = load(first + half_, n, 0);
      const floatv cosine = load(cosines + c, n, 0), sine = direction * load(sines + c, n, 0);
      store(first, n, a * cosine - b * sine);
      store(first + half_, n, b * cosine + a * sine);
    }
  }
}
