/* Masked attention, forward and backward, on matrix units (see matrix_unit.cl): the products' operands are
 * rounded to tf32 (-DPRECISION=1) or bfloat16 (2), all else is float32. Per head and sequence, over the keys j
 * that query i sees, firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * Q, K, V and dO are rounded as they are staged, P and dS as they enter a product.
 *
 * A work-group owns ROWS positions of one head, 16 ROW_BLOCKS a warp (queries in `attention_forward` and
 * `attention_query_gradient`, keys in `attention_key_value_gradient`), and walks over the other side's, so many
 * at a time. Everything lies in local memory as rows of words along the head, [row][PITCH], and every product is
 * of one of two kinds:
 *
 *     scores = own rows . other rows (terms: the head)        result += scores . other rows (terms: positions)
 *
 *               words t, t + 4 of 8                               positions of two blocks of scores, 16 j + 4 t + ...
 *             +---------------------+                                 +-------+-------+
 *       2 g   | a0       a2         |                           2 g   | 0 1   |   2 3 |   C of the scores is A
 *     2 g + 1 | a1       a3         |                         2 g + 1 | 0 1   |   2 3 |   of the next product
 *             +---------------------+                                 +-------+-------+
 *         B: row 16 j + 4 (g / 2) + g % 2 (+ 2) of the            B: rows 16 j + 4 t + ..., columns 4 g + e of 32
 *            others, same words                                      (tf32) or 8 e + g (bfloat16)
 *
 * A sum may be taken in any order as long as both operands agree, and rows and columns of a result may be any. So
 * scores never leave their registers: positions 0 and 1 of a block are the two words (tf32) or the two halves of one
 * word (bfloat16, the next block the other word) that A wants of item t. For instruction e = 0 ..< 4 an item has B by
 * one read of 16 bytes of each of two rows (tf32), or by ldmatrix, which pairs the halves of two rows on the way. Of
 * scores an item has two neighbouring rows and four neighbouring columns in sixteen: as many keys as a block of draws
 * has, and 5 distances for 8 scores.
 *
 * Rows are staged with their words turned by `turn_of`: chunks that are read together, the same of rows 0 2 4 ... 14 or
 * 1 3 ... 15, of rows 0 1 4 5 8 9 12 13 or those two further on, or (tf32) two of rows 0 4 8 12, lie in all banks.
 *
 *     words of a head     ROWS    items    positions at a time    local memory        (a word: 1 term of tf32,
 *                                          forward   backward                          2 of bfloat16)
 *      16, 32               64      128       64        32        24 KB
 *      48, 64               64      128       32        32        32 KB, 48 KB
 *      96                   32       64       32        32        36 KB, 48 KB
 *     128                   32       64       32        16        48 KB
 *     with position scores:                                       backward, with sums of 63 buckets
 *      16, 32               64      128       64        32        41 KB               (32 rows: 128 buckets)
 *      48, 64               32       64       32        32        40 KB               (16 at a time: heads above 64)
 *      96                   32       64       32        16        44 KB
 *     with ROW_BLOCKS=2, for long sequences without position scores or dropout:
 *      16, 32              128      128       64        32        40 KB
 *
 * What a warp reads of the other side it multiplies by all of its rows: of 32 it needs half as much of local memory as
 * of 16, at the price of twice the sums, for which there are registers (two groups to a multiprocessor) where rows are
 * of 32 words at most (of bfloat16 heads of 64 only from sm_90 on).
 *
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022) in powers of two: what scores are scaled by carries
 * log2(e), and is multiplied in as the maximum is subtracted. Positions that no row of the group sees are skipped at
 * both ends, on cards and without position scores also those that no row of a warp sees; tiles that all rows of a warp
 * see whole are not masked.
 *
 * Position scores (see attention_terms.cl) are read from global memory, where neighbours share cache lines, into the
 * sums that q.k is then added to: before the products, when registers are free. For their gradients a tile of dS
 * goes to local memory, over the positions that it came of, and is added up there (see attention_group.cl).
 *
 * Geometry: global size (tiles of ROWS x items, heads, sequences). No two groups write the same element, so there
 * are no atomics and the order of every sum is a function of the shape, the ranges and the build options.
 * Limits: a positive scale; the build option HEAD, the head dimension, is 32, 64, 96 or 128; -DALIGNED=1 where every row
 * of every matrix of heads begins at 16 bytes. Other heads, and sums by bucket for which local memory has no room beside
 * the tiles (any beside 128 words; in tf32 more than 94 of heads of 96, 126 of 64), are attention_gpu.cl's, which rounds
 * Q, K, V and dO alike. Memory: O(T).
 * Tolerance: P and dS are off by at most 2^-11 (tf32) or 2^-8 (bfloat16) of themselves, hence any sum over them by
 * as much of the sum of absolute values: 5e-4 and 4e-3. (Backward meets the error of out once more, in do.out; signs
 * differ, and what is seen is a tenth of the bound. Sums by bucket take dS as it is.)
 * Source: Dao 2023, FlashAttention-2, for scores that stay in registers. */
