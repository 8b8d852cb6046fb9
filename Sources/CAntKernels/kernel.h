/* One entry of the list in kernels.c: the file Kernels/KERNEL.cl, its text and a final zero. No include guard: it is
 * included once a kernel. */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
{TEXT(KERNEL), (const char[]){
#embed TEXT(../../Kernels/KERNEL.cl)
    , 0}},
#undef TEXT
#undef TEXT_
#undef KERNEL
