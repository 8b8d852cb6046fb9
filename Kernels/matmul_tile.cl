/* What the tiled products of GPUs share: what is added to a tile, where a work-group works, and operands as it sees
 * them. STEP, the terms that a group takes in at a time, is defined by whoever includes this. A lane is a row of A' or
 * a column of B'. */

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* What is added to the product. */
#define ADD_C 1
#define ADD_BIAS 2
#define ADD_RESIDUAL 4

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

/* MARK: Operands */

/* An operand as a group sees it: its first lane and term, the distance of lanes or of terms, whichever are no
 * neighbours, and the last lane there is. */
typedef struct {
  __global const float *source;
  int stride, aligned, last;
  /* Whether whole steps are read in fours that all exist. */
  int isWhole;
} Operand;

INLINE Operand operand_at(
    __global const float *source, int stride, int aligned, int lane, int lanes, int first, const int tile,
    const int terms) {
  Operand operand;
  operand.source = source + (terms ? (long)lane * stride + first : (long)first * stride + lane);
  operand.stride = stride;
  operand.aligned = aligned;
  operand.last = lanes - lane - 1;
  operand.isWhole = aligned && (terms || operand.last + 1 >= tile || operand.last % 4 == 3);
  return operand;
}

INLINE void advance(Operand *operand, const int terms) {
  operand->source += terms ? STEP : (long)STEP * operand->stride;
}

/* MARK: Kernels */

/* The kernels NAME_TILE of whoever includes this, which defines
 *
 *     Element, Sums               what is staged, and what an item owns of a tile
 *     STAGED(tile)                elements of local memory that an operand takes
 *     SHOW_AMONG(items), SHOWN    what the group shares besides, and its place among arguments
 *     multiply_tile, store_sums   a tile's products, and their way to memory
 *
 * With slices > 1, C is the workspace: slice s of it begins s * sliceStride floats in. The place is found again rather
 * than kept in registers meanwhile: what is added to it is zero, but whoever has forgotten the item cannot know. */
#define DEFINE_KERNEL(NAME, TILE)                                                                           \
  __kernel __attribute__((reqd_work_group_size(2 * TILE, 1, 1))) void NAME##_##TILE(                        \
      __global const float *a, long aOffset, long aBatchStride, int aStride, int aAligned,                  \
      __global const float *b, long bOffset, long bBatchStride, int bStride, int bAligned,                  \
      __global float *c, long cOffset, long cBatchStride, int cStride, __global const float *bias,          \
      long biasOffset, __global const float *residual, long residualOffset, int m, int n, int k,            \
      int slices, long sliceStride, int epilogue) {                                                         \
    __local Element stagedA[STAGED(TILE)] __attribute__((aligned(16)));                                     \
    __local Element stagedB[STAGED(TILE)] __attribute__((aligned(16)));                                     \
    SHOW_AMONG(2 * TILE);                                                                                   \
    Sums sum;                                                                                               \
    Place at;                                                                                               \
    find_place(get_group_id(0), m, n, k, slices, TILE, &at);                                                \
    multiply_tile(                                                                                          \
        operand_at(                                                                                         \
            a + aOffset + at.batch * aBatchStride, aStride, aAligned, at.row, m, at.first, TILE, A_TERMS),  \
        operand_at(                                                                                         \
            b + bOffset + at.batch * bBatchStride, bStride, bAligned, at.column, n, at.first, TILE,         \
            B_TERMS),                                                                                       \
        at.end - at.first, stagedA, stagedB, SHOWN TILE, sum);                                              \
    uint item = get_local_id(0);                                                                            \
    FORGET(item);                                                                                           \
    find_place(get_group_id(0) + item / (2 * TILE), m, n, k, slices, TILE, &at);                            \
    store_sums(                                                                                             \
        sum, c + cOffset + at.batch * cBatchStride + at.slice * sliceStride, cStride, bias + biasOffset,    \
        residual + residualOffset + at.batch * cBatchStride, m, n, at.row, at.column, epilogue, TILE);      \
  }
