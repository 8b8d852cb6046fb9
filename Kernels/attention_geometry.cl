/* How attention is cut into work-items: numbers that its kernels share with the host, which reads them through
 * CAntKernels.h. */

/* MARK: CPU-type devices (attention_cpu.cl) */

/* Positions of a panel of vectors of `width` floats. */
#define CPU_LANES(width) (2 * (width))

/* MARK: GPUs (attention_gpu.cl) */

/* Items of a group lie GPU_SIDE x GPU_SIDE, and each owns `rows` rows of the group's tile. */
#define GPU_SIDE 8
#define GPU_ITEMS (GPU_SIDE * GPU_SIDE)
#define GPU_ROWS(rows) (GPU_SIDE * (rows))
/* Floats from one row of a head, and of scores, to the next in local memory. */
#define GPU_HEAD_PITCH(head) ((head) + 4)
#define GPU_SCORE_PITCH(rows) (GPU_ROWS(rows) + 4)
/* Floats of local memory that the largest kernel takes: four tiles of heads, two of scores and sums by bucket. */
#define GPU_LOCAL_FLOATS(head, rows, buckets) \
  (GPU_ROWS(rows) * (4 * GPU_HEAD_PITCH(head) + 2 * GPU_SCORE_PITCH(rows) + (buckets)))

/* MARK: Matrix units (attention_tensor.cl): of heads of `head` columns, `terms` a word, and sums by bucket `buckets` apart,
 * 0 where there are no position scores */

/* Words of a row, and from one row to the next in local memory. */
#define TENSOR_WORDS(head, terms) ((head) / (terms))
#define TENSOR_PITCH(head, terms) ((TENSOR_WORDS(head, terms) + 31) / 32 * 32)
/* Positions that a group owns whose warps own 16 each; and its work-items. */
#define TENSOR_ROWS(pitch, buckets) ((pitch) > ((buckets) > 0 ? 32 : 64) || (buckets) > 96 ? 32 : 64)
#define TENSOR_GROUP(pitch, buckets) (2 * TENSOR_ROWS(pitch, buckets))
/* Positions of the other side at a time, forward and backward. */
#define TENSOR_KEYS(pitch) ((pitch) > 32 ? 32 : 64)
#define TENSOR_OTHERS(head, pitch, buckets) ((pitch) > 96 || ((buckets) > 0 && (head) > 64) ? 16 : 32)
/* Words of local memory of the forward and of a backward pass over `rows` positions. */
#define TENSOR_FORWARD_WORDS(pitch, rows) ((pitch) * ((rows) + 2 * TENSOR_KEYS(pitch)))
#define TENSOR_BACKWARD_WORDS(head, pitch, rows, buckets) \
  ((pitch) * (2 * (rows) + 2 * TENSOR_OTHERS(head, pitch, buckets)) + (buckets) * (rows))
/* Floats that the first backward kernel leaves the second about each query. */
#define TENSOR_STATISTICS 4
