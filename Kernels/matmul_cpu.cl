/* C = A' B' [+ C] [+ bias] [+ residual] for CPU-type devices; A' is m x k, B' is k x n, row-major C.
 *
 * Both operands are copied into panels, so that the inner loop reads memory in one straight line whatever the
 * transposition or the row stride (unpacked, speed falls to a third at strides of 2^n):
 *
 *     A'  m                          A: panel after panel               B'  likewise,
 *     +--------+                     +-----------------------+          COLUMNS columns a panel:
 *     | panel0 | ROWS rows           | term 0: ROWS values   |          term 0: COLUMNS values,
 *     +--------+              -->    | term 1: ROWS values   |          term 1: COLUMNS values, ...
 *     | panel1 |                     |  ...                  |
 *     +--------+                     +-----------------------+          missing rows and columns: zeros
 *
 * Packing also rounds to the precision of the product (-DPRECISION, precision.cl).
 *
 * B is packed whole, once, by `matmul_pack_columns`. A is packed by the work-item that needs it, a block of
 * rows and PACKED_TERMS terms at a time, into private memory: it stays in the second-level cache, and nothing of it
 * travels to memory and back.
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
 * Limits: sizes and row strides below 2^31; ROWS and COLUMNS multiples of 4; depth <= PACKED_TERMS;
 * rowPanels * ROWS <= PACKED_ROWS.
 * Source: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", 2008. */
#include "matmul_geometry.cl"
#include "precision.cl"

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#define INLINE static inline __attribute__((always_inline))

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VECTOR JOIN(float, WIDTH)
#define LOAD JOIN(vload, WIDTH)
#define STORE JOIN(vstore, WIDTH)
#define ROUND JOIN(round_operand, WIDTH)
#define COLUMNS (WIDTH * VECTORS)

/* MARK: Packing */

/* out[t] = term t of four lanes, from four terms of each lane. */
INLINE void transpose_4x4(__global const float *lanes, long laneStride, float4 out[4]) {
  const float4 a = round_operand4(vload4(0, lanes));
  const float4 b = round_operand4(vload4(0, lanes + laneStride));
  const float4 c = round_operand4(vload4(0, lanes + 2 * laneStride));
  const float4 d = round_operand4(vload4(0, lanes + 3 * laneStride));
  const float4 ab01 = (float4)(a.s0, b.s0, a.s1, b.s1), ab23 = (float4)(a.s2, b.s2, a.s3, b.s3);
  const float4 cd01 = (float4)(c.s0, d.s0, c.s1, d.s1), cd23 = (float4)(c.s2, d.s2, c.s3, d.s3);
  out[0] = (float4)(ab01.lo, cd01.lo);
  out[1] = (float4)(ab01.hi, cd01.hi);
  out[2] = (float4)(ab23.lo, cd23.lo);
  out[3] = (float4)(ab23.hi, cd23.hi);
}

/* panel[t][row] = a[row * rowStride + t * termStride] for ROWS rows, those beyond `valid` zero. */
INLINE void pack_rows(
    __global const float *a, long rowStride, long termStride, int valid, int terms, float *panel) {
  int t = 0;
  if (valid == ROWS && termStride == 1) {
    for (; t + 4 <= terms; t += 4)
#pragma unroll
      for (int row = 0; row < ROWS; row += 4) {
        float4 columns[4];
        transpose_4x4(a + row * rowStride + t, rowStride, columns);
#pragma unroll
        for (int i = 0; i < 4; i++) vstore4(columns[i], 0, panel + (t + i) * ROWS + row);
      }
  } else if (valid == ROWS && rowStride == 1) {
    for (; t < terms; t++)
#pragma unroll
      for (int row = 0; row < ROWS; row += 4)
        vstore4(round_operand4(vload4(0, a + t * termStride + row)), 0, panel + t * ROWS + row);
  }
  for (; t < terms; t++)
    for (int row = 0; row < ROWS; row++)
      panel[t * ROWS + row] = row < valid ? round_operand(a[row * rowStride + t * termStride]) : 0.0f;
}

/* One work-item packs `group` panels of COLUMNS columns over `slice` terms. Where columns are neighbours in
 * memory all panels advance together, term by term, so that memory is read in long runs. Global size: panel
 * groups x term slices x batch. */
__kernel void matmul_pack_columns(
    __global const float *b, long bOffset, long bBatchStride, int columnStep, int termStep, int n, int k,
    int group, int slice, __global float *packed, long packedOffset, long packedBatchStride) {
  const int firstPanel = get_global_id(0) * group;
  const int panels = min(group, (n + COLUMNS - 1) / COLUMNS - firstPanel);
  const int first = get_global_id(1) * slice, end = min(first + slice, k);
  const int valid = n - firstPanel * COLUMNS, whole = min(panels, valid / COLUMNS);
  const long panelSize = (long)k * COLUMNS, columnStride = columnStep, termStride = termStep;
  b += bOffset + get_global_id(2) * bBatchStride + firstPanel * COLUMNS * columnStride;
  packed += packedOffset + get_global_id(2) * packedBatchStride + firstPanel * panelSize;
  if (columnStride == 1) {
    for (int term = first; term < end; term++)
      for (int panel = 0; panel < whole; panel++)
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
          STORE(
              ROUND(LOAD(v, b + term * termStride + panel * COLUMNS)), v,
              packed + panel * panelSize + (long)term * COLUMNS);
  } else {
    for (int panel = 0; panel < whole; panel++) {
      __global const float *from = b + panel * COLUMNS * columnStride;
      __global float *to = packed + panel * panelSize;
      int term = first;
      if (termStride == 1)
        for (; term + 4 <= end; term += 4)
          for (int column = 0; column < COLUMNS; column += 4) {
            float4 rows[4];
            transpose_4x4(from + column * columnStride + term, columnStride, rows);
#pragma unroll
            for (int i = 0; i < 4; i++) vstore4(rows[i], 0, to + (long)(term + i) * COLUMNS + column);
          }
      for (; term < end; term++)
        for (int column = 0; column < COLUMNS; column++)
          to[(long)term * COLUMNS + column] = round_operand(from[column * columnStride + term * termStride]);
    }
  }
  for (int panel = whole; panel < panels; panel++)
    for (int term = first; term < end; term++)
      for (int column = 0; column < COLUMNS; column++) {
        const int at = panel * COLUMNS + column;
        packed[panel * panelSize + (long)term * COLUMNS + column] =
            at < valid ? round_operand(b[at * columnStride + term * termStride]) : 0.0f;
      }
}