#include "matrix_unit.cl"

#if !POSITIONS
#define BUCKETS 0
#elif ROW_BLOCKS > 1
#error "position scores are of a warp's first 16 rows only"
#endif
#ifndef HEAD
#define HEAD 64
#endif
/* Words of a row, and from one row to the next in local memory. */
#define WORDS (HEAD / TERMS)
#define PITCH ((WORDS + 31) / 32 * 32)
/* Blocks of 16 rows that a warp owns. */
#ifndef ROW_BLOCKS
#define ROW_BLOCKS 1
#endif
/* Positions a group owns, and positions of the other side at a time, forward and backward. */
#define ROWS ((PITCH > (POSITIONS ? 32 : 64) || BUCKETS > 96 ? 32 : 64) * ROW_BLOCKS)
#define KEYS (PITCH > 32 ? 32 : 64)
#define OTHERS (PITCH > 96 || (POSITIONS && HEAD > 64) ? 16 : 32)
#define ITEMS (2 * ROWS / ROW_BLOCKS)

/* Each row turned by its number: the items that sum along rows then read from as many banks. */
#define GRADIENT_PLACE(row, n) ((row) * OTHERS + ((row) + (n)) % OTHERS)
#include "attention_group.cl"

/* Loops are unrolled where the instruction is one; where it is put together with barriers, compiling them would take
 * long. */
#if MMA_PTX
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("unroll 1")
#endif

/* Keeps the compiler from holding addresses that it can work out of the item's number in registers, of which the
 * sums need most: it must take the number for a new one. */
#if MMA_PTX
#define FORGET(item) __asm volatile("" : "+r"(item))
#else
#define FORGET(item)
#endif

#if ALIGNED
#define READ4(from) (*(__global const float4 *)(from))
#define WRITE4(value, to) (*(__global float4 *)(to) = (value))
#define WRITE2(value, to) (*(__global float2 *)(to) = (value))
#else
#define READ4(from) vload4(0, from)
#define WRITE4(value, to) vstore4(value, 0, to)
#define WRITE2(value, to) vstore2(value, 0, to)
#endif

/* MARK: Pieces */

/* 2^x; 0 for minus infinity. */
INLINE float power(float x) {
#if MMA_PTX
  float y;
  __asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return exp2(x);
#endif
}

/* What the numbers of a row's words are turned by. Where compilers see rows 4 t they make a reversal of bits of the
 * formula, which Oclgrind does not know: elsewhere than on cards the same is read from a table. */
INLINE uint turn_of(uint row) {
#if MMA_PTX
  return (row ^ row >> 1 ^ row >> 2) % 2 * 16 ^ (row & 12);
#else
  return (0xD77D8228u >> row % 16 * 2) % 4 * 8 ^ (row & 4);
#endif
}

/* Where word `word` + `words` of row `row` + `rows` is staged: a part that is the item's, `word` below 32, and one
 * that is constant, without a bit in common. Turns are exclusive ors, so that what is constant stays it. */
INLINE uint place_of(uint row, const uint rows, uint word, const uint words) {
  const uint turn = words ^ turn_of(rows);
  return row * PITCH + (word ^ turn_of(row) ^ turn % 32) + (rows * PITCH + turn / 32 * 32);
}

/* The first of the two rows that the item has of its warp's first sixteen. */
INLINE int row_of(int item) { return item / 32 * (16 * ROW_BLOCKS) + item % 32 / 4 * 2; }

/* The column of a tile that item t of a row has in block j, place i % 2. */
INLINE int column_of(const int j, int t, const int i) { return 16 * (j / 2) + 4 * t + 2 * (j % 2) + i % 2; }

/* Puts `count` rows into local memory, rounded; those from `valid` on, of which there is one at least, are zero. No load
 * is conditional, so that four are on their way before the first is waited for. */
INLINE void stage_rows(
    __global const float *rows, int stride, int valid, const uint count, __local uint *staged) {
  uint item = get_local_id(0);
  FORGET(item);
#pragma unroll 4
  for (uint i = 0; i < count * WORDS / 4 / ITEMS; i++) {
    const uint index = item + i * ITEMS, row = index / (WORDS / 4), word = index % (WORDS / 4) * 4;
    __global const float *from = rows + (min((int)row, valid - 1) * stride + (int)word * TERMS);
    const float4 x = READ4(from);
#if PRECISION == 1
    uint4 words = (uint4)(word_of(x.s0, 0.0f), word_of(x.s1, 0.0f), word_of(x.s2, 0.0f), word_of(x.s3, 0.0f));
#else
    const float4 y = READ4(from + 4);
    uint4 words = (uint4)(word_of(x.s0, x.s1), word_of(x.s2, x.s3), word_of(y.s0, y.s1), word_of(y.s2, y.s3));
#endif
    *(__local uint4 *)(staged + place_of(row, 0, word % 32, 0) + word / 32 * 32) =
        (int)row < valid ? words : (uint4)(0);
  }
}

