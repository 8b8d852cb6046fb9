/* What the tiled products of GPUs share: what is added to a tile, and where a work-group works. STEP, the terms that a
 * group takes in at a time, is defined by whoever includes this. */
#include "matmul_geometry.cl"

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

INLINE void store_value(
    float value, __global float *c, __global const float *bias, __global const float *residual, long at,
    int column, int epilogue) {
  if (epilogue & ADD_C) value += c[at];
  if (epilogue & ADD_BIAS) value += bias[column];
  if (epilogue & ADD_RESIDUAL) value += residual[at];
  c[at] = value;
}

/* Where a group works: its tile, its batch and its slice of the terms. */
typedef struct {
  int row, column, batch, slice, first, end;
} Place;

/* Tiles are numbered in bands of 8 tile rows, so that the groups running together share operands in the
 * second-level cache. Slices are whole steps. */
INLINE void find_place(int group, int m, int n, int k, int slices, const int tile, Place *place) {
  const int rows = (m + tile - 1) / tile, columns = (n + tile - 1) / tile;
  const int band = group / (8 * columns), within = group % (8 * columns), height = min(8, rows - 8 * band);
  const int length = ((k + slices - 1) / slices + STEP - 1) / STEP * STEP;
  place->row = (8 * band + within % height) * tile;
  place->column = within / height * tile;
  place->batch = get_group_id(2) / slices;
  place->slice = get_group_id(2) % slices;
  place->first = min(k, place->slice * length);
  place->end = min(k, place->first + length);
}
