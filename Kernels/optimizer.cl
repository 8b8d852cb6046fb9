/* The end of a step, decided and done on the device.
 *
 * control = [factor, norm, loss, finite] from the sum of squared gradients and the loss: see GradientControl.
 *
 * AdamW over one flat buffer, all parameters in one launch:
 *     g = factor gradient;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *     p -= learningRate (m mCorrection / (sqrt(v vCorrection) + epsilon) + decay p)
 * where the first decayedCount elements decay. Where control says not finite it writes nothing.
 *
 * LAMB in two launches, a work-group a block of a tensor (see TensorBlocks): the first makes
 *     u = m mCorrection / (sqrt(v vCorrection) + epsilon) + decay p
 * in place of the gradients, and the sums of p^2 and of u^2 over its block; the second adds up those of all blocks
 * of its tensor, in order, and takes the step |p| / |u| learningRate u. Where control says not finite a block has no
 * elements: nothing returns before a barrier.
 *
 * Muon's ends, by the same blocks: momentum with the sums of squares of each block, the division by the tensor's norm,
 * and after the orthogonalization between (products of matmul) the step p -= learningRate (u + decay p). */
#include "vector.cl"

__kernel void gradient_control(
    __global const float *gradientSquares, long gradientSquaresOffset, __global const float *loss,
    long lossOffset, float maximumNorm, __global float *control, long controlOffset) {
  control += controlOffset;
  const float norm = sqrt(gradientSquares[gradientSquaresOffset]);
  const float value = loss[lossOffset];
  control[0] = fmin(1.0f, maximumNorm / (norm + 1e-6f));
  control[1] = norm;
  control[2] = value;
  control[3] = isfinite(norm) && isfinite(value) ? 1 : 0;
}

__kernel void adamw(
    __global float *parameters, long parametersOffset, __global const float *gradients, long gradientsOffset,
    __global float *firstMoment, long firstMomentOffset, __global float *secondMoment, long secondMomentOffset,
    __global const float *control, long controlOffset, long count, long decayedCount, float learningRate,
    float beta1, float beta2, float firstCorrection, float secondCorrection, float epsilon, float weightDecay) {
  if (control[controlOffset + 3] != 1) return;
  const float factor = control[controlOffset];
  parameters += parametersOffset;
  gradients += gradientsOffset;
  firstMoment += firstMomentOffset;
  secondMoment += secondMomentOffset;
  FOR_ELEMENTS(i, n, count) {
    const floatv p = load(parameters + i, n, 0), g = factor * load(gradients + i, n, 0);
    const floatv m = beta1 * load(firstMoment + i, n, 0) + (1 - beta1) * g;
    const floatv v = beta2 * load(secondMoment + i, n, 0) + (1 - beta2) * g * g;
    store(firstMoment + i, n, m);
    store(secondMoment + i, n, v);
    const floatv direction = m * firstCorrection / (sqrt(v * secondCorrection) + epsilon);
    if (i + n <= decayedCount || i >= decayedCount) {
      const float decay = i < decayedCount ? weightDecay : 0;
      store(parameters + i, n, p - learningRate * (direction + decay * p));
    } else { /* the boundary lies inside this piece */
      const int decayed = decayedCount - i;
      store(parameters + i, decayed, p - learningRate * (direction + weightDecay * p));
      float rest[V];
#if V > 1
      VSTORE(p - learningRate * direction, rest);
      for (int lane = decayed; lane < n; lane++) parameters[i + lane] = rest[lane];
#endif
    }
  }
}

#define LAMB_PARAMETERS                                                                                  \
  __global float *parameters, long parametersOffset, __global float *gradients, long gradientsOffset,    \
      __global const float *control, long controlOffset, __global const int *blocks, long blocksOffset, \
      int decayedCount

__kernel void lamb_direction(
    LAMB_PARAMETERS, __global float *firstMoment, long firstMomentOffset, __global float *secondMoment,
    long secondMomentOffset, float beta1, float beta2, float firstCorrection, float secondCorrection,
    float epsilon, float weightDecay, int blockCount, __global float *partials, long partialsOffset) {
  GROUP_SCRATCH
  const float factor = control[controlOffset];
  blocks += blocksOffset + 4 * get_group_id(0);
  const int start = blocks[0], count = control[controlOffset + 3] == 1 ? blocks[1] : 0;
  const float decay = start < decayedCount ? weightDecay : 0;
  parameters += parametersOffset + start;
  gradients += gradientsOffset + start;
  firstMoment += firstMomentOffset + start;
  secondMoment += secondMomentOffset + start;
  floatv parameterSquares = 0, directionSquares = 0;
  FOR_ROW(i, n, count) {
    const floatv p = load(parameters + i, n, 0), g = factor * load(gradients + i, n, 0);
    const floatv m = beta1 * load(firstMoment + i, n, 0) + (1 - beta1) * g;
    const floatv v = beta2 * load(secondMoment + i, n, 0) + (1 - beta2) * g * g;
    store(firstMoment + i, n, m);
    store(secondMoment + i, n, v);
    const floatv u = m * firstCorrection / (sqrt(v * secondCorrection) + epsilon) + decay * p;
    store(gradients + i, n, u);
    parameterSquares += p * p;
    directionSquares += u * u;
  }
  const float p = group_sum(sum_lanes(parameterSquares)), u = group_sum(sum_lanes(directionSquares));
  if (LANE == 0) {
    partials += partialsOffset + get_group_id(0);
    partials[0] = p;
    partials[blockCount] = u;
  }
}

