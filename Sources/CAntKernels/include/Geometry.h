/* How kernels are cut into work-items, from the very files that they are compiled with. Macros of plain numbers are
 * constants in Swift; those with arguments are functions here, of Swift's Int. */
#ifndef CANTKERNELS_GEOMETRY_H
#define CANTKERNELS_GEOMETRY_H

#include "../../../Kernels/attention_geometry.cl"
#include "../../../Kernels/matmul_geometry.cl"
#include "../../../Kernels/matrix_unit_geometry.cl"
#include "../../../Kernels/vector_geometry.cl"

static inline long stripOf(long width) { return STRIP_OF(width); }

static inline long floatMatmulItems(long tile) { return FLOAT_ITEMS(tile); }
static inline long floatMatmulStaged(long tile) { return FLOAT_STAGED(tile); }
static inline long fewRowsLanes(long areNeighbours) { return FEW_ROWS_LANES(areNeighbours); }
static inline long tensorMatmulStaged(long tile) { return TENSOR_STAGED(tile); }

static inline long cpuAttentionLanes(long width) { return CPU_LANES(width); }
static inline long gpuAttentionRows(long rows) { return GPU_ROWS(rows); }
static inline long gpuAttentionLocalFloats(long head, long rows, long buckets) {
  return GPU_LOCAL_FLOATS(head, rows, buckets);
}

static inline long tensorAttentionPitch(long head, long terms) { return TENSOR_PITCH(head, terms); }
static inline long tensorAttentionRows(long pitch, long buckets) { return TENSOR_ROWS(pitch, buckets); }
static inline long tensorAttentionGroup(long pitch, long buckets) { return TENSOR_GROUP(pitch, buckets); }
/* Words of local memory that the larger of the two passes takes. */
static inline long tensorAttentionLocalWords(long head, long pitch, long rows, long buckets) {
  const long forward = TENSOR_FORWARD_WORDS(pitch, rows);
  const long backward = TENSOR_BACKWARD_WORDS(head, pitch, rows, buckets);
  return forward > backward ? forward : backward;
}

#endif
