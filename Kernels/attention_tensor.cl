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
 * A work-group owns ROWS positions of one head, 16 a warp (queries in `attention_forward` and
 * `attention_query_gradient`, keys in `attention_key_value_gradient`), and walks over the other side's, so many
 * at a time. Everything lies in local memory as rows of words along the head, [row][PITCH], and every product is
 * of one of two kinds:
 *
 *     scores = own rows . other rows (terms: the head)        result += scores . other rows (terms: positions)
 *
 *               words 4 t ..< + 4 of 16                                 positions of a block of scores
 *             +--------------------------+                            +---------------+
 *         g   | a0 a2 of one instruction |                         g  | c0 c1         |   C of the scores is A
 *             | and a0 a2 of the next    |                            |               |   of the next product
 *       g + 8 | a1 a3                    |                      g + 8 | c2 c3         |
 *             +--------------------------+                            +---------------+
 *         B: row 8 j + g of the others, same words                B: rows 2 t and 2 t + 1 (+ 8), columns 4 g + e
 *
 * A sum may be taken in any order as long as both operands agree. So an item reads the words of two instructions
 * in one, on the left; and on the right scores never leave their registers: positions 2 t and 2 t + 1 of a block
 * are the two words (tf32) or the two halves of one word (bfloat16, the next block the other word) that A wants
 * of item t. Columns of the result may be had in any order as well: instruction e = 0 ..< 4 makes columns
 * 4 g + e of 32, so that B's are four neighbours in a row, one read of 16 or 8 bytes, and what an item has of the
 * result in the end are neighbours too. With bfloat16 two rows' words are then split into pairs of positions.
 *
 * Rows r are staged with word w at w ^ 16 ((r ^ r >> 2) & 1) ^ 8 (r >> 1 & 1): rows 0 1 2 3, 4 5 6 7, 0 2 4 6 and
 * 1 3 5 7 of each eight then begin in different banks, which are those that items reading together ask for.
 *
 *     words of a head     ROWS    items    positions at a time    local memory        (a word: 1 term of tf32,
 *                                          forward   backward                          2 of bfloat16)
 *      16, 32               64      128       64        32        24 KB
 *      48, 64               64      128       32        32        32 KB, 48 KB
 *      96                   32       64       32        32        36 KB, 48 KB
 *     128                   32       64       32        16        48 KB
 *
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022) in powers of two: scores carry log2(e).
 * Positions that no row of the group sees are skipped at both ends; tiles that all of them see whole are not
 * masked.
 *
 * Geometry: global size (tiles of ROWS x items, heads, sequences). No two groups write the same element, so there
 * are no atomics and the order of every sum is a function of the shape.
 * Limits: the build option HEAD, the head dimension, is 32, 64, 96 or 128; -DALIGNED=1 where every row of every
 * matrix begins at 16 bytes. No position scores and no dropout: these, and other heads, are attention_gpu.cl's,
 * which rounds Q, K, V and dO alike. Memory: O(T).
 * Tolerance: P and dS are off by at most 2^-11 (tf32) or 2^-8 (bfloat16) of themselves, hence any sum over them by
 * as much of the sum of absolute values: 5e-4 and 4e-3. (Backward meets the error of out once more, in do.out; signs
 * differ, and what is seen is a tenth of the bound.)
 * Source: Dao 2023, FlashAttention-2, for scores that stay in registers. */
#include "matrix_unit.cl"

#ifndef HEAD
#define HEAD 64
#endif
/* Words of a row, and from one row to the next in local memory. */
#define WORDS (HEAD / TERMS)
#define PITCH ((WORDS + 31) / 32 * 32)
/* Positions a group owns, and positions of the other side at a time, forward and backward. */
#define ROWS (PITCH > 64 ? 32 : 64)
#define KEYS (PITCH > 32 ? 32 : 64)
#define OTHERS (PITCH > 96 ? 16 : 32)
#define ITEMS (2 * ROWS)
#define LOG2_E 1.44269504088896341f
#define LN_2 0.69314718055994531f

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
#else
#define READ4(from) vload4(0, from)
#define WRITE4(value, to) vstore4(value, 0, to)
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

