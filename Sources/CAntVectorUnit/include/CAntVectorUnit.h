// What the vector unit of the machine compiled for can do, as constants that Swift imports.
//
// Swift has no compile-time test for vector width, but the C importer sees the same -march: without
// `-Xcc -march=native` these describe plain x86-64 or arm64.
#ifndef CVECTORUNIT_H
#define CVECTORUNIT_H

#if defined(__AVX512F__)
#define VECTOR_FLOATS 16
#define VECTOR_REGISTERS 32
#elif defined(__AVX__)
#define VECTOR_FLOATS 8
#define VECTOR_REGISTERS 16
#elif defined(__aarch64__)
#define VECTOR_FLOATS 4
#define VECTOR_REGISTERS 32
#else
#define VECTOR_FLOATS 4
#define VECTOR_REGISTERS 16
#endif

// 1 where a fused multiply-add is one instruction; elsewhere it would be a library call a lane.
#if defined(__FMA__) || defined(__aarch64__)
#define VECTOR_FUSES 1
#else
#define VECTOR_FUSES 0
#endif

#endif
