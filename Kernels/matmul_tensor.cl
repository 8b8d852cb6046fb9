/* C = A' B' [+ C] [+ bias] [+ residual] on matrix units (tensor cores); A' is m x k, B' is k x n, row-major C.
 * Operands are rounded to tf32 (-DPRECISION=1) or bfloat16 (2), sums are float32; memory holds float32.
 *
 * matrix_unit.cl has the instruction, counted in words of 32 bits (one term of tf32, two neighbouring ones of
 * bfloat16), and which item of a warp holds what: item l = 4 g + t the words t and t + 4 of rows g and g + 8 of A
 * and of column g of B.
 *
 * A work-group computes one TILE x TILE tile of C, 16 words of terms (a step) at a time through local memory, and
 * its warps, two rows of them, TILE/2 x 32 of it each. A sum may be taken in any order as long as both operands
 * agree: the two words of A or B that an item needs, t and t + 4, are words 8s + 2t and 8s + 2t + 1 of a
 * step, neighbours, where s is 0 for the first instruction and 1 for the second.
 *
 *     terms are neighbours in memory (A as is, B transposed):     lanes are neighbours (A transposed, B as is):
 *     staged [TILE lanes][16 words], the halves of every          staged [16 words][TILE + 8 lanes], word
 *     third and fourth lane exchanged; written four words         8s + 2t + h in row 8s + 4h + t; written four
 *     at a time, read two at a time by four lanes                 lanes at a time, read by 32 items from 32 banks
 *     from 32 banks
 *
 * A lane is a row of A' or a column of B'. Which operand lies how is an option, not an argument (-DA_TERMS,
 * -DB_TERMS), since every address in the inner loop follows from it. Rounding happens between the registers in
 * which the next step travels and local memory; two buffers of it leave one barrier a step.
 *
 *     matmul_tensor_128   256 work-items, 33 to 35 KB of local memory: large products
 *     matmul_tensor_64    128 work-items, 17 to 19 KB: when 128-tiles would leave compute units idle
 *
 * Split-K, bands of tiles and geometry are those of matmul_gpu.cl, whose `matmul_add_slices` adds the slices.
 *
 * `matmul_tensor_probe` (-DPROBE=1) is one instruction, for asking a device whether it gives the right answer.
 * Limits: sizes below 2^31, row strides below 2^24; warps of 32. No atomics: results are the same on every run.
 * Operands whose rows do not begin on 16-byte boundaries, and the terms behind the last whole step, are staged
 * word by word and not ahead.
 * Tolerance: 1e-4 against rounded operands; matrix units cut off bits when they align products to add them. */

/* Terms in a step of 16 words. */
#define STEP (16 * TERMS)

#include "matrix_unit.cl"

#include "matmul_tile.cl"

/* Keeps the compiler from holding what it can work out of the item's number in registers, of which sums and fetched
 * operands need nearly all: it must take the number for a new one. Where both operands lie along their terms even
 * the number is one register too many, and is asked for again. */
#if MMA_PTX && A_TERMS && B_TERMS
#define FORGET(item) __asm volatile("mov.u32 %0, %%tid.x;" : "=r"(item))
#elif MMA_PTX
#define FORGET(item) __asm volatile("" : "+r"(item))
#else
#define FORGET(item)
#endif

