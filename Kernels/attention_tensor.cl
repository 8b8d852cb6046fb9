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
#include "attention_geometry.cl"
#include "matrix_unit.cl"

#if !POSITIONS
#define BUCKETS 0
#elif ROW_BLOCKS > 1
#error "position scores are of a warp's first 16 rows only"
#endif
#ifndef HEAD
#define HEAD 64
#endif
#define WORDS TENSOR_WORDS(HEAD, TERMS)
#define PITCH TENSOR_PITCH(HEAD, TERMS)
/* Blocks of 16 rows that a warp owns. */
#ifndef ROW_BLOCKS
#define ROW_BLOCKS 1
#endif
/* Positions a group owns, and positions of the other side at a time, forward and backward. */
#define ROWS (TENSOR_ROWS(PITCH, BUCKETS) * ROW_BLOCKS)
#define KEYS TENSOR_KEYS(PITCH)
#define OTHERS TENSOR_OTHERS(HEAD, PITCH, BUCKETS)
#define ITEMS TENSOR_GROUP(PITCH, BUCKETS)

/* Each row turned by its number: the items that sum along rows then read from as many banks. */
#define GRADIENT_PLACE(row, n) ((row) * OTHERS + ((row) + (n)) % OTHERS)
#include "attention_group.cl"

/* One program: what a compiler makes of a kernel depends on those beside it, and all of these together keep within their
 * registers, which the backward ones alone do not. */
#include "attention_tensor_tile.cl"
#include "attention_tensor_rows.cl"
#include "attention_tensor_forward.cl"
#include "attention_tensor_backward.cl"
