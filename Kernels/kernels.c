#include "kernels.h"

/* One array a file: its text and the final zero. A new file is one line here and one below. */
static const char activation[] = {
#embed "activation.cl"
    , 0};
static const char attention_cpu[] = {
#embed "attention_cpu.cl"
    , 0};
static const char attention_gpu[] = {
#embed "attention_gpu.cl"
    , 0};
static const char attention_group[] = {
#embed "attention_group.cl"
    , 0};
static const char attention_tensor[] = {
#embed "attention_tensor.cl"
    , 0};
static const char attention_terms[] = {
#embed "attention_terms.cl"
    , 0};
static const char crossEntropy[] = {
#embed "crossEntropy.cl"
    , 0};
static const char dropout[] = {
#embed "dropout.cl"
    , 0};
static const char elementwise[] = {
#embed "elementwise.cl"
    , 0};
static const char embedding[] = {
#embed "embedding.cl"
    , 0};
static const char matmul_cpu[] = {
#embed "matmul_cpu.cl"
    , 0};
static const char matmul_gpu[] = {
#embed "matmul_gpu.cl"
    , 0};
static const char matmul_tensor[] = {
#embed "matmul_tensor.cl"
    , 0};
static const char matmul_tile[] = {
#embed "matmul_tile.cl"
    , 0};
static const char matrix_unit[] = {
#embed "matrix_unit.cl"
    , 0};
static const char multiplyAdd[] = {
#embed "multiplyAdd.cl"
    , 0};
static const char normalization[] = {
#embed "normalization.cl"
    , 0};
static const char optimizer[] = {
#embed "optimizer.cl"
    , 0};
static const char philox[] = {
#embed "philox.cl"
    , 0};
static const char precision[] = {
#embed "precision.cl"
    , 0};
static const char reduction[] = {
#embed "reduction.cl"
    , 0};
static const char rotary[] = {
#embed "rotary.cl"
    , 0};
static const char softmax[] = {
#embed "softmax.cl"
    , 0};
static const char vector[] = {
#embed "vector.cl"
    , 0};

static const KernelSource sources[] = {
    {"activation", activation},
    {"attention_cpu", attention_cpu},
    {"attention_gpu", attention_gpu},
    {"attention_group", attention_group},
    {"attention_tensor", attention_tensor},
    {"attention_terms", attention_terms},
    {"crossEntropy", crossEntropy},
    {"dropout", dropout},
    {"elementwise", elementwise},
    {"embedding", embedding},
    {"matmul_cpu", matmul_cpu},
    {"matmul_gpu", matmul_gpu},
    {"matmul_tensor", matmul_tensor},
    {"matmul_tile", matmul_tile},
    {"matrix_unit", matrix_unit},
    {"multiplyAdd", multiplyAdd},
    {"normalization", normalization},
    {"optimizer", optimizer},
    {"philox", philox},
    {"precision", precision},
    {"reduction", reduction},
    {"rotary", rotary},
    {"softmax", softmax},
    {"vector", vector},
};

const int kernelSourceCount = sizeof sources / sizeof *sources;

const KernelSource *kernelSource(int index) { return &sources[index]; }
