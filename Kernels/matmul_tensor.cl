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
 * memory, and each of its four warps a quarter. Steps are copied (cp.async) two ahead into three buffers, with one
 * barrier a step: whoever passes it has what all copied of this step, and all have finished with the one before.
 *
 *     -DTILE=128   48 KB of local memory, 128 sums an item: large products. Of a word that a warp reads from local
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
#define STEP_WORDS 16
#define STEP (STEP_WORDS * TERMS)
/* Lanes in a block, and words of a step of it. */
#define LANES 64
#define BLOCK (LANES * STEP_WORDS)

#include "matrix_unit.cl"

#include "matmul_tile.cl"

/* Where a chunk of a lane begins in a step of its block. */
INLINE uint place_of(uint lane, uint chunk) { return lane * STEP_WORDS + (chunk ^ lane / 2 % 4) * 4; }

#ifndef TILE
/* MARK: Packing */

/* Packs an operand whose terms are neighbours in memory (`hasTerms`), or else its lanes; the others lie `stride` apart.
 * `aligned`: four neighbours may be read as one. An item packs a chunk, and a group one step of a block, numbered so
 * that neighbours read neighbours. Global size: 256 times the steps of all blocks, 1, batches. */
__kernel __attribute__((reqd_work_group_size(256, 1, 1))) void matmul_pack(
    __global const float *source, long sourceOffset, long batchStride, int stride, int hasTerms, int aligned,
    int lanes, int terms, __global uint *packed, long packedOffset, long packedBatchStride) {
  const int steps = (terms + STEP - 1) / STEP, group = get_group_id(0);
  const int item = get_local_id(0), step = group % steps, block = group / steps, batch = get_group_id(2);
  const int lane = hasTerms ? item / 4 : item % LANES, chunk = hasTerms ? item % 4 : item / LANES;
  const int first = step * STEP + chunk * 4 * TERMS, count = block * LANES + lane < lanes ? terms - first : 0;
  const long laneStride = hasTerms ? 1L * stride : 1, termStride = hasTerms ? 1 : 1L * stride;
  source += sourceOffset + batch * batchStride + (block * LANES + lane) * laneStride + first * termStride;
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
  packed += packedOffset + batch * packedBatchStride + (long)group * BLOCK;
  *(__global uint4 *)(packed + place_of(lane, chunk)) = vload4(0, word);
}
#else
/* MARK: Tiles */

#define ITEMS 128
/* Steps that local memory holds. */
#define STAGES 3
/* Blocks of an instruction that a warp owns: of 16 rows, and of 8 columns. */
#define ROW_BLOCKS (TILE / 2 / 16)
#define COLUMN_BLOCKS (TILE / 2 / 8)
/* Blocks of lanes, and words of a step, of an operand's tile. */
#define BLOCKS (TILE / LANES)
#define STAGED (TILE * STEP_WORDS)

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

/* Adds half a step, one instruction a block, to what the warp owns. */
INLINE void multiply_part(
    __local const uint *rows, __local const uint *columns, const uint part,
    float sum[ROW_BLOCKS][COLUMN_BLOCKS][4], __local uint *shown) {
  const uint warp = get_local_id(0) / 32;
  uint left[ROW_BLOCKS][4], right[COLUMN_BLOCKS / 2][4];
#pragma unroll
  for (uint j = 0; j < COLUMN_BLOCKS / 2; j++)
    read_block(columns, warp % 2 * (TILE / 2) + 16 * j, part, 0, right[j]);
#pragma unroll
  for (uint i = 0; i < ROW_BLOCKS; i++) read_block(rows, warp / 2 * (TILE / 2) + 16 * i, part, 1, left[i]);
#pragma unroll UNROLLED
  for (uint i = 0; i < ROW_BLOCKS; i++)
#pragma unroll UNROLLED
    for (uint j = 0; j < COLUMN_BLOCKS; j++)
      MMA(sum[i][j], left[i][0], left[i][1], left[i][2], left[i][3], right[j / 2][j % 2 * 2],
          right[j / 2][j % 2 * 2 + 1], shown);
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
  for (int stage = 0; stage < STAGES - 1; stage++) {
    if (stage < steps) {
      copy_step(blocksA, stagedA + stage * STAGED);
      copy_step(blocksB, stagedB + stage * STAGED);
    }
    COMMIT_COPIES();
  }
  uint stage = 0, free = STAGES - 1;
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    AWAIT_COPIES(STAGES - 2);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (step + STAGES - 1 < steps) {
      copy_step(blocksA, stagedA + free * STAGED);
      copy_step(blocksB, stagedB + free * STAGED);
    }
    COMMIT_COPIES();
    multiply_part(stagedA + stage * STAGED, stagedB + stage * STAGED, 0, sum, shown);
    multiply_part(stagedA + stage * STAGED, stagedB + stage * STAGED, 1, sum, shown);
    free = stage;
    stage = stage == STAGES - 1 ? 0 : stage + 1;
  }

  c += cOffset + at.batch * cBatchStride + at.slice * sliceStride;
  bias += biasOffset;
  residual += residualOffset + at.batch * cBatchStride;
  const int row = at.row + item / 64 * (TILE / 2) + item % 32 / 4;
  const int column = at.column + item / 32 % 2 * (TILE / 2) + item % 4 * 2;
#pragma unroll
  for (int i = 0; i < ROW_BLOCKS; i++)
#pragma unroll
    for (int e = 0; e < 4; e++)
#pragma unroll
      for (int j = 0; j < COLUMN_BLOCKS; j++) {
        const int r = row + 16 * i + e / 2 * 8, s = column + 8 * j + e % 2;
        if (r < m && s < n) store_value(sum[i][j][e], c, bias, residual, (long)r * cStride + s, s, epilogue);
      }
}
#endif