/* Asks for the rows behind `count` of `valid` ones, as many, of two matrices, from the second-level cache into the first:
 * they are staged next. */
INLINE void ask_for_next(
    __global const float *rows, int stride, __global const float *others, int otherStride, int valid,
    const uint count) {
#if MMA_PTX
  uint item = get_local_id(0);
  FORGET(item);
  /* An item asks for 128 bytes. */
  const uint lines = count * HEAD / 32;
  UNROLL
  for (uint i = 0; i < 2 * lines; i += ITEMS) {
    const uint index = (item + i) % lines, row = index / (HEAD / 32) + count, isOther = (item + i) / lines;
    if (isOther < 2 && (int)row < valid)
      __asm volatile("prefetch.global.L1 [%0];"
                     :
                     : "l"((isOther ? others : rows) +
                           ((int)row * (isOther ? otherStride : stride) + (int)(index % (HEAD / 32) * 32))));
  }
#endif
}

/* sum[r][j] += the warp's 16 rows of block r of `own` times eight rows of `others`, those of block j, for `blocks` of
 * them. */
INLINE void multiply_rows(
    __local const uint *own, __local const uint *others, const uint blocks, float (*sum)[4],
    __local uint *shown) {
  uint item = get_local_id(0);
#define OWN_AT(i, row)                                                                                      \
  (own + place_of(item / 32 * (16 * ROW_BLOCKS) + 2 * (row) + (i) % 2, 16 * r, (i) / 2 * 4, word))
#define OTHER_AT(i, row)                                                                                    \
  (others + place_of(column_of(0, (row) / 2, (row) % 2) + (i) / 2 * 2, column_of(j, 0, 0), (i) % 2 * 4, word))
  UNROLL
  for (uint word = 0; word < WORDS; word += 8) {
    FORGET(item);
    uint left[ROW_BLOCKS][4];
    UNROLL
    for (uint r = 0; r < ROW_BLOCKS; r++) LOAD_MATRICES(left[r], item, OWN_AT);
    UNROLL
    for (uint j = 0; j < blocks; j += 2) {
      uint right[4];
      LOAD_MATRICES(right, item, OTHER_AT);
      UNROLL
      for (uint r = 0; r < ROW_BLOCKS; r++)
        UNROLL
        for (uint c = 0; c < 2; c++)
          MMA(sum[r * blocks + j + c], left[r][0], left[r][1], left[r][2], left[r][3], right[2 * c],
              right[2 * c + 1], shown);
    }
  }
}

/* result[r] += scores[r], `blocks` of them, times the rows of `others`. */
INLINE void add_weighted_rows(
    float (*score)[4], __local const uint *others, const uint blocks, float result[ROW_BLOCKS][HEAD / 32][4][4],
    __local uint *shown) {
  uint item = get_local_id(0);
  FORGET(item);
  UNROLL
  for (uint part = 0; part < blocks / TERMS; part++) {
    uint a[ROW_BLOCKS][4];
    UNROLL
    for (uint r = 0; r < ROW_BLOCKS; r++) {
      float(*own)[4] = score + r * blocks + TERMS * part;
      UNROLL
      for (int i = 0; i < 4; i++)
#if PRECISION == 1
        a[r][i] = word_of(own[0][i % 2 * 2 + i / 2], 0.0f);
#else
        a[r][i] = word_of(own[i / 2][i % 2 * 2], own[i / 2][i % 2 * 2 + 1]);
#endif
    }
    UNROLL
    for (uint n = 0; n < HEAD / 32; n++) {
#if PRECISION == 1
      /* Columns 32 n + 4 g + e of two rows. */
      const uint g = item % 32 / 4, row = column_of(0, item % 4, 0), rows = column_of(part, 0, 0);
      uint x[4], y[4];
      vstore4(*(__local const uint4 *)(others + place_of(row, rows, 4 * g, 32 * n)), 0, x);
      vstore4(*(__local const uint4 *)(others + place_of(row, rows + 1, 4 * g, 32 * n)), 0, y);
      UNROLL
      for (uint e = 0; e < 4; e++)
        UNROLL
        for (uint r = 0; r < ROW_BLOCKS; r++)
          MMA(result[r][n][e], a[r][0], a[r][1], a[r][2], a[r][3], x[e], y[e], shown);
#else
      /* Columns 32 n + 8 e + g: a row of a matrix is eight of them, of position 16 part + 4 (row / 2) + row % 2, or two
       * further on. */
#define POSITION_AT(i, row)                                                                                 \
  (others + place_of(4 * ((row) / 2) + (row) % 2 + (i) % 2 * 2, 16 * part, (i) / 2 * 4, 16 * n + 4 * e))
      UNROLL
      for (uint e = 0; e < 4; e += 2) {
        uint b[4];
        LOAD_MATRICES_TRANSPOSED(b, item, POSITION_AT);
        UNROLL
        for (uint c = 0; c < 2; c++)
          UNROLL
          for (uint r = 0; r < ROW_BLOCKS; r++)
            MMA(result[r][n][e + c], a[r][0], a[r][1], a[r][2], a[r][3], b[2 * c], b[2 * c + 1], shown);
      }
#endif
    }
  }
}

