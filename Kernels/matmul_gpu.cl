/* C = A' B' [+ C] [+ bias] [+ residual] for GPUs; A' is m x k, B' is k x n, row-major C.
 *
 * A work-group computes one TILE x TILE tile of C, 16 terms at a time through local memory. Both operands are
 * staged with the terms as rows, whatever their transposition, so that the inner loop is the same for NN, NT
 * and TN and reads float4s:
 *
 *        staged A                 staged B                tile of C: item (y, x) owns rows 4y..4y+3 and
 *        [16][TILE + 4]           [16][TILE + 4]          TILE/2 + 4y..+3; columns likewise with x. Split
 *        lane = row of A'         lane = column of B'     halves keep neighbours' float4s in distinct banks.
 *
 * Per term an item reads 16 floats and does 64 fused multiply-adds (128 tile), or 12 and 32 (64 tile); the
 * next 16 terms travel from global memory in registers meanwhile, and two staging buffers leave one barrier
 * a step. The pad of 4 floats spreads the transposing stores over the banks and keeps float4s aligned.
 *
 *     matmul_tile_128   256 work-items of 8 x 8, 33 KB of local memory: large products
 *     matmul_tile_64    128 work-items of 8 x 4, 17 KB: when 128-tiles would leave compute units idle
 *
 * Whether the terms of an operand are neighbours in memory, or its lanes, is an option, not an argument (-DA_TERMS,
 * -DB_TERMS), since every address in the loop over terms follows from it; without, the kernels that are left of
 * this file are those that need no tiles. -DPTX=1 is for NVIDIA's compiler (see FORGET).
 *
 * Operands are rounded to the precision of the product as they are staged (-DPRECISION, precision.cl): this
 * is what tf32 and bfloat16 run on where a GPU has no matrix unit for them that OpenCL C can reach. Where it
 * has, see matmul_tensor.cl.
 *
 * Weight gradients (m, n small, k = tokens) are split over k: slice s of the sum goes to workspace[s], and
 * `matmul_add_slices` adds the slices in order; the number of slices is a function of the shape.
 * Geometry: global size (tiles x work-items, 1, batch x slices); tiles are numbered in bands of 8 tile rows,
 * so that the groups running together share operands in the second-level cache.
 * Limits: sizes and row strides below 2^31. No atomics: results are the same on every run.
 * Source: Volkov & Demmel, "Benchmarking GPUs to tune dense linear algebra", 2008. */

#define STEP FLOAT_STEP

#include "matmul_tile.cl"
#include "precision.cl"

#if defined(A_TERMS)
/* MARK: Tiles */

/* Floats of local memory that a buffer of an operand takes, and both. */
#define BUFFER(tile) (STEP * FLOAT_PITCH(tile))
#define STAGED(tile) (FLOAT_STAGED(tile) / 2)
/* 8 rows, and 8 columns of a large tile or 4 of a small one. */
typedef float Sums[8][8];

/* Keeps the compiler from holding what it can work out of the item's number in registers, of which sums and fetched
 * operands need nearly all: the number is asked for again. */
#if PTX
#define FORGET(item) __asm volatile("mov.u32 %0, %%tid.x;" : "=r"(item))
#else
#define FORGET(item)
#endif

/* An operand as a group sees it: its first lane and term, the distance of lanes or of terms, whichever are no
 * neighbours, and the last lane there is. A lane is a row of A' or a column of B'. */
typedef struct {
  __global const float *source;
  int stride, last;
  /* Whether whole steps are read in fours that all exist. */
  int isWhole;
} Operand;

INLINE Operand operand_at(
    __global const float *source, int stride, int aligned, int lane, int lanes, int first, const int tile,
    const int terms) {
  Operand operand;
  operand.source = source + (terms ? (long)lane * stride + first : (long)first * stride + lane);
  operand.stride = stride;
  operand.last = lanes - lane - 1;
  operand.isWhole = aligned && (terms || operand.last + 1 >= tile || operand.last % 4 == 3);
  return operand;
}

INLINE void advance(Operand *operand, const int terms) {
  operand->source += terms ? STEP : (long)STEP * operand->stride;
}

/* float4s an item carries of an operand's step. */
#define CARRIED 2

/* Item `item` fetches its part of a whole step. Beyond the lanes that exist it reads the last ones again: what
 * comes of them is never stored. */
