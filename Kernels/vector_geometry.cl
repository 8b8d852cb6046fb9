/* How rows and runs of elements (vector.cl) are cut into work-items: numbers that kernels share with the host, which reads
 * them through CAntKernels.h. */

/* Elements of a run that a work-group takes. */
#define ELEMENTS_PER_GROUP 16384

/* Vectors of `width` floats that a work-item owns side by side where it walks down columns: whole cache lines of every
 * row. */
#define STRIP_OF(width) ((width) > 1 ? 8 : 1)