/* Writes factor * the item's part of the result to the rows that exist. */
INLINE void store_rows(
    float result[HEAD / 32][4][4], float upper, float lower, int valid, __global float *rows, int stride) {
  const int item = get_local_id(0), t = item % 4, row = row_of(item);
  UNROLL
  for (int h = 0; h < 2; h++) {
    const float factor = h ? lower : upper;
    if (row + h < valid) {
      __global float *to = rows + ((row + h) * stride + (PRECISION == 1 ? 8 : 2) * t);
      UNROLL
      for (int n = 0; n < HEAD / 32; n++) {
#if PRECISION == 1
        UNROLL
        for (int i = 2 * h; i < 2 * h + 2; i++)
          WRITE4(
              factor * (float4)(result[n][0][i], result[n][1][i], result[n][2][i], result[n][3][i]),
              to + 32 * n + 4 * (i % 2));
#else
        UNROLL
        for (int e = 0; e < 4; e++)
          WRITE2(factor * (float2)(result[n][e][2 * h], result[n][e][2 * h + 1]), to + 32 * n + 8 * e);
#endif
      }
    }
  }
}

/* The largest, and the sum, of the four items that share rows. */
INLINE float row_maximum(float x, __local uint *shown) {
  UNROLL
  for (int mask = 1; mask < 4; mask *= 2) x = fmax(x, exchanged(x, mask, shown));
  return x;
}

INLINE float row_sum(float x, __local uint *shown) {
  UNROLL
  for (int mask = 1; mask < 4; mask *= 2) x += exchanged(x, mask, shown);
  return x;
}

INLINE int is_in(int position, int2 range) { return position >= range.s0 && position < range.s1; }

/* score = hidden where the key, the first of all at `start`, is out of the query's sight. */
INLINE void hide(float (*score)[4], const int blocks, int start, const int2 seen[2], float hidden) {
  const int t = get_local_id(0) % 4;
  UNROLL
  for (int j = 0; j < blocks; j++)
    UNROLL
    for (int i = 0; i < 4; i++)
      if (!is_in(start + column_of(j, t, i), seen[i / 2])) score[j][i] = hidden;
}

/* What several rows see: from s0 to s1 the smallest interval that holds all of it, from s2 to s3 the positions that all
 * of them see. Of two such: */
INLINE int4 joined(int4 x, int4 y) {
  return (int4)(min(x.s0, y.s0), max(x.s1, y.s1), max(x.s2, y.s2), min(x.s3, y.s3));
}

/* Of an item and the one whose number differs in the bits of `mask`. */
INLINE int4 joined_with(int4 x, const int mask, __local uint *shown) {
  int other[4];
  vstore4(x, 0, other);
  UNROLL
  for (int i = 0; i < 4; i++) other[i] = as_int(exchanged(as_float(other[i]), mask, shown));
  return joined(x, vload4(0, other));
}

/* Of all warps; `scratch` is free again after the next barrier. */
INLINE int4 joined_in_group(int4 x, __local int *scratch) {
  const int item = get_local_id(0);
  if (item % 32 == 0) vstore4(x, item / 32, scratch);
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL
  for (int warp = 0; warp < ITEMS / 32; warp++) x = joined(x, vload4(warp, scratch));
  return x;
}

/* What the queries of the warp see; those that do not exist see none, and do not count. */
INLINE int4 reach(const int2 seen[ROW_BLOCKS][2], int valid, __local uint *shown) {
  int4 reach = (int4)(INT_MAX, 0, 0, INT_MAX);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int2 range = seen[r][h];
      if (row_of(get_local_id(0)) + 16 * r + h < valid)
        reach = joined(
            reach, range.s0 < range.s1 ? (int4)(range, range) : (int4)(INT_MAX, 0, range));
    }
  UNROLL
  for (int mask = 4; mask < 32; mask *= 2) reach = joined_with(reach, mask, shown);
  return reach;
}

/* Whether the warp has nothing to do with `count` positions from `start` on. All of a group must come to barriers: those
 * of an emulated instruction, and backward those of sums by bucket. */
#if MMA_PTX && !POSITIONS
#define IS_OUT_OF(range, start, count) ((start) >= (range).s1 || (start) + (count) <= (range).s0)
#else
#define IS_OUT_OF(range, start, count) 0
#endif

/* MARK: Position scores and dropout */

#if POSITIONS
/* score += what the distances of the item's rows and columns add. The rows are queries where `sign` is 1, and keys
 * where it is -1; the first of a tile's columns lies `distance` behind the item's first row. Of what does not exist
 * the nearest is taken, for nobody to look at. The item's 2 rows and 4 columns have 5 distances. */
