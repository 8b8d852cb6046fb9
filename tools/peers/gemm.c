/* Times one float32 matrix product of a peer library: C[m,n] = A' B'.
 *
 *   gemm openblas|clblast nn|nt|tn m n k repeats
 *
 * Prints one JSON object with the median, in GFLOP/s, over `repeats` timed runs after two warm-up runs.
 * Matrices are row-major and random; for CLBlast the first OpenCL device is used and its buffers are on it.
 */
#include <cblas.h>
#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static float *randomMatrix(size_t count) {
  float *values = malloc(count * sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return values;
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: gemm openblas|clblast nn|nt|tn m n k repeats\n");
    return 2;
  }
  int opencl = strcmp(argv[1], "clblast") == 0;
  int transA = argv[2][0] == 't', transB = argv[2][1] == 't';
  int m = atoi(argv[3]), n = atoi(argv[4]), k = atoi(argv[5]), repeats = atoi(argv[6]);
  int lda = transA ? m : k, ldb = transB ? k : n, ldc = n;
  size_t countA = (size_t)m * k, countB = (size_t)k * n, countC = (size_t)m * n;
  float *a = randomMatrix(countA), *b = randomMatrix(countB), *c = randomMatrix(countC);

  cl_command_queue queue = NULL;
  cl_mem bufferA = NULL, bufferB = NULL, bufferC = NULL;
  if (opencl) {
    cl_platform_id platform;
    cl_device_id device;
    if (clGetPlatformIDs(1, &platform, NULL) || clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL)) {
      fprintf(stderr, "gemm: no OpenCL device\n");
      return 1;
    }
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = clCreateCommandQueue(context, device, 0, NULL);
    bufferA = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, countA * 4, a, NULL);
    bufferB = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, countB * 4, b, NULL);
    bufferC = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, countC * 4, c, NULL);
  }

  double *seconds = malloc(repeats * sizeof *seconds);
  for (int run = -2; run < repeats; run++) {
    double start = now();
    if (opencl) {
      int status = CLBlastSgemm(
          CLBlastLayoutRowMajor, transA ? CLBlastTransposeYes : CLBlastTransposeNo,
          transB ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, 1.0f, bufferA, 0, lda, bufferB, 0, ldb,
          0.0f, bufferC, 0, ldc, &queue, NULL);
      clFinish(queue);
      if (status) {
        fprintf(stderr, "gemm: CLBlast status %d\n", status);
        return 1;
      }
    } else {
      cblas_sgemm(
          CblasRowMajor, transA ? CblasTrans : CblasNoTrans, transB ? CblasTrans : CblasNoTrans, m, n, k, 1.0f,
          a, lda, b, ldb, 0.0f, c, ldc);
    }
    if (run >= 0) seconds[run] = now() - start;
  }
  qsort(seconds, repeats, sizeof *seconds, ascending);
  printf(
      "{\"peer\": \"%s\", \"layout\": \"%s\", \"m\": %d, \"n\": %d, \"k\": %d, \"gflops\": %.2f}\n", argv[1],
      argv[2], m, n, k, 2.0 * m * n * k / seconds[repeats / 2] * 1e-9);
  return 0;
}
