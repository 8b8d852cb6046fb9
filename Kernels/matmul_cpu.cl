/* C = A' B' [+ C] [+ bias] [+ residual] for CPU-type devices; A' is m x k, B' is k x n, row-major C.
 *
 * Both operands are first copied into panels, so that the inner loop reads memory in one straight line
 * whatever the transposition or the row stride (unpacked, speed falls to a third at strides of 2^n):
 *
 *     A'  m                          packed A: panel after panel        B'  packed likewise,
 *     +--------+                     +-----------------------+          COLUMNS columns a panel:
 *     | panel0 | ROWS rows           | term 0: ROWS values   |          term 0: COLUMNS values,
 *     +--------+              -->    | term 1: ROWS values   |          term 1: COLUMNS values, ...
 *     | panel1 |                     |  ...        k terms   |
 *     +--------+                     +-----------------------+          missing rows and columns: zeros
 *
 * The tile: ROWS x VECTORS vectors of WIDTH floats of C stay in registers while one panel of A meets one
 * panel of B; a term costs ROWS x VECTORS fused multiply-adds, VECTORS loads and ROWS broadcasts. It has to
 * fill the register file (accumulators + VECTORS + 1) and hide the latency of the multiply-add (>= 8 chains):
 *
 *     WIDTH 16 (AVX-512, 32 registers)  12 x 32      WIDTH 8 (AVX2, 16 registers)  4 x 24
 *     WIDTH 4  (SSE, NEON)               4 x 12
 *
 * Geometry: work-groups of one work-item (a barrier would make a CPU's work-group function scalar), one a
 * block of rowPanels x columnPanels tiles. `depth` terms at a time, so that a panel of B (depth * COLUMNS
 * floats) stays in the first-level cache; C is read and written once per depth block.
 * Order of summation: fused multiply-adds over the terms of a depth block in order, blocks in order: a
 * function of k alone.
 * Limits: sizes and row strides below 2^31; ROWS and COLUMNS multiples of 4.
 * Source: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", 2008. */

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#define INLINE static inline __attribute__((always_inline))

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR JOIN(float, WIDTH)
#define LOAD JOIN(vload, WIDTH)
#define STORE JOIN(vstore, WIDTH)
#define COLUMNS (WIDTH * VECTORS)

/* What is added to the product. */
#define ADD_C 1
#define ADD_BIAS 2
#define ADD_RESIDUAL 4

/* MARK: Packing */

/* Four terms of four lanes: out[term][lane] = source[lane][term]. */
INLINE void transpose_4x4(__global const float *source, long laneStride, __global float *packed, int lanes) {
  const float4 a = vload4(0, source);
  const float4 b = vload4(0, source + laneStride);
  const float4 c = vload4(0, source + 2 * laneStride);
  const float4 d = vload4(0, source + 3 * laneStride);
  const float4 ab01 = (float4)(a.s0, b.s0, a.s1, b.s1), ab23 = (float4)(a.s2, b.s2, a.s3, b.s3);
  const float4 cd01 = (float4)(c.s0, d.s0, c.s1, d.s1), cd23 = (float4)(c.s2, d.s2, c.s3, d.s3);
  vstore4((float4)(ab01.lo, cd01.lo), 0, packed);
  vstore4((float4)(ab01.hi, cd01.hi), 0, packed + lanes);
  vstore4((float4)(ab23.lo, cd23.lo), 0, packed + 2 * lanes);
  vstore4((float4)(ab23.hi, cd23.hi), 0, packed + 3 * lanes);
}

/* Copies the terms first ..< end of `panels` panels of `lanes` lanes each. A lane is a row of A' or a column
 * of B'; `valid` lanes exist, the rest is zeros. Where lanes are neighbours in memory, all panels advance
 * together term by term, so that memory is read in long runs. */