/* Where word `word` of row `row` is staged. */
INLINE uint place_of(uint row, uint word) {
  return row * PITCH + (word ^ ((row ^ row >> 2) & 1) << 4 ^ (row >> 1 & 1) << 3);
}

/* Puts `count` rows into local memory, rounded; those from `valid` on are zero. */
INLINE void stage_rows(
    __global const float *rows, int stride, int valid, const uint count, __local uint *staged) {
  uint item = get_local_id(0);
  FORGET(item);
#pragma unroll 2
  for (uint i = 0; i < count * WORDS / 4 / ITEMS; i++) {
    const uint index = item + i * ITEMS, row = index / (WORDS / 4), word = index % (WORDS / 4) * 4;
    uint4 words = (uint4)(0);
    if ((int)row < valid) {
      __global const float *from = rows + ((int)row * stride + (int)word * TERMS);
      const float4 x = READ4(from);
#if PRECISION == 1
      words = (uint4)(word_of(x.s0, 0.0f), word_of(x.s1, 0.0f), word_of(x.s2, 0.0f), word_of(x.s3, 0.0f));
#else
      const float4 y = READ4(from + 4);
      words = (uint4)(word_of(x.s0, x.s1), word_of(x.s2, x.s3), word_of(y.s0, y.s1), word_of(y.s2, y.s3));
#endif
    }
    *(__local uint4 *)(staged + place_of(row, word)) = words;
  }
}

/* sum[j] += the warp's 16 rows of `own` times rows 8 j ..< + 8 of `others`, for `blocks` of them. */
INLINE void multiply_rows(
    __local const uint *own, __local const uint *others, const uint blocks, float (*sum)[4],
    __local uint *shown) {
  uint item = get_local_id(0);
  FORGET(item);
  const uint g = item % 32 / 4, t = item % 4, row = item / 32 * 16 + g;
#if MMA_PTX
#pragma unroll
#else
#pragma unroll 1
#endif
  for (uint word = 0; word < WORDS; word += 16) {
    const uint4 upper = *(__local const uint4 *)(own + place_of(row, word + 4 * t));
    const uint4 lower = *(__local const uint4 *)(own + place_of(row + 8, word + 4 * t));
#if MMA_PTX
#pragma unroll
#else
#pragma unroll 1
#endif
    for (uint j = 0; j < blocks; j++) {
      const uint4 other = *(__local const uint4 *)(others + place_of(8 * j + g, word + 4 * t));
      MMA(sum[j], upper.s0, lower.s0, upper.s1, lower.s1, other.s0, other.s1, shown);
      MMA(sum[j], upper.s2, lower.s2, upper.s3, lower.s3, other.s2, other.s3, shown);
    }
  }
}

#if PRECISION == 2
/* The lower and the upper halves of two words as one word. */
INLINE uint lower_halves(uint x, uint y) {
#if MMA_PTX
  uint halves;
  __asm("prmt.b32 %0, %1, %2, 0x5410;" : "=r"(halves) : "r"(x), "r"(y));
  return halves;
#else
  return (x & 0xFFFFu) | y << 16;
#endif
}

INLINE uint upper_halves(uint x, uint y) {
#if MMA_PTX
  uint halves;
  __asm("prmt.b32 %0, %1, %2, 0x7632;" : "=r"(halves) : "r"(x), "r"(y));
  return halves;
#else
  return x >> 16 | (y & 0xFFFF0000u);
#endif
}
#endif

