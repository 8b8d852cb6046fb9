/* How products are cut into work-items: numbers that the kernels of matmul share with the host, which reads them through
 * CAntKernels.h. */

/* What is added to a product: the bits of an argument. */
#define ADD_C 1
#define ADD_BIAS 2
#define ADD_RESIDUAL 4
/* Beside them: C is symmetric, and only what lies on and below the diagonal is asked for. */
#define LOWER_TRIANGLE 8
#define MIRROR_SIDE 32

/* Rows of A that are so few that B is best read once, where it lies. */
#define FEW_ROWS 8

/* MARK: CPU-type devices (matmul_cpu.cl) */

/* Rows and terms of A that a work-item packs at a time, at most: 108 KB. */
#define PACKED_ROWS 72
#define PACKED_TERMS 384

/* MARK: GPUs (matmul_gpu.cl) */

/* Terms in a step, work-items of a tile, and floats from one staged term to the next. */
#define FLOAT_STEP 16
#define FLOAT_ITEMS(tile) (2 * (tile))
#define FLOAT_PITCH(tile) ((tile) + 4)
/* Floats of local memory: two operands in two buffers each. */
#define FLOAT_STAGED(tile) (2 * 2 * FLOAT_STEP * FLOAT_PITCH(tile))

/* Few rows: work-items of a group, and how many of them share a column, whose terms are neighbours in memory or not. */
#define FEW_ROWS_ITEMS 256
#define FEW_ROWS_LANES(areNeighbours) ((areNeighbours) ? 32 : 8)

/* MARK: Matrix units (matmul_tensor.cl) */

/* Words in a step, lanes in a block, and work-items that pack a step of one. */
#define TENSOR_STEP_WORDS 16
#define TENSOR_LANES 64
#define TENSOR_PACK_ITEMS 256
/* Work-items of a tile, and steps that local memory holds. */
#define TENSOR_ITEMS 128
#define TENSOR_STAGES 3
/* Words of local memory: two operands. */
#define TENSOR_STAGED(tile) (2 * TENSOR_STAGES * (tile) * TENSOR_STEP_WORDS)
