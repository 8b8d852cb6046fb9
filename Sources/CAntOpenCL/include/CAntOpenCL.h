/* OpenCL without linking against it: libOpenCL is opened when the program runs, and a machine without it is
 * a machine without OpenCL devices, no more. Types and signatures are those of the official headers. */
#ifndef ANTLM_COPENCL_H
#define ANTLM_COPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <stdbool.h>
#include <stddef.h>

/* The entry points this program uses, each under its own name. */
#define OPENCL_FUNCTIONS(each) \
  each(clGetPlatformIDs) each(clGetPlatformInfo) each(clGetDeviceIDs) each(clGetDeviceInfo) \
  each(clCreateContext) each(clReleaseContext) each(clCreateCommandQueue) each(clReleaseCommandQueue) \
  each(clCreateBuffer) each(clReleaseMemObject) \
  each(clCreateProgramWithSource) each(clCreateProgramWithBinary) each(clBuildProgram) \
  each(clGetProgramInfo) each(clGetProgramBuildInfo) each(clReleaseProgram) \
  each(clCreateKernel) each(clReleaseKernel) each(clSetKernelArg) each(clGetKernelWorkGroupInfo) \
  each(clEnqueueNDRangeKernel) each(clEnqueueWriteBuffer) each(clEnqueueReadBuffer) \
  each(clEnqueueMapBuffer) each(clEnqueueUnmapMemObject) \
  each(clGetEventInfo) each(clGetEventProfilingInfo) each(clReleaseEvent) each(clWaitForEvents) \
  each(clFlush) each(clFinish)

typedef struct {
#define OPENCL_MEMBER(name) cl_api_##name name;
  OPENCL_FUNCTIONS(OPENCL_MEMBER)
#undef OPENCL_MEMBER
} OpenCLFunctions;

/* Opens `library` and fills `functions`. Returns true on success; otherwise false, with one line in `reason`. */
bool opencl_open(const char *library, OpenCLFunctions *functions, char *reason, size_t capacity);

#endif
