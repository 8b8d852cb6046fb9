/* The instruction of a matrix unit (tensor core) as a macro, and those that bring its operands to it. Operands are
 * rounded to tf32 (-DPRECISION=1) or bfloat16 (2), sums are float32.
 *
 * MMA multiplies a 16 x 8 block of A by an 8 x 8 block of B, counted in words of 32 bits: a word is one term of
 * tf32 or two neighbouring ones of bfloat16, and then everything below is the same for both.
 *
 *     mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32        16 x 8 times 8 x 8 terms
 *     mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32       16 x 16 times 16 x 8 terms
 *
 * 32 work-items side by side (a warp) hold the blocks; item l = 4 g + t has
 *
 *     A (16 rows x 8 words)          B (8 words x 8 columns)        C (16 rows x 8 columns)
 *     a0 = A[g][t]                   b0 = B[t][g]                   c0, c1 = C[g][2t], C[g][2t + 1]
 *     a1 = A[g + 8][t]               b1 = B[t + 4][g]               c2, c3 = C[g + 8][2t], C[g + 8][2t + 1]
 *     a2 = A[g][t + 4]
 *     a3 = A[g + 8][t + 4]
 *
 * LOAD_MATRICES and LOAD_MATRICES_TRANSPOSED (ldmatrix) read four matrices of 8 rows of 16 bytes from local memory,
 * wherever each row lies, one word of each matrix an item:
 *
 *     as they are   word t of row g: A's a0 where rows of A are rows of memory
 *     transposed    halves g of rows 2t and 2t + 1 as one word: B's b0 where terms of bfloat16 are rows of memory
 *
 * `copy_chunk` (cp.async) copies four words to local memory without a register in between. Of an item's copies,
 * those before its COMMIT_COPIES are a group; AWAIT_COPIES(n) returns when all but its last n groups have arrived, and
 * a barrier behind it shows them to the others.
 *
 * With -DMMA_PTX=1 the instruction is PTX, for NVIDIA devices of compute capability 8.0 or higher. Without, it is
 * put together from the words that the items of a warp show each other in local memory, by barriers that all of
 * the group meet: much slower, and what proves layouts and indexing on any device. So every item of
 * a group must come to every MMA and every `exchanged`, as often as the others. Warps of 32 items side by side in
 * dimension 0 of the group. With -DLDMATRIX=1 and -DCP_ASYNC=1 loads and copies are PTX as well; without, they are
 * ordinary ones that leave the same in the same registers and bytes, a copy at once.
 *
 * Source: PTX ISA, "Warp-level matrix instructions: mma", "ldmatrix" and "Asynchronous copy", for the instructions and
 * their layout. */
#include "matrix_unit_geometry.cl"
#include "precision.cl"

/* Sizes passed as constants must meet their loops: nothing here works as a call. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* Terms in a word. */
#define TERMS PRECISION

/* Terms x and y, rounded, as a word; tf32 has no y. */
INLINE uint word_of(float x, float y) {
#if MMA_PTX && PRECISION == 1
  uint word;
  __asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
#elif MMA_PTX
  uint word;
  __asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(y), "f"(x));
  return word;
#elif PRECISION == 1
  return as_uint(round_operand(x));
#else
  return as_uint(round_operand(x)) >> 16 | (as_uint(round_operand(y)) & 0xFFFF0000u);
#endif
}

#if MMA_PTX
/* Nothing to show anybody. */
#define SHOW_AMONG(items) __local uint *shown = 0

#if PRECISION == 1
#define INSTRUCTION "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
#else
#define INSTRUCTION "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
#endif

/* sum += A B. Volatile: all 32 items must execute it together, wherever it is moved. */
#define MMA(sum, a0, a1, a2, a3, b0, b1, shown)                                                             \
  __asm volatile(INSTRUCTION "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"              \
                 : "+f"((sum)[0]), "+f"((sum)[1]), "+f"((sum)[2]), "+f"((sum)[3])                           \
                 : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1))

/* The x of the item whose number differs in the bits of `mask`. */
INLINE float exchanged(float x, const int mask, __local uint *shown) {
  float other;
  __asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(other) : "f"(x), "r"(mask));
  return other;
}
#else
#define SHOW_AMONG(items) __local uint shown[(items) * SHOWN_WORDS]

