/* What the row and element kernels are written in: one text for CPU-type devices and for GPUs.
 *
 *            V (floats a load)     LANES (work-items that share a row)
 *   CPU      16, 8 or 4            1: a work-item takes whole rows, a register's width at a time
 *   GPU      1                     a work-group takes a row, neighbours read neighbours
 *
 * A row of `columns` floats is walked as
 *
 *     FOR_ROW(c, n, columns) { floatv x = load(row + c, n, filler); ... store(row + c, n, x); }
 *
 * where n, the valid floats at c, is V but for the last piece; `filler` stands for the missing ones and is
 * chosen so that they do not count. Then group_sum / group_max combine what the lanes found. Every lane of a
 * work-group must reach them: they hold barriers.
 *
 * Runs without rows are walked as FOR_ELEMENTS: ELEMENTS_PER_GROUP consecutive elements a work-group.
 * The order of every sum depends on V, LANES and the sizes alone. */
#include "vector_geometry.cl"

#if V == 16
typedef float16 floatv;
typedef int16 intv;
#define VLOAD(p) vload16(0, p)
#define VSTORE(x, p) vstore16(x, 0, p)
#elif V == 8
typedef float8 floatv;
typedef int8 intv;
#define VLOAD(p) vload8(0, p)
#define VSTORE(x, p) vstore8(x, 0, p)
#elif V == 4
typedef float4 floatv;
typedef int4 intv;
#define VLOAD(p) vload4(0, p)
#define VSTORE(x, p) vstore4(x, 0, p)
#else
typedef float floatv;
typedef int intv;
#define VLOAD(p) (*(p))
#define VSTORE(x, p) (*(p) = (x))
#endif

#define STRIP STRIP_OF(V)

#define LANE ((int)get_local_id(0))
#define FOR_ROW(c, n, columns) \
  for (int c = LANE * V, n = min(V, (columns) - c); c < (columns); c += LANES * V, n = min(V, (columns) - c))

#define FOR_ELEMENTS(i, n, count) \
  for (long i = (long)get_group_id(0) * ELEMENTS_PER_GROUP + LANE * V, \
            i##End = min((long)(count), (long)(get_group_id(0) + 1) * ELEMENTS_PER_GROUP), \
            n = min((long)V, i##End - i); \
       i < i##End; i += LANES * V, n = min((long)V, i##End - i))

/* Rows first ..< end of a work-group that takes `perGroup` of them. */
#define FOR_GROUP_ROWS(row, rows, perGroup) \
  for (int row = get_group_id(0) * (perGroup), row##End = min((int)(rows), row + (int)(perGroup)); \
       row < row##End; row++)

inline floatv load(__global const float *p, int n, float filler) {
#if V == 1
  return *p;
#else
  if (n == V) return VLOAD(p);
  float piece[V];
  for (int i = 0; i < V; i++) piece[i] = i < n ? p[i] : filler;
  return VLOAD(piece);
#endif
}

inline void store(__global float *p, int n, floatv x) {
#if V == 1
  *p = x;
#else
  if (n == V) {
    VSTORE(x, p);
    return;
  }
  float piece[V];
  VSTORE(x, piece);
  for (int i = 0; i < n; i++) p[i] = piece[i];
#endif
}

inline float sum_lanes(floatv x) {
#if V == 16
  const float8 a = x.lo + x.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
#elif V == 8
  const float4 b = x.lo + x.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
#elif V == 4
  const float2 c = x.lo + x.hi;
  return c.x + c.y;
#else
  return x;
#endif
}

inline float max_lanes(floatv x) {
#if V == 16
  const float8 a = fmax(x.lo, x.hi);
  const float4 b = fmax(a.lo, a.hi);
  const float2 c = fmax(b.lo, b.hi);
  return fmax(c.x, c.y);
#elif V == 8
  const float4 b = fmax(x.lo, x.hi);
  const float2 c = fmax(b.lo, b.hi);
  return fmax(c.x, c.y);
#elif V == 4
  const float2 c = fmax(x.lo, x.hi);
  return fmax(c.x, c.y);
#else
  return x;
#endif
}

/* Combines the lanes of a work-group in a tree; the first barrier of the next call protects `scratch`.
 * GROUP_SCRATCH declares that memory in a kernel; the other two hand it to a function. */
#if LANES == 1
#define GROUP_SCRATCH
#define GROUP_SCRATCH_PARAMETER
#define GROUP_SCRATCH_ARGUMENT
#define group_sum(x) (x)
#define group_max(x) (x)
#else
#define GROUP_SCRATCH __local float groupScratch[LANES];
#define GROUP_SCRATCH_PARAMETER , __local float *groupScratch
#define GROUP_SCRATCH_ARGUMENT , groupScratch
#define group_sum(x) group_sum_(x, groupScratch)
#define group_max(x) group_max_(x, groupScratch)

inline float group_sum_(float x, __local float *scratch) {
  barrier(CLK_LOCAL_MEM_FENCE);
  scratch[LANE] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
    if (LANE < half_) scratch[LANE] += scratch[LANE + half_];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  return scratch[0];
}

inline float group_max_(float x, __local float *scratch) {
  barrier(CLK_LOCAL_MEM_FENCE);
  scratch[LANE] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
    if (LANE < half_) scratch[LANE] = fmax(scratch[LANE], scratch[LANE + half_]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  return scratch[0];
}
#endif
