/* C = A' B' [+ C] [+ bias] [+ residual] on matrix units (tensor cores); A' is m x k, B' is k x n, row-major C.
 * Operands are rounded to tf32 (-DPRECISION=1) or bfloat16 (2), sums are float32; memory holds float32.
 *
 * matrix_unit.cl has the instructions, counted in words of 32 bits (one term of tf32, two neighbouring ones of
 * bfloat16), and which item of a warp holds what. A lane is a row of A' or a column of B'.
 *
 * `matmul_pack` rounds an operand and lays it out as it will lie in local memory, whatever its transposition: blocks
 * of 64 lanes, of each the steps of 16 words of terms one after the other, of each step the lanes' words in chunks of
 * four, chunk c of lane r at c ^ (r / 2) % 4:
 *
 *     [block of 64 lanes][step][64 lanes][16 words]        words   0..3 4..7 8..11 12..15
 *                                                         lane 0 |  c0   c1   c2   c3  |
 *                                                              1 |  c0   c1   c2   c3  | 128 bytes
 *                                                              2 |  c1   c0   c3   c2  |
 *                                                              3 |  c1   c0   c3   c2  | 128 bytes
 *                                                              4 |  c2   c3   c0   c1  |  ...
 *
 * Eight lanes' chunks that ldmatrix reads together then lie in all 32 banks. What does not exist is zero. Packing
 * reads and writes an operand once; a tile reads it as often as there are tiles across, and what it reads is then half
 * as long in bfloat16, needs no rounding, and looks the same for all layouts, alignments and edges.
 *
 * `matmul_tensor_TILE`: a work-group of 128 items computes one TILE x TILE tile of C, a step at a time through local
 * memory, and each of its four warps a quarter, in two parts a step. While a part is multiplied the next one comes to
 * registers, over the end of the step as well, and local memory that was left is filled again (cp.async), so that three
 * steps are under way; one barrier a step, after the first part:
 *
 *     read second | multiply first | barrier | read first of the next step | copy the third next | multiply second
 *
 * Whoever passes the barrier has what all copied of the next step, and all have read this one.
 *
 *     -DTILE=128   48 KB of local memory, 128 sums an item: large products, with ldmatrix and cp.async only, for two
 *                  parts in registers leave none for words on their way. Of a word that a warp reads from local
 *                  memory 64 products are made; two groups fill a multiprocessor's registers and hide each other's
 *                  barriers
 *     -DTILE=64    24 KB, 32 sums an item: when 128-tiles would leave compute units idle
 *
 * Without TILE, the kernel left is `matmul_pack`. Split-K, bands of tiles and geometry are those of matmul_gpu.cl,
 * whose `matmul_add_slices` adds the slices.
 *
 * Limits: sizes and row strides below 2^31; warps of 32. No atomics: results are the same on every run.
 * Tolerance: 1e-4 against rounded operands; matrix units cut off bits when they align products to add them. */

/* Words, and terms, in a step. */
#define STEP_WORDS TENSOR_STEP_WORDS
#define STEP (STEP_WORDS * TERMS)
/* Lanes in a block, and words of a step of it. */
#define LANES TENSOR_LANES
#define BLOCK (LANES * STEP_WORDS)

#include "matrix_unit.cl"

#include "matmul_tile.cl"

/* Where a chunk of a lane begins in a step of its block. */
INLINE uint place_of(uint lane, uint chunk) { return lane * STEP_WORDS + (chunk ^ lane / 2 % 4) * 4; }

#ifndef TILE
/* MARK: Packing */

#define OPERAND_ARGUMENTS(x)                                                                                \
  __global const float *x, long x##Offset, long x##BatchStride, int x##Stride, int x##HasTerms,             \
      int x##Aligned, int x##Lanes, int x##Batches, __global uint *x##Packed, long x##PackedOffset,         \
      long x##PackedBatchStride
#define OPERAND(x)                                                                                          \
  x + x##Offset, x##BatchStride, x##Stride, x##HasTerms, x##Aligned, x##Lanes, x##Batches,                  \
      x##Packed + x##PackedOffset, x##PackedBatchStride

INLINE void pack(
    __global const float *source, long batchStride, int stride, int hasTerms, int aligned, int lanes, int batches,
    __global uint *packed, long packedBatchStride, int terms, int group, int steps) {
  const int item = get_local_id(0), step = group % steps, block = group / steps, batch = get_group_id(2);
  if (batch >= batches) return;
  const int lane = hasTerms ? item / 4 : item / 32 * 8 + item % 8, chunk = hasTerms ? item % 4 : item / 8 % 4;
  const int first = step * STEP + chunk * 4 * TERMS, count = block * LANES + lane < lanes ? terms - first : 0;
  const long laneStride = hasTerms ? stride : 1, termStride = hasTerms ? 1 : stride;
  source += batch * batchStride + (block * LANES + lane) * laneStride + first * termStride;
  float x[4 * TERMS];
#pragma unroll
  for (int i = 0; i < TERMS; i++) {
    if (hasTerms && aligned && count >= 4 * (i + 1)) {
      vstore4(*(__global const float4 *)(source + 4 * i), i, x);
    } else {
#pragma unroll
      for (int j = 4 * i; j < 4 * (i + 1); j++) x[j] = j < count ? source[j * termStride] : 0.0f;
    }
  }
  uint word[4];
#pragma unroll
  for (int i = 0; i < 4; i++) word[i] = word_of(x[i * TERMS], x[i * TERMS + TERMS - 1]);
  packed += batch * packedBatchStride + (long)group * BLOCK;
  *(__global uint4 *)(packed + place_of(lane, chunk)) = vload4(0, word);
}