INLINE void fetch(const Operand *operand, uint item, const uint tile, const int terms, float4 *carried) {
#pragma unroll
  for (uint i = 0; i < CARRIED; i++) {
    const uint index = item + i * FLOAT_ITEMS(tile);
    const int lane = terms ? min((int)(index / 4), operand->last)
                           : min((int)(index % (tile / 4) * 4), operand->last - 3);
    const int term = terms ? index % 4 * 4 : index / (tile / 4);
    const int at = terms ? lane * operand->stride + term : term * operand->stride + lane;
    carried[i] = *(__global const float4 *)(operand->source + at);
  }
}

/* Puts what `fetch` brought into local memory, rounded: staged[term * FLOAT_PITCH(tile) + lane]. */
INLINE void stage(const float4 *carried, uint item, const uint tile, const int terms, __local float *staged) {
#pragma unroll
  for (uint i = 0; i < CARRIED; i++) {
    const uint index = item + i * FLOAT_ITEMS(tile);
    const float4 value = round_operand4(carried[i]);
    if (terms) {
      __local float *to = staged + index % 4 * 4 * FLOAT_PITCH(tile) + index / 4;
      to[0] = value.s0;
      to[FLOAT_PITCH(tile)] = value.s1;
      to[2 * FLOAT_PITCH(tile)] = value.s2;
      to[3 * FLOAT_PITCH(tile)] = value.s3;
    } else {
      *(__local float4 *)(staged + index / (tile / 4) * FLOAT_PITCH(tile) + index % (tile / 4) * 4) = value;
    }
  }
}

/* Puts a step that is not whole into local memory, float by float: `count` terms, the others zero. */
INLINE void copy(
    const Operand *operand, int count, uint item, const uint tile, const int terms, __local float *staged) {
#pragma unroll 1
  for (uint index = item; index < STEP * tile; index += FLOAT_ITEMS(tile)) {
    const int lane = terms ? index / STEP : index % tile, term = terms ? index % STEP : index / tile;
    __global const float *from = operand->source +
                                 min(lane, operand->last) * (terms ? (long)operand->stride : 1) +
                                 term * (terms ? 1 : (long)operand->stride);
    staged[term * FLOAT_PITCH(tile) + lane] = term < count ? round_operand(from[0]) : 0.0f;
  }
}

/* Adds half a staged step to what the item owns. */
INLINE void multiply_half(
    __local const float *rows, __local const float *columns, const uint part, uint item, const uint tile,
    Sums sum) {
  const uint wide = tile / 16, x = item % 16, y = item / 16;
#pragma unroll
  for (uint t = part * STEP / 2; t < (part + 1) * STEP / 2; t++) {
    float left[8], right[8];
    vstore4(*(__local const float4 *)(rows + t * FLOAT_PITCH(tile) + 4 * y), 0, left);
    vstore4(*(__local const float4 *)(rows + t * FLOAT_PITCH(tile) + tile / 2 + 4 * y), 1, left);
    vstore4(*(__local const float4 *)(columns + t * FLOAT_PITCH(tile) + 4 * x), 0, right);
    if (wide == 8) vstore4(*(__local const float4 *)(columns + t * FLOAT_PITCH(tile) + tile / 2 + 4 * x), 1, right);
    /* Bounds of all loops over sums are written out: a compiler that unrolls them late leaves sums in memory. */
#pragma unroll
    for (uint i = 0; i < 8; i++)
#pragma unroll
      for (uint j = 0; j < 8; j++)
        if (j < wide) sum[i][j] = fma(left[i], right[j], sum[i][j]);
  }
}

/* sum = the item's part of the tile whose operands are a and b, over `count` terms. While a step is multiplied the
 * next one comes: a whole one by float4s, its operands one after the other in the same registers, and one that is
 * not whole, or whose operands cannot be read so, float by float. */