INLINE void pack_panels(
    __global const float *source, long laneStride, long termStride, int valid, int first, int end,
    __global float *packed, long panelSize, int panels, const int lanes) {
  const int whole = min(panels, valid / lanes);
  if (laneStride == 1) {
    for (int term = first; term < end; term++)
      for (int panel = 0; panel < whole; panel++)
        for (int lane = 0; lane < lanes; lane += 4)
          vstore4(
              vload4(0, source + term * termStride + panel * lanes + lane), 0,
              packed + panel * panelSize + (long)term * lanes + lane);
  } else {
    for (int panel = 0; panel < whole; panel++) {
      __global const float *from = source + panel * lanes * laneStride;
      __global float *to = packed + panel * panelSize;
      int term = first;
      if (termStride == 1)
        for (; term + 4 <= end; term += 4)
          for (int lane = 0; lane < lanes; lane += 4)
            transpose_4x4(from + lane * laneStride + term, laneStride, to + (long)term * lanes + lane, lanes);
      for (; term < end; term++)
        for (int lane = 0; lane < lanes; lane++)
          to[(long)term * lanes + lane] = from[lane * laneStride + term * termStride];
    }
  }
  for (int panel = whole; panel < panels; panel++)
    for (int term = first; term < end; term++)
      for (int lane = 0; lane < lanes; lane++) {
        const int at = panel * lanes + lane;
        packed[panel * panelSize + (long)term * lanes + lane] =
            at < valid ? source[at * laneStride + term * termStride] : 0.0f;
      }
}

/* One work-item packs `group` panels over `slice` terms. Global size: panel groups x term slices x batch. */
__kernel void matmul_pack_rows(
    __global const float *a, long aOffset, long aBatchStride, int rowStride, int termStride, int m, int k,
    int group, int slice, __global float *packed, long packedOffset,
    long packedBatchStride) {
  const int panel = get_global_id(0) * group, first = get_global_id(1) * slice;
  const long panelSize = (long)k * ROWS;
  pack_panels(
      a + aOffset + get_global_id(2) * aBatchStride + (long)panel * ROWS * rowStride, rowStride, termStride,
      m - panel * ROWS, first, min(first + slice, k),
      packed + packedOffset + get_global_id(2) * packedBatchStride + panel * panelSize, panelSize,
      min(group, (m + ROWS - 1) / ROWS - panel), ROWS);
}

__kernel void matmul_pack_columns(
    __global const float *b, long bOffset, long bBatchStride, int columnStride, int termStride, int n, int k,
    int group, int slice, __global float *packed, long packedOffset,
    long packedBatchStride) {
  const int panel = get_global_id(0) * group, first = get_global_id(1) * slice;
  const long panelSize = (long)k * COLUMNS;
  pack_panels(
      b + bOffset + get_global_id(2) * bBatchStride + (long)panel * COLUMNS * columnStride, columnStride,
      termStride, n - panel * COLUMNS, first, min(first + slice, k),
      packed + packedOffset + get_global_id(2) * packedBatchStride + panel * panelSize, panelSize,
      min(group, (n + COLUMNS - 1) / COLUMNS - panel), COLUMNS);
}

/* MARK: The product of packed operands */

/* tile = a panel of A times a panel of B over `depth` terms. */
INLINE void multiply_panels(
    __global const float *a, __global const float *b, int depth, float *tile) {
  VECTOR sum[ROWS][VECTORS];
#pragma unroll
  for (int i = 0; i < ROWS; i++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) sum[i][v] = (VECTOR)(0.0f);
  for (int term = 0; term < depth; term++, a += ROWS, b += COLUMNS) {
    VECTOR row[VECTORS];
#pragma unroll
    for (int v = 0; v < VECTORS; v++) row[v] = LOAD(v, b);
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
      for (int v = 0; v < VECTORS; v++) sum[i][v] = fma((VECTOR)(a[i]), row[v], sum[i][v]);
  }
#pragma unroll
  for (int i = 0; i < ROWS; i++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) STORE(sum[i][v], v, tile + i * COLUMNS);
}

/* Writes the part of `tile` that C has room for, with the epilogue. */
INLINE void store_tile(
    const float *tile, __global float *c, __global const float *bias, __global const float *residual,
    int stride, int rows, int columns, int epilogue) {
  for (int i = 0; i < rows; i++, tile += COLUMNS, c += stride, residual += stride) {
    if (columns == COLUMNS) {
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        VECTOR value = LOAD(v, tile);
        if (epilogue & ADD_C) value += LOAD(v, c);
        if (epilogue & ADD_BIAS) value += LOAD(v, bias);
        if (epilogue & ADD_RESIDUAL) value += LOAD(v, residual);
        STORE(value, v, c);
      }
    } else {
      for (int j = 0; j < columns; j++) {
        float value = tile[j];
        if (epilogue & ADD_C) value += c[j];
        if (epilogue & ADD_BIAS) value += bias[j];
        if (epilogue & ADD_RESIDUAL) value += residual[j];
        c[j] = value;
      }
    }
  }
}

