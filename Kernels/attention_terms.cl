/* What all kernel sets of attention need for its two optional terms, compiled in where -DPOSITIONS=1 or
 * -DDROPOUT=1 asks for them:
 *
 *     s_ij  = scale (q_i.k_j + a_ir + b_jr)        r = buckets[i - j + keyLength - 1]      (position scores)
 *     out_i = sum_j p_ij m_ij v_j                  m_ij = keep_ij / (1 - probability)      (dropout)
 *
 * The draw of (sequence, head, i, j) is word j % 4 of the block (DRAW_BLOCK(i, j / 4), sequence * heads + head); the
 * build option KEY_BITS says how many bits a key's number has. */
#ifndef POSITIONS
#define POSITIONS 0
#endif
#ifndef DROPOUT
#define DROPOUT 0
#endif

/* a and b: a head owns bucketPitch columns, of which bucketCount count. */
#define POSITION_ARGUMENTS \
  __global const float *queryScores, long queryScoresOffset, int queryScoresStride, \
      __global const float *keyScores, long keyScoresOffset, int keyScoresStride, \
      __global const int *buckets, long bucketsOffset, int bucketPitch, int bucketCount
/* firstRow: the number of the first sequence and head. */
#define DROPOUT_ARGUMENTS \
  float probability, uint drawKeyLow, uint drawKeyHigh, uint drawStep, uint drawPurpose, uint firstRow
#define DRAW_BLOCK(query, block) ((query) << (KEY_BITS - 2) | (uint)(block))
#define DRAWS probability, drawKeyLow, drawKeyHigh, drawStep, drawPurpose
#define DRAW_PARAMETERS float probability, uint keyLow, uint keyHigh, uint step, uint purpose
