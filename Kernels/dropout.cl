/* y[i] = x[i] keep[i] / (1 - p) [+ residual[i]]: keep is drawn by Philox4x32-10 (Salmon et al. 2011), a pure
 * function of the key and the element's number, so forward and backward draw the same and nothing is stored.
 *
 * Element i is word m % 4 of block m / 4, m = firstElement + i. A work-item takes whole blocks; the first and
 * the last may stick out of the run. */
#include "vector.cl"

inline uint4 philox(uint4 x, uint2 key) {
  for (int round = 0; round < 10; round++) {
    const uint low = x.x * 0xD2511F53u, carry = mul_hi(x.x, 0xD2511F53u);
    const uint high = x.z * 0xCD9E8D57u, carryHigh = mul_hi(x.z, 0xCD9E8D57u);
    x = (uint4)(carryHigh ^ x.y ^ key.x, high, carry ^ x.w ^ key.y, low);
    key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  return x;
}

__kernel void dropout(
    __global const float *input, long inputOffset, __global const float *residual, long residualOffset,
    __global float *output, long outputOffset, long count, long firstElement, float probability, float factor,
    uint keyLow, uint keyHigh, uint counterStep, uint counterPurpose, int hasResidual, int blocksPerItem) {
  input += inputOffset;
  residual += residualOffset;
  output += outputOffset;
  const ulong firstBlock = (ulong)firstElement / 4;
  for (int turn = 0; turn < blocksPerItem; turn++) {
#if LANES == 1
    const ulong block = firstBlock + (ulong)get_global_id(0) * blocksPerItem + turn;
#else
    const ulong block = firstBlock + (ulong)turn * get_global_size(0) + get_global_id(0);
#endif
    const long start = (long)(block * 4 - (ulong)firstElement);
    if (start >= count) break;
    const uint4 words =
        philox((uint4)((uint)block, (uint)(block >> 32), counterStep, counterPurpose), (uint2)(keyLow, keyHigh));
    const uint draws[4] = {words.x, words.y, words.z, words.w};
    for (int lane = 0; lane < 4; lane++) {
      const long i = start + lane;
      if (i < 0 || i >= count) continue;
      /* The top 24 bits, exactly representable, as a number in [0, 1). */
      const float draw = (float)(draws[lane] >> 8) * 0x1p-24f;
      const float value = draw >= probability ? input[i] * factor : 0;
      output[i] = hasResidual ? value + residual[i] : value;
    }
  }
}
