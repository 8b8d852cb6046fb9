/* Every kernel source, embedded as a NUL-terminated string. */
#include "kernels.h"