#if PROBE
/* out [16][8] = 0.5 + a [16][8 words] times b [8 columns][8 words], by 32 work-items. */
__kernel __attribute__((reqd_work_group_size(32, 1, 1))) void matmul_tensor_probe(
    __global const float *a, long aOffset, __global const float *b, long bOffset, __global float *out,
    long outOffset) {
  SHOW_AMONG(32);
  const int g = get_local_id(0) / 4, t = get_local_id(0) % 4, width = 8 * TERMS;
  uint word[6];
  for (int i = 0; i < 6; i++) {
    const int lane = i < 4 ? g + i % 2 * 8 : g, at = i < 4 ? t + i / 2 * 4 : t + (i - 4) * 4;
    __global const float *from = (i < 4 ? a + aOffset : b + bOffset) + lane * width + at * TERMS;
    word[i] = word_of(from[0], from[TERMS - 1]);
  }
  float sum[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  MMA(sum, word[0], word[1], word[2], word[3], word[4], word[5], shown);
  for (int i = 0; i < 4; i++) out[outOffset + (g + i / 2 * 8) * 8 + 2 * t + i % 2] = sum[i];
}
#else

/* MARK: Staging */

/* Where word `word` of lane `lane` is staged; `terms`: terms are neighbours in memory, else lanes are. */
INLINE uint place_of(uint lane, uint word, const uint lanes, const int terms) {
  return terms ? lane * 16 + (word ^ (lane >> 1 & 1) * 8)
               : (word / 8 * 8 + word % 2 * 4 + word % 8 / 2) * (lanes + 8) + lane;
}

/* Words of local memory a buffer of an operand takes. */
#define STAGED(terms, tile) ((terms) ? (tile) * 16 : 16 * ((tile) + 8))

/* Puts what `fetch` brought into local memory, rounded. */
INLINE void stage(const float4 *carried, uint item, const uint tile, const int terms, __local uint *staged) {
#pragma unroll
  for (uint i = 0; i < 2; i++) {
    const uint index = item + i * 2 * tile;
    const float4 x = carried[i * TERMS], y = carried[i * TERMS + TERMS - 1];
    const uint lane = terms ? index / 4 : index % (tile / 4) * 4;
    const uint word = terms ? index % 4 * 4 : index / (tile / 4);
    /* A word of tf32 is one term, and y is x. */
    const int areNeighbours = terms ? TERMS == 2 : 0;
    uint4 words;
    if (areNeighbours)
      words = (uint4)(word_of(x.s0, x.s1), word_of(x.s2, x.s3), word_of(y.s0, y.s1), word_of(y.s2, y.s3));
    else
      words = (uint4)(word_of(x.s0, y.s0), word_of(x.s1, y.s1), word_of(x.s2, y.s2), word_of(x.s3, y.s3));
    *(__local uint4 *)(staged + place_of(lane, word, tile, terms)) = words;
  }
}

/* Puts a step that is not whole into local memory, word by word: `count` terms, the others zero. */
INLINE void copy(
    const Operand *operand, int count, uint item, const uint tile, const int terms, __local uint *staged) {
#pragma unroll 4
  for (uint index = item; index < 16 * tile; index += 2 * tile) {
    const uint lane = terms ? index / 16 : index % tile, word = terms ? index % 16 : index / tile;
    const int term = word * TERMS, step = terms ? 1 : operand->stride;
    __global const float *from =
        operand->source + min((int)lane, operand->last) * (terms ? operand->stride : 1) + term * step;
    const float x = term < count ? from[0] : 0.0f;
    const float y = TERMS == 2 && term + 1 < count ? from[step] : 0.0f;
    staged[place_of(lane, word, tile, terms)] = word_of(x, y);
  }
}

/* The two words of a lane that item t of a row or column of the block needs for instruction `part`. */
INLINE uint2 words_of(
    __local const uint *staged, uint lane, uint t, const uint part, const uint tile, const int terms) {
  const uint at = place_of(lane, 8 * part + 2 * t, tile, terms);
  if (terms) return *(__local const uint2 *)(staged + at);
  return (uint2)(staged[at], staged[at + 4 * (tile + 8)]);
}

/* MARK: One tile */

/* A warp owns blocks of 16 rows, tile / 32 of them, and of 8 columns. */
#define COLUMN_BLOCKS 4

/* Adds half a step, one instruction a block, to what the warp owns: from row and column on of what is staged. */
INLINE void multiply_part(
    __local const uint *rows, __local const uint *columns, const uint part, uint item, const uint tile,
    float sum[4][COLUMN_BLOCKS][4], __local uint *shown) {
  const uint g = item % 32 / 4, t = item % 4;
  /* Two rows of warps, tile / 32 in each. */
  const uint row = item / tile * (tile / 2), column = item % tile / 32 * 32;
  uint2 right[COLUMN_BLOCKS];
#pragma unroll
  for (uint j = 0; j < COLUMN_BLOCKS; j++)
    right[j] = words_of(columns, column + 8 * j + g, t, part, tile, B_TERMS);
#pragma unroll
  for (uint i = 0; i < tile / 32; i++) {
    const uint2 upper = words_of(rows, row + 16 * i + g, t, part, tile, A_TERMS);
    const uint2 lower = words_of(rows, row + 16 * i + g + 8, t, part, tile, A_TERMS);
#pragma unroll
    for (uint j = 0; j < COLUMN_BLOCKS; j++)
      MMA(sum[i][j], upper.s0, lower.s0, upper.s1, lower.s1, right[j].s0, right[j].s1, shown);
  }
}

/* sum = the warp's part of the tile whose operands are a and b, over `count` terms: whole steps first, and what
 * remains, or all where an operand cannot be read by float4s, word by word.
 *
 * The next whole step is fetched while this one is multiplied, and staged right away, for the other buffer is
 * nobody's any more. A step of bfloat16 is twice as many floats: its operands travel one after the other, in the
 * same registers. */
INLINE void multiply_tile(
    Operand a, Operand b, int count, __local uint *stagedA, __local uint *stagedB, __local uint *shown,
    const uint tile, float sum[4][COLUMN_BLOCKS][4]) {
  uint item = get_local_id(0);
#pragma unroll
  for (uint i = 0; i < tile / 32; i++)
#pragma unroll
    for (uint j = 0; j < COLUMN_BLOCKS; j++)
#pragma unroll
      for (uint e = 0; e < 4; e++) sum[i][j][e] = 0.0f;
  uint buffer = 0;
  int isStaged = 0;
  if (a.isWhole && b.isWhole && count >= STEP) {
    float4 carriedA[CARRIED], carriedB[CARRIED];
    fetch(&a, item, tile, A_TERMS, carriedA);
    stage(carriedA, item, tile, A_TERMS, stagedA);
    fetch(&b, item, tile, B_TERMS, carriedB);
    stage(carriedB, item, tile, B_TERMS, stagedB);
    for (count -= STEP; count >= STEP; count -= STEP) {
      /* One barrier a step: whoever passes it has finished with the other buffer and staged this one. */
      barrier(CLK_LOCAL_MEM_FENCE);
      __local uint *rows = stagedA + buffer * STAGED(A_TERMS, tile);
      __local uint *columns = stagedB + buffer * STAGED(B_TERMS, tile);
      buffer ^= 1;
      __local uint *nextRows = stagedA + buffer * STAGED(A_TERMS, tile);
      __local uint *nextColumns = stagedB + buffer * STAGED(B_TERMS, tile);
      advance(&a, A_TERMS);
      advance(&b, B_TERMS);
      FORGET(item);
      fetch(&a, item, tile, A_TERMS, carriedA);
      if (TERMS == 1) fetch(&b, item, tile, B_TERMS, carriedB);
      multiply_part(rows, columns, 0, item, tile, sum, shown);
      FORGET(item);
      if (TERMS == 2) {
        stage(carriedA, item, tile, A_TERMS, nextRows);
        FORGET(item);
        fetch(&b, item, tile, B_TERMS, carriedB);
      }
      FORGET(item);
      multiply_part(rows, columns, 1, item, tile, sum, shown);
      FORGET(item);
      if (TERMS == 1) stage(carriedA, item, tile, A_TERMS, nextRows);
      stage(carriedB, item, tile, B_TERMS, nextColumns);
    }
    advance(&a, A_TERMS);
    advance(&b, B_TERMS);
    isStaged = 1;
  }
  /* The last whole step, and what is no whole step. */
  while (isStaged || count > 0) {
    __local uint *rows = stagedA + buffer * STAGED(A_TERMS, tile);
    __local uint *columns = stagedB + buffer * STAGED(B_TERMS, tile);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (!isStaged) {
      copy(&a, count, item, tile, A_TERMS, rows);
      copy(&b, count, item, tile, B_TERMS, columns);
      advance(&a, A_TERMS);
      advance(&b, B_TERMS);
      count -= STEP;
    }
    isStaged = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    multiply_part(rows, columns, 0, item, tile, sum, shown);
    multiply_part(rows, columns, 1, item, tile, sum, shown);
  }
}

/* Writes the warp's part of the tile at (row, column) of C, with the epilogue. */
INLINE void store_sums(
    float sum[4][COLUMN_BLOCKS][4], __global float *c, int cStride, __global const float *bias,
    __global const float *residual, int m, int n, int row, int column, int epilogue, const uint tile) {
  const uint item = get_local_id(0), g = item % 32 / 4, t = item % 4;
  row += item / tile * (tile / 2) + g;
  column += item % tile / 32 * 32 + 2 * t;
#pragma unroll
  for (uint i = 0; i < tile / 32; i++)
#pragma unroll
    for (uint e = 0; e < 4; e++)
#pragma unroll
      for (uint j = 0; j < COLUMN_BLOCKS; j++) {
        const int r = row + 16 * i + e / 2 * 8, s = column + 8 * j + e % 2;
        if (r < m && s < n)
          store_value(sum[i][j][e], c, bias, residual, (long)r * cStride + s, s, epilogue);
      }
}

/* With slices > 1, C is the workspace: slice s of it begins s * sliceStride floats in. */
#define DEFINE_KERNEL(TILE)                                                                                 \
  __kernel __attribute__((reqd_work_group_size(2 * TILE, 1, 1))) void matmul_tensor_##TILE(                 \
      __global const float *a, long aOffset, long aBatchStride, int aStride, int aAligned,                  \
      __global const float *b, long bOffset, long bBatchStride, int bStride, int bAligned,                  \
      __global float *c, long cOffset, long cBatchStride, int cStride, __global const float *bias,          \
      long biasOffset, __global const float *residual, long residualOffset, int m, int n, int k,            \
      int slices, long sliceStride, int epilogue) {                                                         \
    __local uint stagedA[2 * STAGED(A_TERMS, TILE)] __attribute__((aligned(16)));                           \
    __local uint stagedB[2 * STAGED(B_TERMS, TILE)] __attribute__((aligned(16)));                           \
    SHOW_AMONG(2 * TILE);                                                                                   \
    float sum[4][COLUMN_BLOCKS][4];                                                                         \
    Place at;                                                                                               \
    find_place(get_group_id(0), m, n, k, slices, TILE, &at);                                                \
    multiply_tile(                                                                                          \
        operand_at(                                                                                         \
            a + aOffset + at.batch * aBatchStride, aStride, aAligned, at.row, m, at.first, TILE, A_TERMS),  \
        operand_at(                                                                                         \
            b + bOffset + at.batch * bBatchStride, bStride, bAligned, at.column, n, at.first, TILE,         \
            B_TERMS),                                                                                       \
        at.end - at.first, stagedA, stagedB, shown, TILE, sum);                                             \
    /* Found again rather than kept in registers meanwhile: what is added is zero, but       \
     * whoever has forgotten the item cannot know. */                                                       \
    uint item = get_local_id(0);                                                                            \
    FORGET(item);                                                                                           \
    find_place(get_group_id(0) + item / (2 * TILE), m, n, k, slices, TILE, &at);                            \
    store_sums(                                                                                             \
        sum, c + cOffset + at.batch * cBatchStride + at.slice * sliceStride, cStride, bias + biasOffset,    \
        residual + residualOffset + at.batch * cBatchStride, m, n, at.row, at.column, epilogue, TILE);      \
  }

DEFINE_KERNEL(128)
DEFINE_KERNEL(64)
#endif