/* B of four instructions: columns 32 n + 4 g + e of the rows that part `part` of the positions has. */
INLINE void columns_of(
    __local const uint *rows, uint item, uint part, uint n, uint b0[4], uint b1[4]) {
  const uint g = item % 32 / 4, t = item % 4;
#if PRECISION == 1
  const uint row = 8 * part + 2 * t, word = 32 * n + 4 * g;
  const uint4 x = *(__local const uint4 *)(rows + place_of(row, word));
  const uint4 y = *(__local const uint4 *)(rows + place_of(row + 1, word));
  b0[0] = x.s0;
  b0[1] = x.s1;
  b0[2] = x.s2;
  b0[3] = x.s3;
  b1[0] = y.s0;
  b1[1] = y.s1;
  b1[2] = y.s2;
  b1[3] = y.s3;
#else
  const uint row = 16 * part + 2 * t, word = 16 * n + 2 * g;
  const uint2 x = *(__local const uint2 *)(rows + place_of(row, word));
  const uint2 y = *(__local const uint2 *)(rows + place_of(row + 1, word));
  const uint2 z = *(__local const uint2 *)(rows + place_of(row + 8, word));
  const uint2 w = *(__local const uint2 *)(rows + place_of(row + 9, word));
  b0[0] = lower_halves(x.s0, y.s0);
  b0[1] = upper_halves(x.s0, y.s0);
  b0[2] = lower_halves(x.s1, y.s1);
  b0[3] = upper_halves(x.s1, y.s1);
  b1[0] = lower_halves(z.s0, w.s0);
  b1[1] = upper_halves(z.s0, w.s0);
  b1[2] = lower_halves(z.s1, w.s1);
  b1[3] = upper_halves(z.s1, w.s1);
#endif
}

/* result += scores, `blocks` of them, times the rows of `others`. */
INLINE void add_weighted_rows(
    float (*score)[4], __local const uint *others, const uint blocks, float result[HEAD / 32][4][4],
    __local uint *shown) {
  uint item = get_local_id(0);
  FORGET(item);
#if MMA_PTX
#pragma unroll
#else
#pragma unroll 1
#endif
  for (uint part = 0; part < blocks / TERMS; part++) {
#if PRECISION == 1
    const uint a0 = word_of(score[part][0], 0.0f), a1 = word_of(score[part][2], 0.0f);
    const uint a2 = word_of(score[part][1], 0.0f), a3 = word_of(score[part][3], 0.0f);
#else
    const uint a0 = word_of(score[2 * part][0], score[2 * part][1]);
    const uint a1 = word_of(score[2 * part][2], score[2 * part][3]);
    const uint a2 = word_of(score[2 * part + 1][0], score[2 * part + 1][1]);
    const uint a3 = word_of(score[2 * part + 1][2], score[2 * part + 1][3]);
#endif
#if MMA_PTX
#pragma unroll
#else
#pragma unroll 1
#endif
    for (uint n = 0; n < HEAD / 32; n++) {
      uint b0[4], b1[4];
      columns_of(others, item, part, n, b0, b1);
#if MMA_PTX
#pragma unroll
#else
#pragma unroll 1
#endif
      for (uint e = 0; e < 4; e++) MMA(result[n][e], a0, a1, a2, a3, b0[e], b1[e], shown);
    }
  }
}

/* Writes factor * the item's part of the result to the rows that exist. */
INLINE void store_rows(
    float result[HEAD / 32][4][4], float upper, float lower, int valid, __global float *rows, int stride) {
  const uint item = get_local_id(0), g = item % 32 / 4, t = item % 4, row = item / 32 * 16 + g;
#pragma unroll
  for (uint h = 0; h < 2; h++) {
    const float factor = h ? lower : upper;
    if ((int)(row + 8 * h) < valid) {
      __global float *to = rows + ((int)(row + 8 * h) * stride + 8 * (int)t);
#pragma unroll
      for (uint n = 0; n < HEAD / 32; n++)
#pragma unroll
        for (uint i = 2 * h; i < 2 * h + 2; i++)
          WRITE4(
              factor * (float4)(result[n][0][i], result[n][1][i], result[n][2][i], result[n][3][i]),
              to + 32 * n + 4 * (i % 2));
    }
  }
}

/* The largest, and the sum, of the four items that share rows. */
INLINE float row_maximum(float x, __local uint *shown) {
  x = fmax(x, exchanged(x, 1, shown));
  return fmax(x, exchanged(x, 2, shown));
}

INLINE float row_sum(float x, __local uint *shown) {
  x += exchanged(x, 1, shown);
  return x + exchanged(x, 2, shown);
}

/* The keys that query `row` of the group's `valid` ones sees; a query that does not exist sees none. */
INLINE int2 interval(__global const int *ranges, int row, int valid) {
  return row < valid ? vload2(row, ranges) : (int2)(0, 0);
}

INLINE int is_in(int position, int2 range) { return position >= range.s0 && position < range.s1; }

