/* Masked attention, forward and backward, for GPUs. Per head and sequence, over the keys j that query i sees,
 * firstKey_i <= j < endKey_i:
 *
 *     s_ij = scale q_i.k_j     p_ij = exp(s_ij - logSumExp_i)     out_i = sum_j p_ij v_j
 *     dv_j = sum_i p_ij do_i   ds_ij = p_ij (do_i.v_j - do_i.out_i)
 *     dq_i = scale sum_j ds_ij k_j                dk_j = scale sum_i ds_ij q_i
 *
 * A work-group of 8 x 8 items owns TILE = 8 R positions of one head (queries in `attention_forward` and
 * `attention_query_gradient`, keys in `attention_key_value_gradient`) and walks over the other side TILE
 * positions at a time. Every operand lies in local memory as rows of the head, as in global memory:
 *
 *     rows of the head                 scores
 *     [TILE][HEAD + 4]                 [TILE][TILE + 4]    item (y, x) computes rows y + 8 i and
 *       item y reads rows y + 8 i                          columns x + 8 j of the scores, and rows y + 8 i
 *       item x reads rows x + 8 j                          and columns 4 x + 32 j ..< + 4 of the result
 *
 * With a pitch that is 4 more than a multiple of 32, the float4s that eight neighbours read lie in different
 * banks both along rows and along columns. R is 4, 2, 1 for heads of up to 64, 128, 256 (less on a
 * device with little local memory): 44 KB at most, and as many sums in registers whatever the head.
 * Softmax is online (Milakov & Gimelshein 2018; Dao et al. 2022) in powers of two: scores carry log2(e).
 * Tiles in which nobody sees anybody are skipped.
 *
 * Geometry: global size (tiles x 64, heads, sequences). No two groups write the same element, so there are no
 * atomics and the order of every sum is a function of the shape.
 * Limits: the build options HEAD, headDimension rounded up to a multiple of 32 and at most 256, and R; heads
 * above 224 need more than 32 KB of local memory.
 * Memory: O(T).
 * Precision: with -DPRECISION (see precision.cl) Q, K, V and dO are rounded as they are loaded; P and dS are not.
 *
 * Position scores (see attention_terms.cl) are read from global memory, where neighbours share cache lines. Their
 * gradients add up in local memory (see attention_group.cl). */
#include "attention_geometry.cl"
#include "precision.cl"

#ifndef HEAD
#define HEAD 64
#define R 4
#endif
#define SIDE GPU_SIDE
#define TILE GPU_ROWS(R)
#define ITEMS GPU_ITEMS
/* Floats from one row to the next in local memory. */
#define HEAD_PITCH GPU_HEAD_PITCH(HEAD)
#define SCORE_PITCH GPU_SCORE_PITCH(R)

#define ROWS TILE
#define GRADIENT_PLACE(row, n) ((row) * SCORE_PITCH + (n))
#include "attention_group.cl"

/* MARK: Pieces */

/* tile[r][c] = factor rows[r, c], rounded before, for the `valid` rows and headDimension columns that exist, 0 elsewhere. */
INLINE void load_tile(
    __global const float *rows, int stride, int valid, int headDimension, float factor, __local float *tile) {
  for (int index = get_local_id(0); index < TILE * HEAD / 4; index += ITEMS) {
    const int row = index / (HEAD / 4), c = index % (HEAD / 4) * 4;
    __global const float *from = rows + (long)row * stride + c;
    float4 value = (float4)(0.0f);
    if (row < valid) {
      if (c + 4 <= headDimension)
        value = vload4(0, from);
      else
        value = (float4)(
            c < headDimension ? from[0] : 0.0f, c + 1 < headDimension ? from[1] : 0.0f,
            c + 2 < headDimension ? from[2] : 0.0f, 0.0f);
    }
    *(__local float4 *)(tile + row * HEAD_PITCH + c) = factor * round_operand4(value);
  }
}