__kernel void lamb_step(
    LAMB_PARAMETERS, float learningRate, int blockCount, __global const float *partials,
    long partialsOffset) {
  GROUP_SCRATCH
  blocks += blocksOffset + 4 * get_group_id(0);
  const int start = blocks[0], first = blocks[2], inTensor = blocks[3];
  const int count = control[controlOffset + 3] == 1 ? blocks[1] : 0;
  partials += partialsOffset + first;
  floatv parameterSquares = 0, directionSquares = 0;
  FOR_ROW(i, n, inTensor) {
    parameterSquares += load(partials + i, n, 0);
    directionSquares += load(partials + blockCount + i, n, 0);
  }
  const float p = group_sum(sum_lanes(parameterSquares)), u = group_sum(sum_lanes(directionSquares));
  const float rate = learningRate * (start < decayedCount && p > 0 && u > 0 ? sqrt(p) / sqrt(u) : 1);
  parameters += parametersOffset + start;
  gradients += gradientsOffset + start;
  FOR_ROW(i, n, count) {
    store(parameters + i, n, load(parameters + i, n, 0) - rate * load(gradients + i, n, 0));
  }
}

#define MUON_PARAMETERS                                                                                     \
  __global float *gradients, long gradientsOffset, __global const float *control, long controlOffset,      \
      __global const int *blocks, long blocksOffset

__kernel void muon_momentum(
    MUON_PARAMETERS, __global float *moment, long momentOffset, float momentum, __global float *partials,
    long partialsOffset) {
  GROUP_SCRATCH
  const float factor = control[controlOffset];
  blocks += blocksOffset + 4 * get_group_id(0);
  const int start = blocks[0], count = control[controlOffset + 3] == 1 ? blocks[1] : 0;
  gradients += gradientsOffset + start;
  moment += momentOffset + start;
  floatv squares = 0;
  FOR_ROW(i, n, count) {
    const floatv part = (1 - momentum) * factor * load(gradients + i, n, 0);
    const floatv m = momentum * load(moment + i, n, 0) + part;
    const floatv u = momentum * m + part;
    store(moment + i, n, m);
    store(gradients + i, n, u);
    squares += u * u;
  }
  const float sum = group_sum(sum_lanes(squares));
  if (LANE == 0) partials[partialsOffset + get_group_id(0)] = sum;
}

__kernel void muon_normalize(
    MUON_PARAMETERS, float epsilon, __global const float *partials, long partialsOffset) {
  GROUP_SCRATCH
  blocks += blocksOffset + 4 * get_group_id(0);
  const int start = blocks[0], first = blocks[2], inTensor = blocks[3];
  const int count = control[controlOffset + 3] == 1 ? blocks[1] : 0;
  partials += partialsOffset + first;
  floatv squares = 0;
  FOR_ROW(i, n, inTensor) squares += load(partials + i, n, 0);
  const float scale = 1 / (sqrt(group_sum(sum_lanes(squares))) + epsilon);
  gradients += gradientsOffset + start;
  FOR_ROW(i, n, count) store(gradients + i, n, scale * load(gradients + i, n, 0));
}

__kernel void muon_step(
    __global float *parameters, long parametersOffset, __global const float *direction, long directionOffset,
    __global const float *control, long controlOffset, __global const int *blocks, long blocksOffset,
    float learningRate, float weightDecay) {
  blocks += blocksOffset + 4 * get_group_id(0);
  const int start = blocks[0], count = control[controlOffset + 3] == 1 ? blocks[1] : 0;
  parameters += parametersOffset + start;
  direction += directionOffset + start;
  FOR_ROW(i, n, count) {
    const floatv p = load(parameters + i, n, 0);
    store(parameters + i, n, p - learningRate * (load(direction + i, n, 0) + weightDecay * p));
  }
}
