/* The pieces of attention on matrix units that bring rows to local memory, multiply them and write results (see
 * attention_tensor.cl). */

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