/* One word of A times one of B, added to sum. */
INLINE float multiply_words(uint a, uint b, float sum) {
#if PRECISION == 1
  return fma(as_float(a), as_float(b), sum);
#else
  sum = fma(as_float(a << 16), as_float(b << 16), sum);
  return fma(as_float(a & 0xFFFF0000u), as_float(b & 0xFFFF0000u), sum);
#endif
}

/* sum += A B. `shown` is the group's, 6 words an item; barriers on both sides of reading it. */
INLINE void emulated_mma(
    float *sum, uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, __local uint *shown) {
  const int item = get_local_id(0), g = item % 32 / 4, t = item % 4;
  __local uint *own = shown + SHOWN_WORDS * item, *warp = shown + SHOWN_WORDS * (item - item % 32);
  own[0] = a0;
  own[1] = a1;
  own[2] = a2;
  own[3] = a3;
  own[4] = b0;
  own[5] = b1;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < 4; i++) {
    const int column = 2 * t + i % 2;
    for (int word = 0; word < 8; word++) {
      __local const uint *left = warp + SHOWN_WORDS * (4 * g + word % 4);
      __local const uint *right = warp + SHOWN_WORDS * (4 * column + word % 4);
      sum[i] = multiply_words(left[i / 2 + word / 4 * 2], right[4 + word / 4], sum[i]);
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}

#define MMA(sum, a0, a1, a2, a3, b0, b1, shown) emulated_mma(sum, a0, a1, a2, a3, b0, b1, shown)

INLINE float exchanged(float x, const int mask, __local uint *shown) {
  const int item = get_local_id(0);
  shown[item] = as_uint(x);
  barrier(CLK_LOCAL_MEM_FENCE);
  const float other = as_float(shown[item ^ mask]);
  barrier(CLK_LOCAL_MEM_FENCE);
  return other;
}
#endif

/* MARK: Loads and copies */

/* The four words of an item. AT(matrix, row) is where a row of a matrix begins, at 16 bytes. All 32 items of a warp
 * come to it together, and with PTX each tells the address of another row. */
#if LDMATRIX
#define LOAD_BY(instruction, words, item, AT)                                                               \
  __asm volatile("ldmatrix.sync.aligned.m8n8." instruction ".shared.b16 {%0, %1, %2, %3}, [%4];"            \
                 : "=r"((words)[0]), "=r"((words)[1]), "=r"((words)[2]), "=r"((words)[3])                   \
                 : "r"((uint)(size_t)(AT((item) % 32 / 8, (item) % 8)))                                     \
                 : "memory")
#define LOAD_MATRICES(words, item, AT) LOAD_BY("x4", words, item, AT)
#define LOAD_MATRICES_TRANSPOSED(words, item, AT) LOAD_BY("x4.trans", words, item, AT)
#else
#define WORD_AT(matrix, item, AT) ((__local const uint *)(AT(matrix, (item) % 32 / 4)))[(item) % 4]
#define HALF_AT(matrix, row, item, AT) (uint)((__local const ushort *)(AT(matrix, row)))[(item) % 32 / 4]
#define PAIR_AT(matrix, item, AT)                                                                           \
  (HALF_AT(matrix, (item) % 4 * 2, item, AT) | HALF_AT(matrix, (item) % 4 * 2 + 1, item, AT) << 16)
#define LOAD_BY(KIND, words, item, AT)                                                                      \
  (words)[0] = KIND(0, item, AT), (words)[1] = KIND(1, item, AT), (words)[2] = KIND(2, item, AT),           \
  (words)[3] = KIND(3, item, AT)
#define LOAD_MATRICES(words, item, AT) LOAD_BY(WORD_AT, words, item, AT)
#define LOAD_MATRICES_TRANSPOSED(words, item, AT) LOAD_BY(PAIR_AT, words, item, AT)
#endif

/* Copies four words, at 16 bytes here and there. Through the first-level cache (.ca): past it (.cg) an H200 copies half
 * as fast, 3.4 TB/s. */
#if CP_ASYNC
INLINE void copy_chunk(__global const uint *from, __local uint *to) {
  __asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" : : "r"((uint)(size_t)to), "l"(from) : "memory");
}
#define COMMIT_COPIES() __asm volatile("cp.async.commit_group;" : : : "memory")
#define AWAIT_COPIES(groups) __asm volatile("cp.async.wait_group %0;" : : "n"(groups) : "memory")
#else
INLINE void copy_chunk(__global const uint *from, __local uint *to) {
  *(__local uint4 *)to = *(__global const uint4 *)from;
}
#define COMMIT_COPIES()
#define AWAIT_COPIES(groups)
#endif
