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

/* Terms in one step. */
#define STEP 16

#include "matmul_tile.cl"
#include "precision.cl"

/* MARK: Staging */

/* float4s an item carries per operand and step. */
#define CARRIED 2

/* Item `item` of `items` fetches its float4s of `lanes` lanes x STEP terms. They run along the terms where
 * terms are neighbours in memory (termStride 1), along the lanes otherwise. `valid` lanes and `terms` terms
 * exist, the rest reads as zero. `aligned`: every float4 inside begins on a 16-byte boundary. */
INLINE void fetch(
    __global const float *source, long laneStride, long termStride, int valid, int terms, int aligned,
    int item, const int items, const int lanes, float4 *carried) {
#pragma unroll
  for (int i = 0; i < lanes * STEP / 4 / items; i++) {
    const int index = item + i * items;
    if (termStride == 1) {
      const int lane = index / (STEP / 4), term = index % (STEP / 4) * 4;
      __global const float *from = source + lane * laneStride + term;
      if (aligned && lane < valid && term + 4 <= terms)
        carried[i] = *(__global const float4 *)from;
      else
        carried[i] = (float4)(
            lane < valid && term < terms ? from[0] : 0.0f, lane < valid && term + 1 < terms ? from[1] : 0.0f,
            lane < valid && term + 2 < terms ? from[2] : 0.0f,
            lane < valid && term + 3 < terms ? from[3] : 0.0f);
    } else {
      const int lane = index % (lanes / 4) * 4, term = index / (lanes / 4);
      __global const float *from = source + lane * laneStride + term * termStride;
      if (aligned && lane + 4 <= valid && term < terms)
        carried[i] = *(__global const float4 *)from;
      else
        carried[i] = (float4)(
            term < terms && lane < valid ? from[0] : 0.0f,
            term < terms && lane + 1 < valid ? from[laneStride] : 0.0f,
            term < terms && lane + 2 < valid ? from[2 * laneStride] : 0.0f,
            term < terms && lane + 3 < valid ? from[3 * laneStride] : 0.0f);
    }
  }
}

/* Puts what `fetch` brought into local memory, rounded: staged[term * (lanes + 4) + lane]. */
INLINE void stage(
    const float4 *carried, long termStride, int item, const int items, const int lanes,
    __local float *staged) {
#pragma unroll
  for (int i = 0; i < lanes * STEP / 4 / items; i++) {
    const int index = item + i * items;
    const float4 value = round_operand4(carried[i]);
    if (termStride == 1) {
      const int lane = index / (STEP / 4), term = index % (STEP / 4) * 4;
      staged[term * (lanes + 4) + lane] = value.s0;
      staged[(term + 1) * (lanes + 4) + lane] = value.s1;
      staged[(term + 2) * (lanes + 4) + lane] = value.s2;
      staged[(term + 3) * (lanes + 4) + lane] = value.s3;
    } else {
      const int lane = index % (lanes / 4) * 4, term = index / (lanes / 4);
      *(__local float4 *)(staged + term * (lanes + 4) + lane) = value;
    }
  }
}

/* MARK: One tile */

/* The tile at (row, column) of C over the terms first ..< end. `wide` is 8 or 4: columns an item owns. */
INLINE void multiply_tile(
    __global const float *a, long aRowStride, long aTermStride, int aAligned, __global const float *b,
    long bColumnStride, long bTermStride, int bAligned, __global float *c, int cStride,
    __global const float *bias, __global const float *residual, int m, int n, int first, int end, int row,
    int column, int epilogue, __local float *stagedA, __local float *stagedB, const int tile,
    const int wide) {
  const int items = tile / 8 * (tile / wide), size = STEP * (tile + 4);
  const int item = get_local_id(0), x = item % (tile / wide), y = item / (tile / wide);
  a += row * aRowStride;
  b += column * bColumnStride;
  float4 carriedA[CARRIED], carriedB[CARRIED];
  float sum[8][8];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < wide; j++) sum[i][j] = 0.0f;

  fetch(
      a + first * aTermStride, aRowStride, aTermStride, m - row, end - first, aAligned, item, items, tile,
      carriedA);
  fetch(
      b + first * bTermStride, bColumnStride, bTermStride, n - column, end - first, bAligned, item, items,
      tile,
      carriedB);
  for (int term = first, buffer = 0; term < end; term += STEP, buffer ^= 1) {
    __local float *rows = stagedA + buffer * size, *columns = stagedB + buffer * size;
    stage(carriedA, aTermStride, item, items, tile, rows);
    stage(carriedB, bTermStride, item, items, tile, columns);
    /* One barrier a step: whoever passes it has finished with the other buffer. */
    barrier(CLK_LOCAL_MEM_FENCE);
    const int next = term + STEP;
    if (next < end) {
      fetch(
          a + next * aTermStride, aRowStride, aTermStride, m - row, end - next, aAligned, item, items, tile,
          carriedA);
      fetch(
          b + next * bTermStride, bColumnStride, bTermStride, n - column, end - next, bAligned, item, items,
          tile, carriedB);
    }
#pragma unroll
    for (int t = 0; t < STEP; t++) {
      float left[8], right[8];
      vstore4(*(__local const float4 *)(rows + t * (tile + 4) + 4 * y), 0, left);
      vstore4(*(__local const float4 *)(rows + t * (tile + 4) + tile / 2 + 4 * y), 1, left);
      vstore4(*(__local const float4 *)(columns + t * (tile + 4) + 4 * x), 0, right);
      if (wide == 8)
        vstore4(*(__local const float4 *)(columns + t * (tile + 4) + tile / 2 + 4 * x), 1, right);
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < wide; j++) sum[i][j] = fma(left[i], right[j], sum[i][j]);
    }
  }

