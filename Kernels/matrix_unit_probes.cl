/* One kernel for each instruction of matrix_unit.cl, for a warp of work-items, to ask a device whether it gives the right
 * answer. */
#include "matrix_unit.cl"

/* out [16][8] = 0.5 + a [16][8 words] times b [8 columns][8 words]. */
__kernel __attribute__((reqd_work_group_size(WARP, 1, 1))) void matrix_unit_multiply(
    __global const float *a, long aOffset, __global const float *b, long bOffset, __global float *out,
    long outOffset) {
  SHOW_AMONG(WARP);
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

/* out [32] = a [32] after x = mask x + the x of item ^ mask, for each bit of an item's number in turn. */
__kernel __attribute__((reqd_work_group_size(WARP, 1, 1))) void matrix_unit_exchange(
    __global const float *a, long aOffset, __global float *out, long outOffset) {
  SHOW_AMONG(WARP);
  const int item = get_local_id(0);
  float x = a[aOffset + item];
  for (int mask = 1; mask < 32; mask *= 2) x = mask * x + exchanged(x, mask, shown);
  out[outOffset + item] = x;
}

/* out [2][32 items][4] = the items' words of four matrices in `words` [32 rows][4], as they are and transposed. Row i
 * is row i % 8 of matrix i / 8, and lies in local memory as the 5i-th of 32, so that their order does not matter. */
__kernel __attribute__((reqd_work_group_size(WARP, 1, 1))) void matrix_unit_load(
    __global const uint *words, long wordsOffset, __global uint *out, long outOffset) {
  __local uint rows[32 * 4] __attribute__((aligned(16)));
  const uint item = get_local_id(0);
#define PROBE_ROW(matrix, row) (rows + (8 * (matrix) + (row)) * 5 % 32 * 4)
  for (uint i = 0; i < 4; i++) PROBE_ROW(0, item)[i] = words[wordsOffset + 4 * item + i];
  barrier(CLK_LOCAL_MEM_FENCE);
  uint asTheyAre[4], transposed[4];
  LOAD_MATRICES(asTheyAre, item, PROBE_ROW);
  LOAD_MATRICES_TRANSPOSED(transposed, item, PROBE_ROW);
  for (uint i = 0; i < 4; i++) {
    out[outOffset + 4 * item + i] = asTheyAre[i];
    out[outOffset + 128 + 4 * item + i] = transposed[i];
  }
}

/* out [2][32 items][4] = words [2][32 items][4]. Each item copies in two groups, and hands on what another one copied, of
 * the first group before it awaits the second. */
__kernel __attribute__((reqd_work_group_size(WARP, 1, 1))) void matrix_unit_copy(
    __global const uint *words, long wordsOffset, __global uint *out, long outOffset) {
  __local uint copied[2 * 32 * 4] __attribute__((aligned(16)));
  const int item = get_local_id(0), other = 31 - item;
  for (int i = 0; i < 8; i++) copied[32 * i + item] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int part = 0; part < 2; part++) {
    copy_chunk(words + wordsOffset + 128 * part + 4 * item, copied + 128 * part + 4 * item);
    COMMIT_COPIES();
  }
  AWAIT_COPIES(1);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < 4; i++) out[outOffset + 4 * other + i] = copied[4 * other + i];
  AWAIT_COPIES(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < 4; i++) out[outOffset + 128 + 4 * other + i] = copied[128 + 4 * other + i];
}
