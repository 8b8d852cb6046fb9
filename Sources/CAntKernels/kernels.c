#include "CAntKernels.h"

/* The kernels, all of them: a new file of Kernels is two lines here, and named nowhere else. */
static const KernelSource sources[] = {
#define KERNEL activation
#include "kernel.h"
#define KERNEL attention_cpu
#include "kernel.h"
#define KERNEL attention_cpu_backward
#include "kernel.h"
#define KERNEL attention_cpu_forward
#include "kernel.h"
#define KERNEL attention_geometry
#include "kernel.h"
#define KERNEL attention_gpu
#include "kernel.h"
#define KERNEL attention_gpu_backward
#include "kernel.h"
#define KERNEL attention_gpu_forward
#include "kernel.h"
#define KERNEL attention_group
#include "kernel.h"
#define KERNEL attention_tensor
#include "kernel.h"
#define KERNEL attention_tensor_backward
#include "kernel.h"
#define KERNEL attention_tensor_forward
#include "kernel.h"
#define KERNEL attention_tensor_rows
#include "kernel.h"
#define KERNEL attention_tensor_tile
#include "kernel.h"
#define KERNEL attention_terms
#include "kernel.h"
#define KERNEL crossEntropy
#include "kernel.h"
#define KERNEL dropout
#include "kernel.h"
#define KERNEL elementwise
#include "kernel.h"
#define KERNEL embedding
#include "kernel.h"
#define KERNEL matmul_cpu
#include "kernel.h"
#define KERNEL matmul_geometry
#include "kernel.h"
#define KERNEL matmul_gpu
#include "kernel.h"
#define KERNEL matmul_tensor
#include "kernel.h"
#define KERNEL matmul_tile
#include "kernel.h"
#define KERNEL matrix_unit
#include "kernel.h"
#define KERNEL matrix_unit_geometry
#include "kernel.h"
#define KERNEL matrix_unit_probes
#include "kernel.h"
#define KERNEL multiplyAdd
#include "kernel.h"
#define KERNEL normalization
#include "kernel.h"
#define KERNEL optimizer
#include "kernel.h"
#define KERNEL philox
#include "kernel.h"
#define KERNEL precision
#include "kernel.h"
#define KERNEL reduction
#include "kernel.h"
#define KERNEL rotary
#include "kernel.h"
#define KERNEL softmax
#include "kernel.h"
#define KERNEL vector
#include "kernel.h"
#define KERNEL vector_geometry
#include "kernel.h"
};

const int kernelSourceCount = sizeof sources / sizeof *sources;

const KernelSource *kernelSource(int index) { return &sources[index]; }