#pragma unroll
  for (int i = 0; i < 8; i++) {
    const int r = row + i / 4 * (tile / 2) + 4 * y + i % 4;
    if (r < m)
#pragma unroll
      for (int j = 0; j < wide; j++) {
        const int s = column + j / 4 * (tile / 2) + 4 * x + j % 4;
        if (s < n) store_value(sum[i][j], c, bias, residual, (long)r * cStride + s, s, epilogue);
      }
  }
}

/* With slices > 1, C is the workspace: slice s of it begins s * sliceStride floats in. */
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void matmul_tile_128(
    __global const float *a, long aOffset, long aBatchStride, int aRowStride, int aTermStride, int aAligned,
    __global const float *b, long bOffset, long bBatchStride, int bColumnStride, int bTermStride,
    int bAligned, __global float *c, long cOffset, long cBatchStride, int cStride, __global const float *bias,
    long biasOffset, __global const float *residual, long residualOffset, int m, int n, int k, int slices,
    long sliceStride, int epilogue) {
  __local float stagedA[2 * STEP * 132] __attribute__((aligned(16)));
  __local float stagedB[2 * STEP * 132] __attribute__((aligned(16)));
  Place at;
  find_place(get_group_id(0), m, n, k, slices, 128, &at);
  multiply_tile(
      a + aOffset + at.batch * aBatchStride, aRowStride, aTermStride, aAligned,
      b + bOffset + at.batch * bBatchStride, bColumnStride, bTermStride, bAligned,
      c + cOffset + at.batch * cBatchStride + at.slice * sliceStride, cStride, bias + biasOffset,
      residual + residualOffset + at.batch * cBatchStride, m, n, at.first, at.end, at.row, at.column,
      epilogue,
      stagedA, stagedB, 128, 8);
}

__kernel __attribute__((reqd_work_group_size(128, 1, 1))) void matmul_tile_64(
    __global const float *a, long aOffset, long aBatchStride, int aRowStride, int aTermStride, int aAligned,
    __global const float *b, long bOffset, long bBatchStride, int bColumnStride, int bTermStride,
    int bAligned, __global float *c, long cOffset, long cBatchStride, int cStride, __global const float *bias,
    long biasOffset, __global const float *residual, long residualOffset, int m, int n, int k, int slices,
    long sliceStride, int epilogue) {
  __local float stagedA[2 * STEP * 68] __attribute__((aligned(16)));
  __local float stagedB[2 * STEP * 68] __attribute__((aligned(16)));
  Place at;
  find_place(get_group_id(0), m, n, k, slices, 64, &at);
  multiply_tile(
      a + aOffset + at.batch * aBatchStride, aRowStride, aTermStride, aAligned,
      b + bOffset + at.batch * bBatchStride, bColumnStride, bTermStride, bAligned,
      c + cOffset + at.batch * cBatchStride + at.slice * sliceStride, cStride, bias + biasOffset,
      residual + residualOffset + at.batch * cBatchStride, m, n, at.first, at.end, at.row, at.column,
      epilogue,
      stagedA, stagedB, 64, 4);
}

/* C = slice 0 + slice 1 + ... [+ epilogue]. The workspace is [slices][batch][m][n]. Global size: m n
 * rounded up to whole groups, 1, batch. */
__kernel void matmul_add_slices(
    __global const float *workspace, long workspaceOffset, int slices, long sliceStride, __global float *c,
    long cOffset,
    long cBatchStride, int cStride, __global const float *bias, long biasOffset,
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

/* MARK: Few rows (m <= 8, generation): B is read once, nothing is staged; operands are rounded as read */

/* A group of 256 work-items computes 8 columns of all rows (B' transposed: 32 items share a column, side by
 * side along its k contiguous terms) or 32 columns (B' as it lies: 8 items share a column). `lanes` items
 * share a column; item `lane` takes the terms lane, lane + lanes, ...; the partial sums meet in local memory
 * and are added in order. Global size: column groups x 256, 1, batch. */
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void matmul_few_rows(
    __global const float *a, long aOffset, long aBatchStride, int aRowStride, __global const float *b,
    long bOffset, long bBatchStride, int bColumnStride, int bTermStride, __global float *c, long cOffset,
    long cBatchStride, int cStride, __global const float *bias, long biasOffset,
    __global const float *residual, long residualOffset, int m, int n, int k, int epilogue) {
  __local float partial[8][256];
  const long batch = get_global_id(2);
  const int item = get_local_id(0), lanes = bTermStride == 1 ? 32 : 8, columns = 256 / lanes;
  const int lane = bTermStride == 1 ? item % lanes : item / columns;
  const int slot = bTermStride == 1 ? item / lanes : item % columns;
  const int column = get_group_id(0) * columns + slot;
  a += aOffset + batch * aBatchStride;
  b += bOffset + batch * bBatchStride + (long)min(column, n - 1) * bColumnStride;
  float sum[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
  for (int term = lane; term < k; term += lanes) {
    const float weight = round_operand(b[(long)term * bTermStride]);
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i < m) sum[i] = fma(round_operand(a[(long)i * aRowStride + term]), weight, sum[i]);
  }
#pragma unroll
  for (int i = 0; i < 8; i++) partial[i][slot * lanes + lane] = sum[i];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int index = item; index < m * columns; index += 256) {
    const int row = index / columns, s = get_group_id(0) * columns + index % columns;
    if (s >= n) continue;
    float total = 0.0f;
    for (int i = 0; i < lanes; i++) total += partial[row][index % columns * lanes + i];
    store_value(
        total, c + cOffset + batch * cBatchStride, bias + biasOffset,
        residual + residualOffset + batch * cBatchStride, (long)row * cStride + s, s, epilogue);
  }
}