/* score = hidden where the key, the first of all at `start`, is out of the query's sight. */
INLINE void hide(float (*score)[4], const int blocks, int start, const int2 seen[2], float hidden) {
  const int t = get_local_id(0) % 4;
#pragma unroll
  for (int j = 0; j < blocks; j++)
#pragma unroll
    for (int i = 0; i < 4; i++)
      if (!is_in(start + 8 * j + 2 * t + i % 2, seen[i / 2])) score[j][i] = hidden;
}

/* The smallest interval that holds everything a query of the group sees, and the keys that all of them see.
 * `scratch` is free again after the next barrier. */
INLINE int4 reach(__global const int *ranges, int valid, __local int *scratch) {
  const int item = get_local_id(0);
  if (item < valid) vstore2(vload2(item, ranges), item, scratch);
  barrier(CLK_LOCAL_MEM_FENCE);
  int4 reach = (int4)(INT_MAX, 0, 0, INT_MAX);
  for (int row = 0; row < valid; row++) {
    const int2 range = vload2(row, scratch);
    if (range.s0 < range.s1) {
      reach.s0 = min(reach.s0, range.s0);
      reach.s1 = max(reach.s1, range.s1);
    }
    reach.s2 = max(reach.s2, range.s0);
    reach.s3 = min(reach.s3, range.s1);
  }
  reach.s0 = min(reach.s0, reach.s1);
  return reach;
}

/* MARK: Forward */

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_forward(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global float *output, long outputOffset,
    int outputStride, __global float *logSumExp, long logSumExpOffset, int headDimension, int queryLength,
    int keyLength, float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint keys[KEYS * PITCH] __attribute__((aligned(16)));
  __local uint values[KEYS * PITCH] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  /* The last queries see most under a causal mask: they begin first. */
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), t = item % 4, own = item / 32 * 16 + item % 32 / 4;
  const long sequence = get_global_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  float result[HEAD / 32][4][4] = {{{0.0f}}};
  int2 seen[2];
  float maximum[2], sum[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    seen[h] = interval(keyRanges, own + 8 * h, valid);
    maximum[h] = -INFINITY;
    sum[h] = 0.0f;
  }
  const int4 range = reach(keyRanges, valid, (__local int *)keys);
  const float factor = scale * LOG2_E;

  for (int start = range.s0; start < range.s1; start += KEYS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = range.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, KEYS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, KEYS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[KEYS / 8][4] = {{0.0f}};
    multiply_rows(queries, keys, KEYS / 8, score, shown);
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) score[j][i] *= factor;
    if (start < range.s2 || start + KEYS > range.s3) hide(score, KEYS / 8, start, seen, -INFINITY);
    float highest[2] = {-INFINITY, -INFINITY};
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) highest[i / 2] = fmax(highest[i / 2], score[j][i]);
    float shift[2], rescale[2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      highest[h] = fmax(maximum[h], row_maximum(highest[h], shown));
      /* A query that has seen no key yet has nothing to shift or rescale. */
      shift[h] = highest[h] == -INFINITY ? 0.0f : highest[h];
      rescale[h] = power(maximum[h] - shift[h]);
      maximum[h] = highest[h];
      sum[h] *= rescale[h];
    }
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        score[j][i] = power(score[j][i] - shift[i / 2]);
        sum[i / 2] += score[j][i];
      }
#pragma unroll
    for (int n = 0; n < HEAD / 32; n++)
#pragma unroll
      for (int e = 0; e < 4; e++)
