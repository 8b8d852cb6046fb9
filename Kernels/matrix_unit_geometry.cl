/* Numbers that the kernels of matrix units (matrix_unit.cl) share with the host, which reads them through CAntKernels.h. */

/* Work-items side by side that hold the blocks of an instruction. */
#define WARP 32
/* Words of A and B that an item shows the others of its warp, in local memory, where the instruction is emulated. */
#define SHOWN_WORDS 6
