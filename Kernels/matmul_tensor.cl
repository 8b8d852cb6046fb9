/* C = A' B' [+ C] [+ bias] [+ residual] on matrix units (tensor cores); A' is m x k, B' is k x n, row-major C.
 * Operands are rounded to tf32 (-DPRECISION=1) or bfloat16 (2), sums are float32; memory holds float32.
 *
 * matrix_unit.cl has the instructions, counted in words of 32 bits (one term of tf32, two neighbouring ones of
 * bfloat16), and which item of a warp holds what: item l = 4 g + t the words t and t + 4 of rows g and g + 8 of A
 * and of column g of B.
 *
 * A work-group computes one TILE x TILE tile of C, 16 words of terms (a step) at a time through local memory, and
 * its warps, two rows of them, TILE/2 x 32 of it each. A lane is a row of A' or a column of B'. An operand is staged
 * as it lies in memory, elements of 32 or 16 bits in chunks of 16 bytes:
 *
 *     terms are neighbours (A as is, B transposed)       lanes are neighbours (A transposed, B as is)
 *
 *     [TILE lanes][STEP terms], chunk c of lane r        [STEP terms][TILE lanes], eight lanes c of term r
 *     at c ^ (r / 2) % 4                                 at c ^ r % 4 (tf32) or r % 8 (bfloat16)
 *
 *        words   0..3 4..7 8..11 12..15
 *       lane 0 |  c0   c1   c2   c3  |                      lanes   0..7 8..15 16..23 24..31
 *            1 |  c0   c1   c2   c3  | 128 bytes         term 0 |    c0   c1    c2     c3   ...
 *            2 |  c1   c0   c3   c2  |                        1 |    c1   c0    c3     c2   ...
 *            3 |  c1   c0   c3   c2  | 128 bytes              2 |    c2   c3    c0     c1   ...
 *            4 |  c2   c3   c0   c1  |  ...                   3 |    c3   c2    c1     c0   ...
 *
 * Eight rows of a matrix that ldmatrix reads, one chunk each, then lie in all 32 banks: on the left eight lanes, on the
 * right (bfloat16, transposed on the way) eight terms. Words of tf32 cannot be transposed by ldmatrix: 32 items read
 * one each, terms t of eight lanes, from 32 banks as well. Which operand lies how is an option, not an argument
 * (-DA_TERMS, -DB_TERMS), since every address in the inner loop follows from it.
 *
 * How a step comes to local memory depends on the precision, for what is copied there without passing registers
 * (cp.async) is float32 still:
 *
 *     tf32        copied two steps ahead into three buffers, and rounded by every warp as it reads
 *     bfloat16    fetched into registers one step ahead, rounded, and stored in the other of two buffers: staged as
 *                 float32 it would take twice the local memory, and every warp would read twice as much of it as a
 *                 matrix unit has time for
 *
 *     matmul_tensor_128   256 work-items, 48 KB of local memory (tf32) or 32 KB: large products
 *     matmul_tensor_64    128 work-items, 24 KB or 16 KB: when 128-tiles would leave compute units idle
 *
 * Either takes one barrier a step. A second loop does the same for what is no whole step of fours of floats: the
 * last terms, and operands whose rows do not begin on 16-byte boundaries, copied or fetched a float at a time. What
 * does not exist is zero there.
 *
 * Split-K, bands of tiles and geometry are those of matmul_gpu.cl, whose `matmul_add_slices` adds the slices.
 *
 * Limits: sizes below 2^31, row strides below 2^24; warps of 32. No atomics: results are the same on every run.
 * Tolerance: 1e-4 against rounded operands; matrix units cut off bits when they align products to add them. */

/* Terms in a step of 16 words. */
#define STEP (16 * TERMS)

#include "matrix_unit.cl"

#include "matmul_tile.cl"

/* What is staged of an operand: floats that are not rounded yet, or bfloat16. */
#if PRECISION == 1
typedef float Element;
#define BUFFERS 3
#else
typedef ushort Element;
#define BUFFERS 2
#endif

/* Keeps the compiler from holding what it can work out of the item's number in registers, of which the sums and what is
 * on its way need nearly all: it must take the number for a new one. */
#if MMA_PTX
#define FORGET(item) __asm volatile("" : "+r"(item))
#else
#define FORGET(item)
#endif

/* MARK: Staging */

/* Elements in 16 bytes. */
#define CHUNK (4 * TERMS)

/* Where an element is staged: number `at` in row `row`, rows being lanes where terms are neighbours (`terms`) and terms
 * otherwise. */
INLINE uint place_of(uint row, uint at, const uint tile, const int terms) {
  return terms ? row * STEP + (at ^ row / 2 % 4 * CHUNK) : row * tile + (at ^ row % CHUNK * 8);
}

/* A step is brought in fours of neighbours, so many an item. */
#define FOURS (STEP / 8)

/* The `i`th four of an item where `count` terms are left: where it comes from, how many of it exist, and where it is
 * staged. In a whole step, lanes beyond the last one are the last ones again: what comes of them is never stored. */
typedef struct {
  __global const float *from;
  int count;
  uint to;
} Four;