#pragma unroll
        for (int i = 0; i < 4; i++) result[n][e][i] *= rescale[i / 2];
    add_weighted_rows(score, values, KEYS / 8, result, shown);
  }

  float inverse[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const float total = row_sum(sum[h], shown);
    inverse[h] = total > 0.0f ? 1.0f / total : 0.0f;
    if (t == 0 && own + 8 * h < valid)
      logSumExp[logSumExpOffset + (sequence * heads + head) * queryLength + first + own + 8 * h] =
          total == 0.0f ? -INFINITY : fma(maximum[h], LN_2, log(total));
  }
  store_rows(
      result, inverse[0], inverse[1], valid, output + outputOffset + row * outputStride + column,
      outputStride);
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
    __global float *statistics, long statisticsOffset, int headDimension, int queryLength, int keyLength,
    float scale) {
  __local uint queries[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint outputGradients[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint keys[OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint values[OTHERS * PITCH] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  const int first = (get_num_groups(0) - 1 - get_group_id(0)) * ROWS;
  const int head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), t = item % 4, own = item / 32 * 16 + item % 32 / 4;
  const long sequence = get_global_id(2);
  const int valid = min(ROWS, queryLength - first);
  const long row = sequence * queryLength + first, column = (long)head * headDimension;
  const long statistic = (sequence * heads + head) * queryLength + first;
  key += keyOffset + sequence * keyLength * keyStride + column;
  value += valueOffset + sequence * keyLength * valueStride + column;
  keyRanges += rangesOffset + 2 * row;
  output += outputOffset + row * outputStride + column;
  outputGradient += outputGradientOffset + row * outputGradientStride + column;

  stage_rows(query + queryOffset + row * queryStride + column, queryStride, valid, ROWS, queries);
  stage_rows(outputGradient, outputGradientStride, valid, ROWS, outputGradients);
  int2 seen[2];
  float mean[2], shift[2];
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const int r = own + 8 * h, exists = r < valid;
    seen[h] = interval(keyRanges, r, valid);
    shift[h] = exists ? logSumExp[logSumExpOffset + statistic + r] * LOG2_E : 0.0f;
    float4 products = (float4)(0.0f);
    if (exists)
#pragma unroll
      for (int c = 0; c < HEAD; c += 16)
        products = fma(
            round_operand4(READ4(outputGradient + (long)r * outputGradientStride + c + 4 * t)),
            READ4(output + (long)r * outputStride + c + 4 * t), products);
    mean[h] = row_sum(products.s0 + products.s1 + (products.s2 + products.s3), shown);
    if (t == 0 && exists)
      *(__global float4 *)(statistics + statisticsOffset + 4 * (statistic + r)) =
          (float4)(shift[h], mean[h], as_float(seen[h].s0), as_float(seen[h].s1));
  }
  float result[HEAD / 32][4][4] = {{{0.0f}}};
  const int4 range = reach(keyRanges, valid, (__local int *)keys);
  const float factor = scale * LOG2_E;

  for (int start = range.s0; start < range.s1; start += OTHERS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = range.s1 - start;
    stage_rows(key + (long)start * keyStride, keyStride, count, OTHERS, keys);
    stage_rows(value + (long)start * valueStride, valueStride, count, OTHERS, values);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[OTHERS / 8][4] = {{0.0f}}, product[OTHERS / 8][4] = {{0.0f}};
    multiply_rows(queries, keys, OTHERS / 8, score, shown);
    multiply_rows(outputGradients, values, OTHERS / 8, product, shown);
#pragma unroll
    for (int j = 0; j < OTHERS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++)
        score[j][i] = power(fma(score[j][i], factor, -shift[i / 2])) * (product[j][i] - mean[i / 2]);
    if (start < range.s2 || start + OTHERS > range.s3) hide(score, OTHERS / 8, start, seen, 0.0f);
    add_weighted_rows(score, keys, OTHERS / 8, result, shown);
  }
  store_rows(
      result, scale, scale, valid,
      queryGradient + queryGradientOffset + row * queryGradientStride + column, queryGradientStride);
}

/* The queries from the first to behind the last that see one of `valid` keys from firstKey on. */
INLINE int2 onlookers(
    __global const int *ranges, int queryLength, int firstKey, int valid, __local int *scratch) {
  const int item = get_local_id(0);
  int2 seers = (int2)(INT_MAX, 0);
  for (int query = item; query < queryLength; query += ITEMS) {
    const int2 range = vload2(query, ranges);
    if (range.s0 < range.s1 && range.s0 < firstKey + valid && range.s1 > firstKey) {
      seers.s0 = min(seers.s0, query);
      seers.s1 = query + 1;
    }
  }
  vstore2(seers, item, scratch);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int other = 0; other < ITEMS; other++) {
    const int2 some = vload2(other, scratch);
    seers.s0 = min(seers.s0, some.s0);
    seers.s1 = max(seers.s1, some.s1);
  }
  return seers;
}