INLINE void add_position_scores(
    float (*score)[4], const int blocks, __global const float *own, int ownStride, int ownValid,
    __global const float *others, int otherStride, int otherValid, __global const int *buckets, int distance,
    int lastDistance, const int sign) {
  int item = get_local_id(0);
  FORGET(item);
  const int t = item % 4, row = row_of(item);
  UNROLL
  for (int j = 0; j < blocks; j += 2) {
    const int column = column_of(j, t, 0);
    int bucket[5];
    UNROLL
    for (int d = 0; d < 5; d++)
      bucket[d] = buckets[clamp(distance + sign * (row - column + d - 3), 0, lastDistance)];
    UNROLL
    for (int c = 0; c < 4; c++) {
      UNROLL
      for (int h = 0; h < 2; h++)
        score[j + c / 2][2 * h + c % 2] += own[min(row + h, ownValid - 1) * ownStride + bucket[h - c + 3]] +
                                           others[min(column + c, otherValid - 1) * otherStride + bucket[h - c + 3]];
    }
  }
}

/* Adds a tile of gradients of scores to the sums of the rows; `tile` is where they can lie meanwhile. */
INLINE void add_gradients(
    float (*gradient)[4], __local uint *tile, __global const int *buckets, int place, const int sign, int rows,
    int count, __local float *sums) {
  int item = get_local_id(0);
  FORGET(item);
  const int t = item % 4, row = row_of(item);
  __local float *gradients = (__local float *)tile;
  barrier(CLK_LOCAL_MEM_FENCE);
  UNROLL
  for (int j = 0; j < OTHERS / 8; j++)
    UNROLL
    for (int i = 0; i < 4; i++) gradients[GRADIENT_PLACE(row + i / 2, column_of(j, t, i))] = gradient[j][i];
  barrier(CLK_LOCAL_MEM_FENCE);
  sum_by_bucket(item, gradients, buckets, place, sign, rows, count, sums);
}
#endif

#if DROPOUT
/* x *= m, for the item's two queries from `query` on. Its keys are four neighbours, so that each block is its own. */
INLINE void drop(float (*x)[4], const int blocks, int query, int start, uint row, DRAW_PARAMETERS) {
  FORGET(keyLow);
  FORGET(keyHigh);
  const int t = get_local_id(0) % 4;
  UNROLL
  for (int j = 0; j < blocks; j += 2)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int key = start + column_of(j, t, 0);
      const uint4 draws = draws_of(query + h, key / 4, row, keyLow, keyHigh, step, purpose);
      x[j][2 * h] *= factor_of(draws.s0, probability);
      x[j][2 * h + 1] *= factor_of(draws.s1, probability);
      x[j + 1][2 * h] *= factor_of(draws.s2, probability);
      x[j + 1][2 * h + 1] *= factor_of(draws.s3, probability);
    }
}

/* m of the item's two keys from `key` on and its four queries from `query` on. The other half of a block belongs to
 * the item four places on or back: each makes the blocks of two queries, and they give each other halves. */
INLINE void draw_for_keys(float m[2][4], int key, int query, uint row, DRAW_PARAMETERS, __local uint *shown) {
  FORGET(keyLow);
  FORGET(keyHigh);
  const int isUpper = key % 4 / 2;
  UNROLL
  for (int c = 0; c < 2; c++) {
    const uint4 draws = draws_of(query + 2 * isUpper + c, key / 4, row, keyLow, keyHigh, step, purpose);
    UNROLL
    for (int h = 0; h < 2; h++) {
      const uint lower = h ? draws.s1 : draws.s0, upper = h ? draws.s3 : draws.s2;
      const float mine = factor_of(isUpper ? upper : lower, probability);
      const float given = exchanged(factor_of(isUpper ? lower : upper, probability), 4, shown);
      m[0][2 * h + c] = isUpper ? given : mine;
      m[1][2 * h + c] = isUpper ? mine : given;
    }
  }
}
#endif

/* MARK: Forward */

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, POSITION_ARGUMENTS, DROPOUT_ARGUMENTS,
    int headDimension, int queryLength, int keyLength, float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint keys[KEYS * PITCH] __attribute__((aligned(16)));
  __local uint values[KEYS * PITCH] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  /* The last queries see most under a causal mask: they begin first. */
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_group_id(1), heads = get_num_groups(1);
  const int item = get_local_id(0), t = item % 4, own = row_of(item);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