INLINE Four four_of(
    const Operand *operand, int count, uint item, const uint i, const uint tile, const int terms,
    const int isWhole) {
  FORGET(item);
  /* Fours in a row, and rows that the group takes at a time, of which so many are staged in the same order. */
  const uint width = (terms ? STEP : tile) / 4, rows = 2 * tile / width;
  const int row = item / width, at = item % width * 4, next = row + (int)(i * rows);
  Four four;
  four.from = operand->source + (terms ? min(next, operand->last) * operand->stride + at
                                       : next * operand->stride + (isWhole ? min(at, operand->last - 3) : at));
  four.count = isWhole ? 4 : terms ? count - at : next < count ? operand->last + 1 - at : 0;
  four.to = place_of(row, at, tile, terms) + i * rows * width * 4;
  return four;
}

#if PRECISION == 1
/* Item `item` copies its part of a step. */
INLINE void copy_step(
    const Operand *operand, int count, uint item, const uint tile, const int terms, const int isWhole,
    __local Element *staged) {
#pragma unroll
  for (uint i = 0; i < FOURS; i++) {
    const Four four = four_of(operand, count, item, i, tile, terms, isWhole);
    copy_floats(four.from, four.count, isWhole || operand->aligned, staged + four.to);
  }
}
#else
/* Item `item` fetches its part of a step. */
INLINE void fetch(
    const Operand *operand, int count, uint item, const uint tile, const int terms, const int isWhole,
    float4 *carried) {
#pragma unroll
  for (uint i = 0; i < FOURS; i++) {
    const Four four = four_of(operand, count, item, i, tile, terms, isWhole);
    carried[i] = read_floats(four.from, four.count, isWhole || operand->aligned);
  }
}

/* Puts what `fetch` brought into local memory, rounded. */
INLINE void stage(
    const Operand *operand, const float4 *carried, uint item, const uint tile, const int terms,
    __local Element *staged) {
#pragma unroll
  for (uint i = 0; i < FOURS; i++) {
    const float4 x = carried[i];
    *(__local uint2 *)(staged + four_of(operand, 0, item, i, tile, terms, 1).to) =
        (uint2)(word_of(x.s0, x.s1), word_of(x.s2, x.s3));
  }
}
#endif

/* The item's words of 16 lanes from `lane` on and 8 words of terms, half `part` of a step: A of an instruction
 * (`left`), or b0 and b1 of two blocks of columns, one after the other. */
INLINE void read_block(
    __local const Element *staged, uint lane, const uint part, uint item, const uint tile, const int terms,
    const int left, uint word[4]) {
  /* The lane and the word that matrix i of four begins with. */
#define LANE(i) (lane + (left ? (i) % 2 : (i) / 2) * 8)
#define WORD(i) (8 * part + (left ? (i) / 2 : (i) % 2) * 4)
#define ROW_OF_LANES(i, row) (staged + place_of(LANE(i) + (row), WORD(i) * TERMS, tile, 1))
#define ROW_OF_TERMS(i, row) (staged + place_of(WORD(i) * TERMS + (row), LANE(i), tile, 0))
  if (terms) {
    LOAD_MATRICES(word, item, ROW_OF_LANES);
  } else if (TERMS == 2) {
    LOAD_MATRICES_TRANSPOSED(word, item, ROW_OF_TERMS);
  } else {
#pragma unroll
    for (uint i = 0; i < 4; i++)
      word[i] = *(__local const uint *)(ROW_OF_TERMS(i, item % 4) + item % 32 / 4);
  }
#if PRECISION == 1
#pragma unroll
  for (uint i = 0; i < 4; i++) word[i] = word_of(as_float(word[i]), 0.0f);
#endif
}

/* MARK: One tile */

/* Loops around the instruction are unrolled where it is one; where it is emulated, compiling them takes long. */
#if MMA_PTX
#define UNROLLED 8
#else
#define UNROLLED 1
#endif

/* A warp owns blocks of 16 rows, tile / 32 of them, and of 8 columns. */
#define COLUMN_BLOCKS 4
typedef float Sums[4][COLUMN_BLOCKS][4];
#define STAGED(tile) (BUFFERS * STEP * (tile))
#define SHOWN shown,

/* Adds half a step, one instruction a block, to what the warp owns. */
INLINE void multiply_part(
    __local const Element *rows, __local const Element *columns, const uint part, uint item,
    const uint tile, Sums sum, __local uint *shown) {
#if PRECISION == 2
  /* Fetched operands are on their way meanwhile. */
  FORGET(item);
#endif
  /* Two rows of warps, tile / 32 in each. */
  const uint row = item / tile * (tile / 2), column = item % tile / 32 * 32;
  uint right[COLUMN_BLOCKS / 2][4];
#pragma unroll
  for (uint j = 0; j < COLUMN_BLOCKS / 2; j++)
    read_block(columns, column + 16 * j, part, item, tile, B_TERMS, 0, right[j]);
#pragma unroll UNROLLED
  for (uint i = 0; i < tile / 32; i++) {
    uint left[4];
    read_block(rows, row + 16 * i, part, item, tile, A_TERMS, 1, left);
#pragma unroll UNROLLED
    for (uint j = 0; j < COLUMN_BLOCKS; j++)
      MMA(sum[i][j], left[0], left[1], left[2], left[3], right[j / 2][j % 2 * 2],
          right[j / 2][j % 2 * 2 + 1], shown);
  }
}