/* dk and dv of ROWS keys, from the queries that see one of them. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void attention_key_value_gradient(
    __global const float *query, long queryOffset, int queryStride, __global const float *key,
    long keyOffset, int keyStride, __global const float *value, long valueOffset, int valueStride,
    __global const int *keyRanges, long rangesOffset, __global const float *outputGradient,
    long outputGradientOffset, int outputGradientStride, __global const float *statistics,
    long statisticsOffset, __global float *keyGradient, long keyGradientOffset, int keyGradientStride,
    __global float *valueGradient, long valueGradientOffset, int valueGradientStride, int headDimension,
    int queryLength, int keyLength, float scale) {
  __local uint keys[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint values[ROWS * PITCH] __attribute__((aligned(16)));
  __local uint queries[OTHERS * PITCH] __attribute__((aligned(16)));
  __local uint outputGradients[OTHERS * PITCH] __attribute__((aligned(16)));
  SHOW_AMONG(ITEMS);
  const int firstKey = get_group_id(0) * ROWS, head = get_global_id(1), heads = get_global_size(1);
  const int item = get_local_id(0), t = item % 4, own = item / 32 * 16 + item % 32 / 4;
  const long sequence = get_global_id(2);
  const int valid = min(ROWS, keyLength - firstKey);
  const long keyRow = sequence * keyLength + firstKey, column = (long)head * headDimension;
  query += queryOffset + sequence * queryLength * queryStride + column;
  outputGradient += outputGradientOffset + sequence * queryLength * outputGradientStride + column;
  statistics += statisticsOffset + 4 * (sequence * heads + head) * queryLength;

  stage_rows(key + keyOffset + keyRow * keyStride + column, keyStride, valid, ROWS, keys);
  stage_rows(value + valueOffset + keyRow * valueStride + column, valueStride, valid, ROWS, values);
  float keyResult[HEAD / 32][4][4] = {{{0.0f}}}, valueResult[HEAD / 32][4][4] = {{{0.0f}}};
  const int2 range = onlookers(
      keyRanges + rangesOffset + 2 * sequence * queryLength, queryLength, firstKey, valid,
      (__local int *)queries);
  const float factor = scale * LOG2_E;

  for (int start = range.s0; start < range.s1; start += OTHERS) {
    barrier(CLK_LOCAL_MEM_FENCE);
    const int count = range.s1 - start;
    stage_rows(query + (long)start * queryStride, queryStride, count, OTHERS, queries);
    stage_rows(
        outputGradient + (long)start * outputGradientStride, outputGradientStride, count, OTHERS,
        outputGradients);
    barrier(CLK_LOCAL_MEM_FENCE);
    float score[OTHERS / 8][4] = {{0.0f}}, product[OTHERS / 8][4] = {{0.0f}};
    multiply_rows(keys, queries, OTHERS / 8, score, shown);
    multiply_rows(values, outputGradients, OTHERS / 8, product, shown);
#pragma unroll
    for (int j = 0; j < OTHERS / 8; j++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        const int position = 8 * j + 2 * t + i;
        const float4 statistic = position < count
                                     ? *(__global const float4 *)(statistics + 4l * (start + position))
                                     : (float4)(0.0f);
        const int2 seen = (int2)(as_int(statistic.s2), as_int(statistic.s3));
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const int at = 2 * h + i;
          const float weight = power(fma(score[j][at], factor, -statistic.s0));
          score[j][at] = is_in(firstKey + own + 8 * h, seen) ? weight : 0.0f;
          product[j][at] = score[j][at] * (product[j][at] - statistic.s1);
        }
      }
    add_weighted_rows(score, outputGradients, OTHERS / 8, valueResult, shown);
    add_weighted_rows(product, queries, OTHERS / 8, keyResult, shown);
  }
  store_rows(
      keyResult, scale, scale, valid,
      keyGradient + keyGradientOffset + keyRow * keyGradientStride + column, keyGradientStride);
  store_rows(
      valueResult, 1.0f, 1.0f, valid,
      valueGradient + valueGradientOffset + keyRow * valueGradientStride + column, valueGradientStride);
}