#if POSITIONS
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
#endif

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  float result[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  int2 seen[ROW_BLOCKS][2];
  float maximum[ROW_BLOCKS][2], sum[ROW_BLOCKS][2];
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      seen[r][h] = interval(keyRanges, own + 16 * r + h, valid);
      maximum[r][h] = -INFINITY;
      sum[r][h] = 0.0f;
    }
  const int4 range = reach(seen, valid, shown), all = joined_in_group(range, (__local int *)keys);
  const float factor = scale * LOG2_E;

  /* From a multiple of four on, as keys share their draws. */
  for (int start = min(all.s0, all.s1) & ~3; start < all.s1; start += KEYS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, KEYS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, KEYS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    ask_for_next(
        key + (long)start * keyStride, keyStride, value + (long)start * valueStride, valueStride, count, KEYS);
    if (IS_OUT_OF(range, start, KEYS)) continue;
    float scores[ROW_BLOCKS * (KEYS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, KEYS / 8, queryScores, queryScoresStride, valid, keyScores + (long)start * keyScoresStride,
        keyScoresStride, keyLength - start, buckets, first - start + keyLength - 1, queryLength + keyLength - 2, 1);
#endif
    multiply_rows(queries, keys, KEYS / 8, scores, shown);
    UNROLL
    for (int r = 0; r < ROW_BLOCKS; r++) {
      float(*score)[4] = scores + r * (KEYS / 8);
      if (start < range.s2 || start + KEYS > range.s3) hide(score, KEYS / 8, start, seen[r], -INFINITY);
      float highest[2] = {-INFINITY, -INFINITY};
      UNROLL
      for (int j = 0; j < KEYS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++) highest[i / 2] = fmax(highest[i / 2], score[j][i]);
      float shift[2], rescale[2];
      UNROLL
      for (int h = 0; h < 2; h++) {
        highest[h] = fmax(maximum[r][h], row_maximum(highest[h], shown));
        /* A query that has seen no key yet has nothing to shift or rescale. Where the maximum stays the same, rescaling
         * is by 1 exactly: over many tiles anything else would add up. */
        const float raised = highest[h] == -INFINITY ? 0.0f : highest[h];
        shift[h] = raised * factor;
        rescale[h] = power((maximum[r][h] - raised) * factor);
        maximum[r][h] = highest[h];
        sum[r][h] *= rescale[h];
      }
      UNROLL
      for (int j = 0; j < KEYS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++) {
          score[j][i] = power(fma(score[j][i], factor, -shift[i / 2]));
          sum[r][i / 2] += score[j][i];
        }
#if DROPOUT
      drop(score, KEYS / 8, first + own + 16 * r, start, firstRow + sequence * heads + head, DRAWS);
#endif
      UNROLL
      for (int n = 0; n < HEAD / 32; n++)
        UNROLL
        for (int e = 0; e < 4; e++)
          UNROLL
          for (int i = 0; i < 4; i++) result[r][n][e][i] *= rescale[i / 2];
    }
    add_weighted_rows(scores, values, KEYS / 8, result, shown);
  }

  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++) {
    float inverse[2];
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int at = own + 16 * r + h;
      const float total = row_sum(sum[r][h], shown);
      inverse[h] = total > 0.0f ? 1.0f / total : 0.0f;
      if (t == 0 && at < valid)
        logSumExp[logSumExpOffset + (sequence * heads + head) * queryLength + first + at] =
            total == 0.0f ? -INFINITY : fma(maximum[r][h], scale, log(total));
    }
    store_rows(
        result[r], inverse[0], inverse[1], valid - 16 * r,
        output + outputOffset + (row + 16 * r) * outputStride + column, outputStride);
  }
}

/* MARK: Backward */