INLINE void multiply_tile(
    Operand a, Operand b, int count, __local float *stagedA, __local float *stagedB, const uint tile,
    Sums sum) {
  uint item = get_local_id(0);
#pragma unroll
  for (uint i = 0; i < 8; i++)
#pragma unroll
    for (uint j = 0; j < 8; j++) sum[i][j] = 0.0f;
  a.isWhole &= b.isWhole;
  float4 carried[CARRIED];
  if (a.isWhole && count >= STEP) {
    fetch(&a, item, tile, A_TERMS, carried);
    stage(carried, item, tile, A_TERMS, stagedA);
    fetch(&b, item, tile, B_TERMS, carried);
    stage(carried, item, tile, B_TERMS, stagedB);
  } else {
    copy(&a, count, item, tile, A_TERMS, stagedA);
    copy(&b, count, item, tile, B_TERMS, stagedB);
  }
  for (uint buffer = 0; count > 0; buffer ^= BUFFER(tile)) {
    /* One barrier a step: whoever passes it has finished with the other buffer and staged this one. */
    barrier(CLK_LOCAL_MEM_FENCE);
    __local float *rows = stagedA + buffer, *columns = stagedB + buffer;
    __local float *nextRows = stagedA + (buffer ^ BUFFER(tile)), *nextColumns = stagedB + (buffer ^ BUFFER(tile));
    count -= STEP;
    const int isWhole = a.isWhole && count >= STEP;
    advance(&a, A_TERMS);
    advance(&b, B_TERMS);
    FORGET(item);
    if (isWhole) fetch(&a, item, tile, A_TERMS, carried);
    FORGET(item);
    multiply_half(rows, columns, 0, item, tile, sum);
    FORGET(item);
    if (isWhole) {
      stage(carried, item, tile, A_TERMS, nextRows);
      FORGET(item);
      fetch(&b, item, tile, B_TERMS, carried);
    }
    FORGET(item);
    multiply_half(rows, columns, 1, item, tile, sum);
    FORGET(item);
    if (isWhole) {
      stage(carried, item, tile, B_TERMS, nextColumns);
    } else if (count > 0) {
      copy(&a, count, item, tile, A_TERMS, nextRows);
      copy(&b, count, item, tile, B_TERMS, nextColumns);
    }
  }
}

/* Writes the item's part of the tile at (row, column) of C, with the epilogue. */
INLINE void store_sums(
    Sums sum, __global float *c, int cStride, __global const float *bias,
    __global const float *residual, int m, int n, int row, int column, int epilogue, const uint tile) {
  const uint item = get_local_id(0), wide = tile / 16;
  row += 4 * (item / 16);
  column += 4 * (item % 16);
#pragma unroll
  for (uint i = 0; i < 8; i++)
#pragma unroll
    for (uint j = 0; j < 8; j++) {
      const int r = row + i / 4 * (tile / 2) + i % 4, s = column + j / 4 * (tile / 2) + j % 4;
      if (j < wide && r < m && s < n)
        store_value(sum[i][j], c, bias, residual, (long)r * cStride + s, s, epilogue);
    }
}

/* With slices > 1, C is the workspace: slice s of it begins s * sliceStride floats in. The place is found again rather
 * than kept in registers meanwhile: what is added to it is zero, but whoever has forgotten the item cannot know. */
#define DEFINE_KERNEL(TILE)                                                                                 \
  __kernel __attribute__((reqd_work_group_size(FLOAT_ITEMS(TILE), 1, 1))) void matmul_tile_##TILE(                   \
      __global const float *a, long aOffset, long aBatchStride, int aStride, int aAligned,                  \
      __global const float *b, long bOffset, long bBatchStride, int bStride, int bAligned,                  \
      __global float *c, long cOffset, long cBatchStride, int cStride, __global const float *bias,          \
      long biasOffset, __global const float *residual, long residualOffset, int m, int n, int k,            \
      int slices, long sliceStride, int epilogue) {                                                         \
    __local float stagedA[STAGED(TILE)] __attribute__((aligned(16)));                                       \
    __local float stagedB[STAGED(TILE)] __attribute__((aligned(16)));                                       \
    Sums sum;                                                                                               \
    Place at;                                                                                               \
    find_place(get_group_id(0), m, n, k, slices, TILE, &at);                                                \
    multiply_tile(                                                                                          \
        operand_at(                                                                                         \
            a + aOffset + at.batch * aBatchStride, aStride, aAligned, at.row, m, at.first, TILE, A_TERMS),  \
        operand_at(                                                                                         \
            b + bOffset + at.batch * bBatchStride, bStride, bAligned, at.column, n, at.first, TILE,         \
            B_TERMS),                                                                                       \
        at.end - at.first, stagedA, stagedB, TILE, sum);                                                    \
    uint item = get_local_id(0);                                                                            \
    FORGET(item);                                                                                           \
    find_place(get_group_id(0) + item / FLOAT_ITEMS(TILE), m, n, k, slices, TILE, &at);                            \
    store_sums(                                                                                             \
        sum, c + cOffset + at.batch * cBatchStride + at.slice * sliceStride, cStride, bias + biasOffset,    \
        residual + residualOffset + at.batch * cBatchStride, m, n, at.row, at.column, epilogue, TILE);      \
  }

