/* The kernel sources, embedded in the binary. */
#ifndef CANTKERNELS_H
#define CANTKERNELS_H

#include "Geometry.h"

typedef struct {
  /* The file's name without its extension. */
  const char *name;
  const char *source;
} KernelSource;

extern const int kernelSourceCount;
const KernelSource *kernelSource(int index);

#endif