/* dq, and what the kernel below needs of each query, `[batch, heads, queryLength][4]`: log2(e) logSumExp,
 * do . out, and the bits of firstKey and endKey. Run it first. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_query_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *output, long outputOffset,
    int outputStride, __global const float *logSumExp, long logSumExpOffset,
    __global const float *outputGradient, long outputGradientOffset, int outputGradientStride,
    __global float *queryGradient, long queryGradientOffset, int queryGradientStride,
    __global float *statistics, long statisticsOffset, POSITION_ARGUMENTS, POSITION_GRADIENT_ARGUMENTS,
    DROPOUT_ARGUMENTS, int headDimension, int queryLength, int keyLength, float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint outputGradients[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint others[2 * OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint *keys = others, *values = others + OTHERS * PITCH;
  SHOW_AMONG(ITEMS);
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_group_id(1), heads = get_num_groups(1);
  const int item = get_local_id(0), t = item % 4, own = row_of(item);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength + first;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
  output += outputOffset + row * outputStride + column;
  outputGradient += outputGradientOffset + row * outputGradientStride + column;
#if POSITIONS
  __local float sums[ROWS * BUCKETS];
  queryScores += queryScoresOffset + row * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + sequence * keyLength * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
  clear_sums(sums);
#endif

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  stage_rows(outputGradient, outputGradientStride, valid, ROWS, outputGradients);
  int2 seen[ROW_BLOCKS][2];
  float mean[ROW_BLOCKS][2], shift[ROW_BLOCKS][2];
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    UNROLL
    for (int h = 0; h < 2; h++) {
      const int at = own + 16 * r + h, exists = at < valid;
      seen[r][h] = interval(keyRanges, at, valid);
      shift[r][h] = exists ? logSumExp[logSumExpOffset + statistic + at] * LOG2_E : 0.0f;
      float4 products = (float4)(0.0f);
      if (exists)
        UNROLL
        for (int c = 0; c < HEAD; c += 16)
          products = fma(
              round_operand4(READ4(outputGradient + (long)at * outputGradientStride + c + 4 * t)),
              READ4(output + (long)at * outputStride + c + 4 * t), products);
      mean[r][h] = row_sum(products.s0 + products.s1 + (products.s2 + products.s3), shown);
      if (t == 0 && exists)
        *(__global float4 *)(statistics + statisticsOffset + 4 * (statistic + at)) =
            (float4)(shift[r][h], mean[r][h], as_float(seen[r][h].s0), as_float(seen[r][h].s1));
    }
  float result[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  const int4 range = reach(seen, valid, shown), all = joined_in_group(range, (__local int *)others);
  const float factor = scale * LOG2_E;

  for (int start = min(all.s0, all.s1) & ~3; start < all.s1; start += OTHERS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, OTHERS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, OTHERS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    ask_for_next(
        key + (long)start * keyStride, keyStride, value + (long)start * valueStride, valueStride, count, OTHERS);
    if (IS_OUT_OF(range, start, OTHERS)) continue;
    float scores[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}}, products[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, OTHERS / 8, queryScores, queryScoresStride, valid, keyScores + (long)start * keyScoresStride,
        keyScoresStride, keyLength - start, buckets, first - start + keyLength - 1, queryLength + keyLength - 2, 1);
#endif
    multiply_rows(queries, keys, OTHERS / 8, scores, shown);
    multiply_rows(outputGradients, values, OTHERS / 8, products, shown);
    UNROLL
    for (int r = 0; r < ROW_BLOCKS; r++) {
      float(*score)[4] = scores + r * (OTHERS / 8), (*product)[4] = products + r * (OTHERS / 8);
#if DROPOUT
      drop(product, OTHERS / 8, first + own + 16 * r, start, firstRow + sequence * heads + head, DRAWS);
#endif
      UNROLL
      for (int j = 0; j < OTHERS / 8; j++)
        UNROLL
        for (int i = 0; i < 4; i++)
          score[j][i] = power(fma(score[j][i], factor, -shift[r][i / 2])) * (product[j][i] - mean[r][i / 2]);
      if (start < range.s2 || start + OTHERS > range.s3) hide(score, OTHERS / 8, start, seen[r], 0.0f);
    }
    add_weighted_rows(scores, keys, OTHERS / 8, result, shown);
#if POSITIONS
    add_gradients(scores, others, buckets, first - start + keyLength - 1, 1, valid, min(OTHERS, count), sums);
#endif
  }
  STORE_SUMS(row);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++)
    store_rows(
        result[r], scale, scale, valid - 16 * r,
        queryGradient + queryGradientOffset + (row + 16 * r) * queryGradientStride + column, queryGradientStride);
}

/* The queries from the first to behind the last that see one of the warp's `valid` keys from firstKey on; of no meaning
 * are s2 and s3. */
INLINE int4 onlookers(
    __global const int *ranges, int queryLength, int firstKey, int valid, __local uint *shown) {
  int4 seers = (int4)(INT_MAX, 0, 0, INT_MAX);
  for (int query = get_local_id(0) % 32; query < queryLength; query += 32) {
    const int2 range = vload2(query, ranges);
    if (range.s0 < range.s1 && range.s0 < firstKey + valid && range.s1 > firstKey) {
      seers.s0 = min(seers.s0, query);
      seers.s1 = query + 1;
    }
  }
  UNROLL
  for (int mask = 1; mask < 32; mask *= 2) seers = joined_with(seers, mask, shown);
  return seers;
}