/* Adds the next `count` terms of a and b to what the warp owns: whole steps, or what cannot be read as such. Nobody
 * uses local memory when an item comes here. */
INLINE void multiply_steps(
    Operand *a, Operand *b, int count, __local Element *stagedA, __local Element *stagedB,
    __local uint *shown, const uint tile, const int isWhole, Sums sum) {
  const uint item = get_local_id(0), size = STEP * tile;
#if PRECISION == 1
  /* A group of copies a step, and empty ones behind the last: as many are on their way at every step. */
#pragma unroll 1
  for (int ahead = 0; ahead < 2; ahead++) {
    if (count > ahead * STEP) {
      copy_step(a, count - ahead * STEP, item, tile, A_TERMS, isWhole, stagedA + ahead * size);
      copy_step(b, count - ahead * STEP, item, tile, B_TERMS, isWhole, stagedB + ahead * size);
      advance(a, A_TERMS);
      advance(b, B_TERMS);
    }
    COMMIT_COPIES();
  }
  for (uint buffer = 0; count > 0; count -= STEP) {
    /* One barrier a step: whoever passes it has what all copied of this step, and all have finished with the last. */
    AWAIT_COPIES(1);
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint free = buffer == 0 ? 2 : buffer - 1;
    if (count > 2 * STEP) {
      copy_step(a, count - 2 * STEP, item, tile, A_TERMS, isWhole, stagedA + free * size);
      copy_step(b, count - 2 * STEP, item, tile, B_TERMS, isWhole, stagedB + free * size);
      advance(a, A_TERMS);
      advance(b, B_TERMS);
    }
    COMMIT_COPIES();
    __local const Element *rows = stagedA + buffer * size, *columns = stagedB + buffer * size;
    multiply_part(rows, columns, 0, item, tile, sum, shown);
    multiply_part(rows, columns, 1, item, tile, sum, shown);
    buffer = buffer == 2 ? 0 : buffer + 1;
  }
#else
  float4 carriedA[FOURS], carriedB[FOURS];
  fetch(a, count, item, tile, A_TERMS, isWhole, carriedA);
  stage(a, carriedA, item, tile, A_TERMS, stagedA);
  fetch(b, count, item, tile, B_TERMS, isWhole, carriedB);
  stage(b, carriedB, item, tile, B_TERMS, stagedB);
  for (uint buffer = 0; count > 0; buffer ^= 1) {
    /* One barrier a step: whoever passes it has finished with the other buffer and staged this one. The operands travel
     * one after the other, in the same registers. Behind the last step travels what nobody reads: zeros, or the last
     * whole step again. */
    barrier(CLK_LOCAL_MEM_FENCE);
    __local const Element *rows = stagedA + buffer * size, *columns = stagedB + buffer * size;
    __local Element *nextRows = stagedA + (buffer ^ 1) * size, *nextColumns = stagedB + (buffer ^ 1) * size;
    count -= STEP;
    if (!isWhole || count > 0) {
      advance(a, A_TERMS);
      advance(b, B_TERMS);
    }
    fetch(a, count, item, tile, A_TERMS, isWhole, carriedA);
    multiply_part(rows, columns, 0, item, tile, sum, shown);
    stage(a, carriedA, item, tile, A_TERMS, nextRows);
    fetch(b, count, item, tile, B_TERMS, isWhole, carriedB);
    multiply_part(rows, columns, 1, item, tile, sum, shown);
    stage(b, carriedB, item, tile, B_TERMS, nextColumns);
  }
  if (isWhole) {
    advance(a, A_TERMS);
    advance(b, B_TERMS);
  }
#endif
}

/* sum = the warp's part of the tile whose operands are a and b, over `count` terms. */
INLINE void multiply_tile(
    Operand a, Operand b, int count, __local Element *stagedA, __local Element *stagedB,
    __local uint *shown, const uint tile, Sums sum) {
#pragma unroll
  for (uint i = 0; i < tile / 32; i++)
#pragma unroll
    for (uint j = 0; j < COLUMN_BLOCKS; j++)
#pragma unroll
      for (uint e = 0; e < 4; e++) sum[i][j][e] = 0.0f;
  if (a.isWhole && b.isWhole && count >= STEP) {
    multiply_steps(&a, &b, count / STEP * STEP, stagedA, stagedB, shown, tile, 1, sum);
    count %= STEP;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (count > 0) multiply_steps(&a, &b, count, stagedA, stagedB, shown, tile, 0, sum);
}

/* Writes the warp's part of the tile at (row, column) of C, with the epilogue. */
INLINE void store_sums(
    Sums sum, __global float *c, int cStride, __global const float *bias,
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

DEFINE_KERNEL(matmul_tensor, 128)
DEFINE_KERNEL(matmul_tensor, 64)
