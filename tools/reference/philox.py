"""The program's random numbers in numpy: Philox4x32-10 as in Sources/AntRandom/Philox.swift, and the initial weights
that Sources/AntModels/Initialization.swift draws from them. Both sides compute the same numbers, so no fixture has to
store weights or batches."""

import numpy as np

PURPOSES = dict(
    initialization=0, embeddingDropout=1, attentionDropout=2, hiddenDropout=3, headDropout=4, masking=5, sampling=7,
    positionDropout=9, shuffling=6, classification=10)


def word_blocks(seed, purpose, layer, step, index):
    """The four words of each block `index`, an array of uint64: [blocks, 4]."""
    blocks = len(index)
    low32 = np.uint64(0xFFFFFFFF)
    x = [
        index & low32,
        index >> np.uint64(32),
        np.full(blocks, step, np.uint64),
        np.full(blocks, PURPOSES[purpose] << 16 | layer, np.uint64),
    ]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        low = np.uint64(0xD2511F53) * x[0]
        high = np.uint64(0xCD9E8D57) * x[2]
        x = [
            high >> np.uint64(32) ^ x[1] ^ np.uint64(key[0]),
            high & low32,
            low >> np.uint64(32) ^ x[3] ^ np.uint64(key[1]),
            low & low32,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(x, axis=1).astype(np.uint32)


def words(seed, purpose, layer, step, count):
    """The first `count` words of a stream: word i is word i % 4 of block i // 4."""
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    return word_blocks(seed, purpose, layer, step, index).reshape(-1)[:count]


def uniform_at(seed, purpose, layer, step, elements):
    """Uniform in [0, 1): the draws of `elements`, an array of uint64."""
    blocks = word_blocks(seed, purpose, layer, step, elements // np.uint64(4))
    return (blocks[np.arange(len(elements)), (elements % np.uint64(4)).astype(np.int64)] >> 8) * 2.0**-24


def uniform(seed, purpose, layer, step, count):
    """Uniform in [0, 1), 24 bits."""
    return (words(seed, purpose, layer, step, count) >> 8) * 2.0**-24


def normal(seed, layer, count, deviation):
    """Initial weights."""
    return normal_of(seed, "initialization", layer, count, deviation)


def normal_of(seed, purpose, layer, count, deviation):
    """Box-Muller over pairs of words."""
    w = (words(seed, purpose, layer, 0, (count + 3) // 4 * 4) >> 8).astype(np.float64)
    u1, u2 = (w[0::2] + 1) * 2.0**-24, w[1::2] * 2.0**-24
    radius = deviation * np.sqrt(-2 * np.log(u1))
    pairs = np.stack([radius * np.cos(2 * np.pi * u2), radius * np.sin(2 * np.pi * u2)], axis=1)
    return pairs.reshape(-1)[:count].astype(np.float32)


def truncated_normal(seed, layer, count, deviation):
    """Initial weights cut at two deviations."""
    return truncated_normal_of(seed, "initialization", layer, count, deviation)


def truncated_normal_of(seed, purpose, layer, count, deviation):
    """Cut at two deviations: what lies beyond is drawn again, from blocks of later attempts."""
    blocks = (count + 3) // 4
    result = np.full((blocks, 4), np.nan)
    attempt = 0
    while np.isnan(result).any():
        index = np.arange(blocks, dtype=np.uint64) | np.uint64(attempt << 48)
        w = (word_blocks(seed, purpose, layer, 0, index) >> 8).astype(np.float64)
        u1, u2 = (w[:, 0::2] + 1) * 2.0**-24, w[:, 1::2] * 2.0**-24
        radius = np.sqrt(-2 * np.log(u1))
        normals = np.stack([radius * np.cos(2 * np.pi * u2), radius * np.sin(2 * np.pi * u2)], axis=2).reshape(-1, 4)
        fits = np.isnan(result) & (np.abs(normals) <= 2)
        result[fits] = normals[fits]
        attempt += 1
    return (deviation * result).reshape(-1)[:count].astype(np.float32)