/* Global size: row blocks x column blocks x batch. A batch stride of 0 shares a packed operand. */
__kernel void matmul_packed(
    __global const float *packedA, long aOffset, long aBatchStride, __global const float *packedB,
    long bOffset, long bBatchStride, __global float *c, long cOffset, long cBatchStride, int cStride,
    __global const float *bias, long biasOffset, __global const float *residual, long residualOffset, int m,
    int n, int k, int depth,
    int rowPanels, int columnPanels, int epilogue) {
  const long batch = get_global_id(2);
  packedA += aOffset + batch * aBatchStride;
  packedB += bOffset + batch * bBatchStride;
  c += cOffset + batch * cBatchStride;
  bias += biasOffset;
  residual += residualOffset + batch * cBatchStride;
  const int firstRow = get_global_id(0) * rowPanels, firstColumn = get_global_id(1) * columnPanels;
  const int endRow = min(firstRow + rowPanels, (m + ROWS - 1) / ROWS);
  const int endColumn = min(firstColumn + columnPanels, (n + COLUMNS - 1) / COLUMNS);
  float tile[ROWS * COLUMNS];
  /* An empty sum (k = 0) still has its epilogue: hence at least one pass. */
  for (int term = 0; term == 0 || term < k; term += depth)
    for (int column = firstColumn; column < endColumn; column++)
      for (int row = firstRow; row < endRow; row++) {
        multiply_panels(
            packedA + ((long)row * k + term) * ROWS, packedB + ((long)column * k + term) * COLUMNS,
            min(depth, k - term), tile);
        const long at = (long)row * ROWS * cStride + column * COLUMNS;
        store_tile(
            tile, c + at, bias + column * COLUMNS, residual + at, cStride, min(ROWS, m - row * ROWS),
            min(COLUMNS, n - column * COLUMNS), term == 0 ? epilogue : ADD_C);
      }
}

/* MARK: Few rows (m <= 8, generation): B is read once, where it lies */

INLINE float horizontal_sum(VECTOR x) {
#if WIDTH == 16
  const float8 folded = x.lo + x.hi;
  const float4 quarter = folded.lo + folded.hi;
#elif WIDTH == 8
  const float4 quarter = x.lo + x.hi;
#else
  const float4 quarter = x;
#endif
  const float2 pair = quarter.lo + quarter.hi;
  return pair.s0 + pair.s1;
}

INLINE void store_value(
    float value, __global float *c, __global const float *bias, __global const float *residual, long at,
    int column, int epilogue) {
  if (epilogue & ADD_C) value += c[at];
  if (epilogue & ADD_BIAS) value += bias[column];
  if (epilogue & ADD_RESIDUAL) value += residual[at];
  c[at] = value;
}

/* `rows` x 4 dot products of length k, k contiguous in both operands: 4 chains of multiply-adds or more. */
INLINE void dot_products(
    __global const float *a, long aStride, __global const float *b, long bStride, int k, int columns,
    float result[4][4], const int rows) {
  VECTOR sum[4][4];
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) sum[i][j] = (VECTOR)(0.0f);
  /* A column beyond the last repeats the last; its result is dropped. */
  __global const float *from[4];
#pragma unroll
  for (int j = 0; j < 4; j++) from[j] = b + min(j, columns - 1) * bStride;
  int term = 0;
  for (; term + WIDTH <= k; term += WIDTH) {
#pragma unroll
    for (int i = 0; i < rows; i++) {
      const VECTOR x = LOAD(0, a + i * aStride + term);
#pragma unroll
      for (int j = 0; j < 4; j++) sum[i][j] = fma(x, LOAD(0, from[j] + term), sum[i][j]);
    }
  }
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float total = horizontal_sum(sum[i][j]);
      for (int rest = term; rest < k; rest++) total = fma(a[i * aStride + rest], from[j][rest], total);
      result[i][j] = total;
    }
}

