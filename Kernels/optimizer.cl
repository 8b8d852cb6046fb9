/* The end of a step, decided and done on the device.
 *
 * control = [factor, norm, loss, finite] from the sum of squared gradients and the loss: see GradientControl.
 *
 * AdamW over one flat buffer, all parameters in one launch:
 *     g = factor gradient;  m += (1 - beta1) (g - m);  v += (1 - beta2) (g^2 - v)
 *     p -= learningRate (m mCorrection / (sqrt(v vCorrection) + epsilon) + decay p)
 * where the first decayedCount elements decay. Where control says not finite it writes nothing. */
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