/* sum[i][j] = left row y + 8 i . right row x + 8 j. */
INLINE void dot_rows(__local const float *left, __local const float *right, int y, int x, float sum[R][R]) {
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int j = 0; j < R; j++) sum[i][j] = 0.0f;
#pragma unroll 4
  for (int c = 0; c < HEAD; c += 4) {
    float4 l[R], r[R];
#pragma unroll
    for (int i = 0; i < R; i++) {
      l[i] = *(__local const float4 *)(left + (y + SIDE * i) * HEAD_PITCH + c);
      r[i] = *(__local const float4 *)(right + (x + SIDE * i) * HEAD_PITCH + c);
    }
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
      for (int j = 0; j < R; j++) {
        sum[i][j] = fma(l[i].s0, r[j].s0, sum[i][j]);
        sum[i][j] = fma(l[i].s1, r[j].s1, sum[i][j]);
        sum[i][j] = fma(l[i].s2, r[j].s2, sum[i][j]);
        sum[i][j] = fma(l[i].s3, r[j].s3, sum[i][j]);
      }
  }
}

/* result row y + 8 i += sum_j scores[y + 8 i][j] rows[j], in the item's columns. */
INLINE void add_weighted_rows(
    __local const float *scores, __local const float *rows, int y, int x, float4 result[R][HEAD / 32]) {
#pragma unroll 2
  for (int j = 0; j < TILE; j += 4) {
    float4 weight[R];
#pragma unroll
    for (int i = 0; i < R; i++) weight[i] = *(__local const float4 *)(scores + (y + SIDE * i) * SCORE_PITCH + j);
#pragma unroll
    for (int c = 0; c < HEAD / 32; c++) {
      __local const float *from = rows + j * HEAD_PITCH + 4 * x + 32 * c;
      const float4 v0 = *(__local const float4 *)from;
      const float4 v1 = *(__local const float4 *)(from + HEAD_PITCH);
      const float4 v2 = *(__local const float4 *)(from + 2 * HEAD_PITCH);
      const float4 v3 = *(__local const float4 *)(from + 3 * HEAD_PITCH);
#pragma unroll
      for (int i = 0; i < R; i++) {
        float4 sum = result[i][c];
        sum = fma((float4)(weight[i].s0), v0, sum);
        sum = fma((float4)(weight[i].s1), v1, sum);
        sum = fma((float4)(weight[i].s2), v2, sum);
        result[i][c] = fma((float4)(weight[i].s3), v3, sum);
      }
    }
  }
}

INLINE void clear(float4 result[R][HEAD / 32]) {
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int c = 0; c < HEAD / 32; c++) result[i][c] = (float4)(0.0f);
}

/* Writes factor[i] * the item's part of the result to the rows and columns that exist. */
INLINE void store_rows(
    float4 result[R][HEAD / 32], const float factor[R], int y, int x, int valid, int headDimension,
    __global float *rows, int stride) {
#pragma unroll
  for (int i = 0; i < R; i++)
    if (y + SIDE * i < valid)
#pragma unroll
      for (int part = 0; part < HEAD / 32; part++) {
        const int c = 4 * x + 32 * part;
        __global float *to = rows + (long)(y + SIDE * i) * stride + c;
        const float4 value = factor[i] * result[i][part];
        if (c + 4 <= headDimension) {
          vstore4(value, 0, to);
        } else {
          if (c < headDimension) to[0] = value.s0;
          if (c + 1 < headDimension) to[1] = value.s1;
          if (c + 2 < headDimension) to[2] = value.s2;
        }
      }
}

/* The smallest interval that holds everything a query of the group sees. */
INLINE int2 reach(__global const int *ranges, int valid) {
  int first = INT_MAX, end = 0;
  for (int row = 0; row < valid; row++) {
    const int2 range = vload2(row, ranges);
    if (range.s0 < range.s1) {
      first = min(first, range.s0);
      end = max(end, range.s1);
    }
  }
  return (int2)(min(first, end), end);
}

/* MARK: Position scores and dropout */

/* What the distance of a query and a key adds to their score, before scaling. */
INLINE float position_score(
    __global const float *queryScores, __global const float *keyScores, __global const int *buckets, int place) {
  const int bucket = buckets[place];
  return queryScores[bucket] + keyScores[bucket];
}

#if DROPOUT
/* m of one query and key. */
INLINE float draw(int query, int key, uint row, DRAW_PARAMETERS) {
  const uint4 draws = draws_of(query, key / 4, row, keyLow, keyHigh, step, purpose);
  const uint word = key % 4 == 0 ? draws.s0 : key % 4 == 1 ? draws.s1 : key % 4 == 2 ? draws.s2 : draws.s3;
  return factor_of(word, probability);
}
#endif
