#define _GNU_SOURCE
#include "CAntOpenCL.h"

#include <dlfcn.h>
#include <stdio.h>

#ifdef __linux__
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* PoCL sleeps between commands; the system now and then wakes two of its threads on one core and leaves them
 * there, and the command takes twice as long. Asked to, PoCL ties thread i to core i, which suits a process
 * that may use every core. The user's own setting stands. */
static void tie_threads_to_cores(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
      CPU_COUNT(&allowed) == sysconf(_SC_NPROCESSORS_CONF))
    setenv("POCL_AFFINITY", "1", 0);
}
#else
static void tie_threads_to_cores(void) {}
#endif

bool opencl_open(const char *library, OpenCLFunctions *functions, char *reason, size_t capacity) {
  tie_threads_to_cores();
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