/* An item packs a chunk of A' or B', and a group one step of a block; groups of A' come first. Neighbours read
 * neighbours, and a warp writes 512 bytes side by side. Of an operand either the terms are neighbours
 * in memory (`hasTerms`) or the lanes; the others lie `stride` apart. `aligned`: four neighbours may be read as one.
 * Global size: TENSOR_PACK_ITEMS times the steps of all blocks of both, 1, batches of the one that has more. */
__kernel __attribute__((reqd_work_group_size(TENSOR_PACK_ITEMS, 1, 1))) void matmul_pack(
    OPERAND_ARGUMENTS(a), OPERAND_ARGUMENTS(b), int terms) {
  const int steps = (terms + STEP - 1) / STEP, groupsOfA = (aLanes + LANES - 1) / LANES * steps;
  const int group = get_group_id(0), isB = group >= groupsOfA;
  if (isB)
    pack(OPERAND(b), terms, group - groupsOfA, steps);
  else
    pack(OPERAND(a), terms, group, steps);
}
#else
/* MARK: Tiles */

#define ITEMS TENSOR_ITEMS
#define STAGES TENSOR_STAGES
/* Blocks of an instruction that a warp owns: of 16 rows, and of 8 columns. */
#define ROW_BLOCKS (TILE / 2 / 16)
#define COLUMN_BLOCKS (TILE / 2 / 8)
/* Blocks of lanes, and words of a step, of an operand's tile. */
#define BLOCKS (TILE / LANES)
#define STAGED (TENSOR_STAGED(TILE) / 2 / STAGES)

/* Loops around the instruction are unrolled where it is one; where it is emulated, compiling them takes long. */
#if MMA_PTX
#define UNROLLED 8
#else
#define UNROLLED 1
#endif

/* Copies the next step of an operand's tile: `blocks` tells where the item's chunks of each block lie. */
INLINE void copy_step(__global const uint **blocks, __local uint *staged) {
  const uint item = get_local_id(0);
#pragma unroll
  for (uint block = 0; block < BLOCKS; block++) {
#pragma unroll
    for (uint i = 0; i < BLOCK; i += 4 * ITEMS)
      copy_chunk(blocks[block] + i, staged + block * BLOCK + i + 4 * item);
    blocks[block] += BLOCK;
  }
}

/* The item's words of 16 lanes and half `part` of a step: A of an instruction (`left`), or b0 and b1 of two blocks of
 * columns, one after the other. */
INLINE void read_block(__local const uint *staged, uint lane, const uint part, const int left, uint word[4]) {
  const uint item = get_local_id(0);
#define CHUNK_OF(i, row)                                                                                    \
  (staged + place_of(lane + (left ? (i) % 2 : (i) / 2) * 8 + (row), 2 * part + (left ? (i) / 2 : (i) % 2)))
  LOAD_MATRICES(word, item, CHUNK_OF);
}

/* What a warp has of half a step. */
typedef struct {
  uint left[ROW_BLOCKS][4], right[COLUMN_BLOCKS / 2][4];
} Part;

INLINE void read_part(__local const uint *rows, __local const uint *columns, const uint part, Part *read) {
  const uint warp = get_local_id(0) / 32;
#pragma unroll
  for (uint j = 0; j < COLUMN_BLOCKS / 2; j++)
    read_block(columns, warp % 2 * (TILE / 2) + 16 * j, part, 0, read->right[j]);
#pragma unroll
  for (uint i = 0; i < ROW_BLOCKS; i++) read_block(rows, warp / 2 * (TILE / 2) + 16 * i, part, 1, read->left[i]);
}

/* Adds half a step, one instruction a block, to what the warp owns. */
INLINE void multiply_part(const Part *read, float sum[ROW_BLOCKS][COLUMN_BLOCKS][4], __local uint *shown) {
#pragma unroll UNROLLED
  for (uint i = 0; i < ROW_BLOCKS; i++) {
    const uint *left = read->left[i];
#pragma unroll UNROLLED
    for (uint j = 0; j < COLUMN_BLOCKS; j++) {
      const uint *right = read->right[j / 2] + j % 2 * 2;
      MMA(sum[i][j], left[0], left[1], left[2], left[3], right[0], right[1], shown);
    }
  }
}