/* MARK: The product */

/* tile = a panel of A times a panel of B over `depth` terms. */
INLINE void multiply_panels(const float *a, __global const float *b, int depth, float *tile) {
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

/* Global size: row blocks x column blocks x batch. A batch stride of 0 shares the packed B. Tiles above the diagonal of a
 * symmetric C are left to matmul_mirror. */
__kernel void matmul_packed(
    __global const float *a, long aOffset, long aBatchStride, int aRowStride, int aTermStride,
    __global const float *packedB, long bOffset, long bBatchStride, __global float *c, long cOffset,
    long cBatchStride, int cStride, __global const float *bias, long biasOffset,
    __global const float *residual, long residualOffset, int m, int n, int k, int depth, int rowPanels,
    int columnPanels, int epilogue) {
  const long batch = get_global_id(2), rowStride = aRowStride, termStride = aTermStride;
  a += aOffset + batch * aBatchStride;
  packedB += bOffset + batch * bBatchStride;
  c += cOffset + batch * cBatchStride;
  bias += biasOffset;
  residual += residualOffset + batch * cBatchStride;
  const int firstRow = get_global_id(0) * rowPanels, firstColumn = get_global_id(1) * columnPanels;
  const int endRow = min(firstRow + rowPanels, (m + ROWS - 1) / ROWS);
  const int endColumn = min(firstColumn + columnPanels, (n + COLUMNS - 1) / COLUMNS);
  const int lower = epilogue & LOWER_TRIANGLE;
  float packedA[PACKED_ROWS * PACKED_TERMS], tile[ROWS * COLUMNS];
  /* An empty sum (k = 0) still has its epilogue: hence at least one pass. */
  for (int term = 0; term == 0 || term < k; term += depth) {
    const int terms = min(depth, k - term);
    for (int row = firstRow; row < endRow; row++) {
      if (lower && firstColumn * COLUMNS >= (row + 1) * ROWS) continue;
      pack_rows(
          a + row * ROWS * rowStride + term * termStride, rowStride, termStride, min(ROWS, m - row * ROWS),
          terms,
          packedA + (row - firstRow) * ROWS * terms);
    }
    for (int column = firstColumn; column < endColumn; column++)
      for (int row = firstRow; row < endRow; row++) {
        if (lower && column * COLUMNS >= (row + 1) * ROWS) continue;
        multiply_panels(
            packedA + (row - firstRow) * ROWS * terms, packedB + ((long)column * k + term) * COLUMNS, terms,
            tile);
        const long at = (long)row * ROWS * cStride + column * COLUMNS;
        store_tile(
            tile, c + at, bias + column * COLUMNS, residual + at, cStride, min(ROWS, m - row * ROWS),
            min(COLUMNS, n - column * COLUMNS), term == 0 ? epilogue : ADD_C);
      }
  }
}

/* What lies below the diagonal of C, copied above it, square by square. Global size: row squares x column squares x
 * batch. */
__kernel void matmul_mirror(__global float *c, long cOffset, long cBatchStride, int cStride, int n) {
  const int firstRow = get_global_id(0) * MIRROR_SIDE, firstColumn = get_global_id(1) * MIRROR_SIDE;
  const int endRow = min(firstRow + MIRROR_SIDE, n);
  c += cOffset + get_global_id(2) * cBatchStride;
  for (int row = firstRow; row < endRow; row++)
    for (int column = firstColumn, end = min(firstColumn + MIRROR_SIDE, row); column < end; column++)
      c[(long)column * cStride + row] = c[(long)row * cStride + column];
}

/* MARK: Few rows (m <= FEW_ROWS, generation): B is read once, where it lies; operands are rounded as they are read */

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
      const VECTOR x = ROUND(LOAD(0, a + i * aStride + term));
#pragma unroll
      for (int j = 0; j < 4; j++) sum[i][j] = fma(x, ROUND(LOAD(0, from[j] + term)), sum[i][j]);
    }
  }
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float total = horizontal_sum(sum[i][j]);
      for (int rest = term; rest < k; rest++)
        total = fma(round_operand(a[i * aStride + rest]), round_operand(from[j][rest]), total);
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
      const VECTOR x = ROUND(LOAD(v, b));
#pragma unroll
      for (int i = 0; i < rows; i++)
        sum[i][v] = fma((VECTOR)(round_operand(a[i * aStride + term])), x, sum[i][v]);
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
              total =
                  fma(round_operand(from[(long)i * aStride + term]),
                      round_operand(b[(long)term * bStride + column + j]), total);
            strip[i * COLUMNS + j] = total;
          }
      for (int i = 0; i < rows; i++, row++)
        for (int j = 0; j < columns; j++)
          store_value(
              strip[i * COLUMNS + j], c, bias, residual, (long)row * cStride + column + j, column + j,
              epilogue);
    }
}
