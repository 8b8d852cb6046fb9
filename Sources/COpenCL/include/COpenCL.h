#ifndef ANTLM_COPENCL_H
#define ANTLM_COPENCL_H
#endif