/* Stores two neighbours of a row, those of them that exist; `inPairs`: as one, for which C is aligned. */
INLINE void store_pair(
    float x, float y, __global float *c, __global const float *bias, __global const float *residual, long at,
    int column, int n, int inPairs, int epilogue) {
  if (inPairs && column + 1 < n) {
    float2 value = (float2)(x, y);
    if (epilogue & ADD_C) value += *(__global const float2 *)(c + at);
    if (epilogue & ADD_BIAS) value += vload2(0, bias + column);
    if (epilogue & ADD_RESIDUAL) value += vload2(0, residual + at);
    *(__global float2 *)(c + at) = value;
  } else {
    if (column < n) store_value(x, c, bias, residual, at, column, epilogue);
    if (column + 1 < n) store_value(y, c, bias, residual, at + 1, column + 1, epilogue);
  }
}

#define NAME_OF(tile) matmul_tensor_##tile
#define NAME(tile) NAME_OF(tile)

/* With slices > 1, C is the workspace: slice s of it begins s * sliceStride floats in. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void NAME(TILE)(
    __global const uint *a, long aOffset, long aBatchStride, __global const uint *b, long bOffset,
    long bBatchStride, __global float *c, long cOffset, long cBatchStride, int cStride,
    __global const float *bias, long biasOffset, __global const float *residual, long residualOffset, int m,
    int n, int k, int slices, long sliceStride, int epilogue) {
  __local uint stagedA[STAGES * STAGED] __attribute__((aligned(16)));
  __local uint stagedB[STAGES * STAGED] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  const int item = get_local_id(0);
  Place at;
  find_place(get_group_id(0), m, n, k, slices, TILE, &at);
  const int steps = (at.end - at.first + STEP - 1) / STEP, first = at.first / STEP, all = (k + STEP - 1) / STEP;
  __global const uint *blocksA[BLOCKS], *blocksB[BLOCKS];
#pragma unroll
  for (int i = 0; i < BLOCKS; i++) {
    /* Of a tile that goes beyond the last block, that one again: what comes of it is never stored. */
    const long blockA = min(at.row / LANES + i, (m - 1) / LANES), blockB = min(at.column / LANES + i, (n - 1) / LANES);
    blocksA[i] = a + aOffset + at.batch * aBatchStride + (blockA * all + first) * BLOCK + 4 * item;
    blocksB[i] = b + bOffset + at.batch * bBatchStride + (blockB * all + first) * BLOCK + 4 * item;
  }
  float sum[ROW_BLOCKS][COLUMN_BLOCKS][4];
#pragma unroll
  for (int i = 0; i < ROW_BLOCKS; i++)
#pragma unroll
    for (int j = 0; j < COLUMN_BLOCKS; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sum[i][j][e] = 0.0f;

  /* A group of copies a step, and empty ones behind the last: as many are on their way at every step. */
#pragma unroll
  for (int stage = 0; stage < STAGES; stage++) {
    if (stage < steps) {
      copy_step(blocksA, stagedA + stage * STAGED);
      copy_step(blocksB, stagedB + stage * STAGED);
    }
    COMMIT_COPIES();
  }
  AWAIT_COPIES(STAGES - 1);
  barrier(CLK_LOCAL_MEM_FENCE);
  Part early, late;
  read_part(stagedA, stagedB, 0, &early);
  uint stage = 0;
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    read_part(stagedA + stage * STAGED, stagedB + stage * STAGED, 1, &late);
    multiply_part(&early, sum, shown);
    AWAIT_COPIES(STAGES - 2);
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint freed = stage;
    stage = stage == STAGES - 1 ? 0 : stage + 1;
    /* Behind the last step nothing is there to read, nor will anyone use it. */
    read_part(stagedA + stage * STAGED, stagedB + stage * STAGED, 0, &early);
    if (step + STAGES < steps) {
      copy_step(blocksA, stagedA + freed * STAGED);
      copy_step(blocksB, stagedB + freed * STAGED);
    }
    COMMIT_COPIES();
    multiply_part(&late, sum, shown);
  }

  c += cOffset + at.batch * cBatchStride + at.slice * sliceStride;
  bias += biasOffset;
  residual += residualOffset + at.batch * cBatchStride;
  const int row = at.row + item / 64 * (TILE / 2) + item % 32 / 4;
  const int column = at.column + item / 32 % 2 * (TILE / 2) + item % 4 * 2;
  const int inPairs = (ulong)c % 8 == 0 && cStride % 2 == 0;
#pragma unroll
  for (int i = 0; i < ROW_BLOCKS; i++)
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int j = 0; j < COLUMN_BLOCKS; j++) {
        const int r = row + 16 * i + 8 * h, s = column + 8 * j;
        if (r < m)
          store_pair(
              sum[i][j][2 * h], sum[i][j][2 * h + 1], c, bias, residual, (long)r * cStride + s, s, n, inPairs,
              epilogue);
      }
}
#endif