/* B' transposed (weights [n, k]): one work-item, `share` columns. Global size: column shares x 1 x batch. */
__kernel void matmul_few_rows_transposed(
    __global const float *a, long aOffset, long aBatchStride, int aStride, __global const float *b,
    long bOffset, long bBatchStride, int bStride, __global float *c, long cOffset, long cBatchStride,
    int cStride, __global const float *bias, long biasOffset, __global const float *residual,
    long residualOffset, int m, int n, int k, int share, int epilogue) {
  const long batch = get_global_id(2);
  a += aOffset + batch * aBatchStride;
  b += bOffset + batch * bBatchStride;
  c += cOffset + batch * cBatchStride;
  bias += biasOffset;
  residual += residualOffset + batch * cBatchStride;
  const int first = get_global_id(0) * share, end = min(first + share, n);
  for (int column = first; column < end; column += 4)
    for (int row = 0; row < m;) {
      const int columns = min(4, end - column), rows = m - row >= 4 ? 4 : 1;
      __global const float *from = a + (long)row * aStride, *weights = b + (long)column * bStride;
      float result[4][4];
      if (rows == 4)
        dot_products(from, aStride, weights, bStride, k, columns, result, 4);
      else
        dot_products(from, aStride, weights, bStride, k, columns, result, 1);
      for (int i = 0; i < rows; i++, row++)
        for (int j = 0; j < columns; j++)
          store_value(
              result[i][j], c, bias, residual, (long)row * cStride + column + j, column + j, epilogue);
    }
}

/* `rows` rows of A times a strip of COLUMNS columns of B. */
INLINE void multiply_strip(
    __global const float *a, long aStride, __global const float *b, long bStride, int k, float *strip,
    const int rows) {
  VECTOR sum[4][VECTORS];
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) sum[i][v] = (VECTOR)(0.0f);
  for (int term = 0; term < k; term++, b += bStride)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const VECTOR x = LOAD(v, b);
#pragma unroll
      for (int i = 0; i < rows; i++) sum[i][v] = fma((VECTOR)(a[i * aStride + term]), x, sum[i][v]);
    }
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) STORE(sum[i][v], v, strip + i * COLUMNS);
}

/* B' as it lies ([k, n]): one work-item, `share` columns. Global size: column shares x 1 x batch. */
__kernel void matmul_few_rows(
    __global const float *a, long aOffset, long aBatchStride, int aStride, __global const float *b,
    long bOffset, long bBatchStride, int bStride, __global float *c, long cOffset, long cBatchStride,
    int cStride, __global const float *bias, long biasOffset, __global const float *residual,
    long residualOffset, int m, int n, int k, int share, int epilogue) {
  const long batch = get_global_id(2);
  a += aOffset + batch * aBatchStride;
  b += bOffset + batch * bBatchStride;
  c += cOffset + batch * cBatchStride;
  bias += biasOffset;
  residual += residualOffset + batch * cBatchStride;
  const int first = get_global_id(0) * share, end = min(first + share, n);
  for (int column = first; column < end; column += COLUMNS)
    for (int row = 0; row < m;) {
      const int columns = min(COLUMNS, end - column), rows = m - row >= 4 ? 4 : 1;
      __global const float *from = a + (long)row * aStride;
      float strip[4 * COLUMNS];
      if (columns == COLUMNS && rows == 4)
        multiply_strip(from, aStride, b + column, bStride, k, strip, 4);
      else if (columns == COLUMNS)
        multiply_strip(from, aStride, b + column, bStride, k, strip, 1);
      else
        for (int i = 0; i < rows; i++)
          for (int j = 0; j < columns; j++) {
            float total = 0.0f;
            for (int term = 0; term < k; term++)
              total = fma(from[(long)i * aStride + term], b[(long)term * bStride + column + j], total);
            strip[i * COLUMNS + j] = total;
          }
      for (int i = 0; i < rows; i++, row++)
        for (int j = 0; j < columns; j++)
          store_value(
              strip[i * COLUMNS + j], c, bias, residual, (long)row * cStride + column + j, column + j,
              epilogue);
    }
}
