#include "COpenCL.h"

#include <dlfcn.h>
#include <stdio.h>

bool opencl_open(const char *library, OpenCLFunctions *functions, char *reason, size_t capacity) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    snprintf(reason, capacity, "%s", dlerror());
    return false;
  }
#define OPENCL_RESOLVE(name) \
  functions->name = (cl_api_##name)dlsym(handle, #name); \
  if (!functions->name) { \
    snprintf(reason, capacity, "%s has no %s", library, #name); \
    dlclose(handle); \
    return false; \
  }
  OPENCL_FUNCTIONS(OPENCL_RESOLVE)
#undef OPENCL_RESOLVE
  return true;
}
