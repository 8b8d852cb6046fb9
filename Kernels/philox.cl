/* Philox4x32-10 (Salmon et al. 2011), the counter-based generator of every random draw, on vectors of counters:
 * lane l of x, y, z, w is one counter (block low, block high, step, purpose), and becomes its block's four words.
 *
 * Before including it, PHILOX_LANES is 1, 2, 4, 8 or 16. */

#define PHILOX_JOIN_(a, b) a##b
#define PHILOX_JOIN(a, b) PHILOX_JOIN_(a, b)
#if PHILOX_LANES == 1
typedef uint philox_uint;
typedef ulong philox_ulong;
#define PHILOX_LOW (uint)
#define PHILOX_WIDE (ulong)
#define PHILOX_FLOAT (float)
#else
typedef PHILOX_JOIN(uint, PHILOX_LANES) philox_uint;
typedef PHILOX_JOIN(ulong, PHILOX_LANES) philox_ulong;
#define PHILOX_LOW PHILOX_JOIN(convert_uint, PHILOX_LANES)
#define PHILOX_WIDE PHILOX_JOIN(convert_ulong, PHILOX_LANES)
#define PHILOX_FLOAT PHILOX_JOIN(convert_float, PHILOX_LANES)
#endif

static inline __attribute__((always_inline)) void philox(
    philox_uint *x, philox_uint *y, philox_uint *z, philox_uint *w, uint keyLow, uint keyHigh) {
  for (int round = 0; round < 10; round++) {
    const philox_ulong low = PHILOX_WIDE(*x) * 0xD2511F53ul, high = PHILOX_WIDE(*z) * 0xCD9E8D57ul;
    *x = PHILOX_LOW(high >> 32) ^ *y ^ keyLow;
    *y = PHILOX_LOW(high);
    *z = PHILOX_LOW(low >> 32) ^ *w ^ keyHigh;
    *w = PHILOX_LOW(low);
    keyLow += 0x9E3779B9u;
    keyHigh += 0xBB67AE85u;
  }
}

/* The top 24 bits of a word, exactly representable, as a number in [0, 1). */
#define UNIFORM(word) (PHILOX_FLOAT((word) >> 8) * 0x1p-24f)