DEFINE_KERNEL(128)
DEFINE_KERNEL(64)
#else
/* MARK: Slices */

/* C = slice 0 + slice 1 + ... [+ epilogue]. The workspace is [slices][batch][m][n]. Global size: m n
 * rounded up to whole groups, 1, batch. */
__kernel void matmul_add_slices(
    __global const float *workspace, long workspaceOffset, int slices, long sliceStride, __global float *c,
    long cOffset, long cBatchStride, int cStride, __global const float *bias, long biasOffset,
    __global const float *residual, long residualOffset, int m, int n, int epilogue) {
  const long element = get_global_id(0), batch = get_global_id(2), count = (long)m * n;
  if (element >= count) return;
  workspace += workspaceOffset + batch * count + element;
  float sum = workspace[0];
  for (int slice = 1; slice < slices; slice++) sum += workspace[slice * sliceStride];
  const int column = element % n;
  store_value(
      sum, c + cOffset + batch * cBatchStride, bias + biasOffset,
      residual + residualOffset + batch * cBatchStride,
      element / n * cStride + column, column, epilogue);
}

/* MARK: Few rows (m <= FEW_ROWS, generation): B is read once, nothing is staged; operands are rounded as read */

/* A group of FEW_ROWS_ITEMS work-items computes some columns of all rows. `lanes` items share a column, many and side
 * by side along its k contiguous terms (B' transposed), or few (B' as it lies); item `lane` takes the terms lane, lane + lanes, ...; the partial sums meet in local memory
 * and are added in order. Global size: column groups x FEW_ROWS_ITEMS, 1, batch. */
__kernel __attribute__((reqd_work_group_size(FEW_ROWS_ITEMS, 1, 1))) void matmul_few_rows(
    __global const float *a, long aOffset, long aBatchStride, int aRowStride, __global const float *b,
    long bOffset, long bBatchStride, int bColumnStride, int bTermStride, __global float *c, long cOffset,
    long cBatchStride, int cStride, __global const float *bias, long biasOffset,
    __global const float *residual, long residualOffset, int m, int n, int k, int epilogue) {
  __local float partial[FEW_ROWS][FEW_ROWS_ITEMS];
  const long batch = get_global_id(2);
  const int item = get_local_id(0), lanes = FEW_ROWS_LANES(bTermStride == 1), columns = FEW_ROWS_ITEMS / lanes;
  const int lane = bTermStride == 1 ? item % lanes : item / columns;
  const int slot = bTermStride == 1 ? item / lanes : item % columns;
  const int column = get_group_id(0) * columns + slot;
  a += aOffset + batch * aBatchStride;
  b += bOffset + batch * bBatchStride + (long)min(column, n - 1) * bColumnStride;
  float sum[FEW_ROWS] = {0.0f};
  for (int term = lane; term < k; term += lanes) {
    const float weight = round_operand(b[(long)term * bTermStride]);
#pragma unroll
    for (int i = 0; i < FEW_ROWS; i++)
      if (i < m) sum[i] = fma(round_operand(a[(long)i * aRowStride + term]), weight, sum[i]);
  }
#pragma unroll
  for (int i = 0; i < FEW_ROWS; i++) partial[i][slot * lanes + lane] = sum[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int index = item; index < m * columns; index += FEW_ROWS_ITEMS) {
    const int row = index / columns, s = get_group_id(0) * columns + index % columns;
    if (s >= n) continue;
    float total = 0.0f;
    for (int i = 0; i < lanes; i++) total += partial[row][index % columns * lanes + i];
    store_value(
        total, c + cOffset + batch * cBatchStride, bias + biasOffset,
        residual + residualOffset + batch * cBatchStride, (long)row * cStride + s, s, epilogue);
  }
}
#endif