/* dk and dv of ROWS keys, from the queries that see one of them. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_key_value_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *outputGradient,
    long outputGradientOffset, int outputGradientStride, __global const float *statistics,
    long statisticsOffset, __global float *keyGradient, long keyGradientOffset, int keyGradientStride,
    __global float *valueGradient, long valueGradientOffset, int valueGradientStride, POSITION_ARGUMENTS,
    POSITION_GRADIENT_ARGUMENTS, DROPOUT_ARGUMENTS, int headDimension, int queryLength, int keyLength,
    float scale) {
  __local uint keys[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint values[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint others[2 * OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint *queries = others, *outputGradients = others + OTHERS * PITCH;
  SHOW_AMONG(ITEMS);
  const int firstKey = get_group_id(0) * ROWS, head = get_group_id(1), heads = get_num_groups(1);
  const long sequence = get_group_id(2);
  const int valid = min(ROWS, keyLength - firstKey);
  const long keyRow = sequence * keyLength + firstKey, column = (long)head * headDimension;
  query += queryOffset + sequence * queryLength * queryStride + column;
  outputGradient += outputGradientOffset + sequence * queryLength * outputGradientStride + column;
  statistics += statisticsOffset + 4 * (sequence * heads + head) * queryLength;
#if POSITIONS
  __local float sums[ROWS * BUCKETS];
  queryScores += queryScoresOffset + sequence * queryLength * queryScoresStride + (long)head * bucketPitch;
  keyScores += keyScoresOffset + keyRow * keyScoresStride + (long)head * bucketPitch;
  buckets += bucketsOffset;
  clear_sums(sums);
#endif

  stage_rows(key + keyOffset + keyRow * keyStride + column, keyStride, valid, ROWS, keys);
  stage_rows(value + valueOffset + keyRow * valueStride + column, valueStride, valid, ROWS, values);
  float keyResult[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}}, valueResult[ROW_BLOCKS][HEAD / 32][4][4] = {{{{0.0f}}}};
  const int warpKey = firstKey + get_local_id(0) / 32 * (16 * ROW_BLOCKS);
  const int4 range = onlookers(
      keyRanges + rangesOffset + 2 * sequence * queryLength, queryLength, warpKey,
      min(16 * ROW_BLOCKS, keyLength - warpKey), shown);
  const int4 all = joined_in_group(range, (__local int *)others);
  const float factor = scale * LOG2_E;

  for (int next = all.s0; next < all.s1; next += OTHERS) {
    int start = next;
    FORGET(start);
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = all.s1 - start;
    stage_rows(query + (long)start * queryStride, queryStride, count, OTHERS, queries);
    stage_rows(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, OTHERS,
        outputGradients);
    ask_for_next(
        query + (long)start * queryStride, queryStride, outputGradient + (long)start * outputGradientStride,
        outputGradientStride, count, OTHERS);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (IS_OUT_OF(range, start, OTHERS)) continue;
    float scores[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}}, products[ROW_BLOCKS * (OTHERS / 8)][4] = {{0.0f}};
#if POSITIONS
    add_position_scores(
        scores, OTHERS / 8, keyScores, keyScoresStride, valid, queryScores + (long)start * queryScoresStride,
        queryScoresStride, count, buckets, start - firstKey + keyLength - 1, queryLength + keyLength - 2, -1);
#endif
    multiply_rows(keys, queries, OTHERS / 8, scores, shown);
    multiply_rows(values, outputGradients, OTHERS / 8, products, shown);
    int item = get_local_id(0);
    FORGET(item);
    const int t = item % 4, own = firstKey + row_of(item);
    UNROLL
    for (int j = 0; j < OTHERS / 8; j += 2) {
#if DROPOUT
      float m[ROW_BLOCKS][2][4];
      UNROLL
      for (int r = 0; r < ROW_BLOCKS; r++)
        draw_for_keys(
            m[r], own + 16 * r, start + column_of(j, t, 0), firstRow + sequence * heads + head, DRAWS, shown);
#endif
      UNROLL
      for (int c = 0; c < 4; c++) {
        const int position = column_of(j, t, 0) + c;
        const float4 statistic = position < count
                                     ? *(__global const float4 *)(statistics + 4 * (start + position))
                                     : (float4)(0.0f);
        const int2 seen = (int2)(as_int(statistic.s2), as_int(statistic.s3));
        UNROLL
        for (int r = 0; r < ROW_BLOCKS; r++) {
          const int block = r * (OTHERS / 8) + j + c / 2;
          float *score = scores[block] + c % 2, *product = products[block] + c % 2;
          UNROLL
          for (int h = 0; h < 2; h++) {
#if DROPOUT
            const float kept = m[r][c / 2][2 * h + c % 2];
#else
            const float kept = 1.0f;
#endif
            const float power_of = power(fma(score[2 * h], factor, -statistic.s0));
            const float weight = is_in(own + 16 * r + h, seen) ? power_of : 0.0f;
            score[2 * h] = weight * kept;
            product[2 * h] = weight * (product[2 * h] * kept - statistic.s1);
          }
        }
      }
    }
    add_weighted_rows(scores, outputGradients, OTHERS / 8, valueResult, shown);
    add_weighted_rows(products, queries, OTHERS / 8, keyResult, shown);
#if POSITIONS
    add_gradients(
        products, others, buckets, start - firstKey + keyLength - 1, -1, valid, min(OTHERS, count), sums);
#endif
  }
  STORE_SUMS(keyRow);
  UNROLL
  for (int r = 0; r < ROW_BLOCKS; r++) {
    store_rows(
        keyResult[r], scale, scale, valid - 16 * r,
        keyGradient + keyGradientOffset + (keyRow + 16 * r) * keyGradientStride + column, keyGradientStride);
    store_rows(
        valueResult[r], 1.0f, 1.0f, valid - 16 * r,
        valueGradient + valueGradientOffset + (keyRow + 16 * r) * valueGradientStride + column, valueGradientStride);
  }
}
