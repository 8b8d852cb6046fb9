#include "kernels.h"

/* One array a file: its text and the final zero. A new family is one line here and one below. */
static const char elementwise[] = {
#embed "elementwise.cl"
    , 0};

static const KernelSource sources[] = {
    {"elementwise", elementwise},
};

const int kernelSourceCount = sizeof sources / sizeof *sources;

const KernelSource *kernelSource(int index) { return &sources[index]; }
