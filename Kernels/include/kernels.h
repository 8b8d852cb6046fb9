#ifndef ANTLM_KERNELS_H
#define ANTLM_KERNELS_H
#endif
