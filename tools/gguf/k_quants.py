"""Encoders of ggml's Q4_K, Q5_K and Q6_K, which PyPI's gguf can only decode.

Plain rounding to the nearest code with the scales taken from each group's extremes. ggml itself
searches for better scales: the files are as valid, their error a little larger.
"""
import numpy as np

BLOCK = 256


def fp16(x):
    """Rounded to fp16 as the file keeps it, back in fp32."""
    return x.astype(np.float16).astype(np.float32)


def divide(a, b):
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape, np.float32), where=b != 0)


def bytes_of(x):
    return np.ascontiguousarray(x.astype(np.float16)).view(np.uint8)


def pack_scales(scale, minimum):
    """8 six-bit scales and 8 six-bit minima in 12 bytes."""
    low, high = scale[:, :4], scale[:, 4:]
    low_m, high_m = minimum[:, :4], minimum[:, 4:]
    return np.concatenate([low | (high >> 4) << 6, low_m | (high_m >> 4) << 6,
                           (high & 15) | (high_m & 15) << 4], axis=1).astype(np.uint8)


def affine(x, levels):
    """Groups of 32: value = d * scale * q - dmin * minimum, q below `levels`."""
    groups = x.reshape(-1, 8, 32)
    floor = -np.minimum(groups.min(axis=2), 0)
    step = (groups.max(axis=2) + floor) / (levels - 1)
    d = fp16(step.max(axis=1, keepdims=True) / 63)
    dmin = fp16(floor.max(axis=1, keepdims=True) / 63)
    scale = np.clip(np.rint(divide(step, d)), 0, 63)
    minimum = np.clip(np.rint(divide(floor, dmin)), 0, 63)
    shifted = groups + (dmin * minimum)[:, :, None]
    q = np.clip(np.rint(divide(shifted, (d * scale)[:, :, None])), 0, levels - 1).astype(np.uint8)
    head = np.concatenate([bytes_of(d), bytes_of(dmin),
                           pack_scales(scale.astype(np.uint8), minimum.astype(np.uint8))], axis=1)
    return head, q


def nibbles(q):
    """Two groups of 32 share 32 bytes: the even one low, the odd one high."""
    pairs = q.reshape(-1, 4, 2, 32)
    return ((pairs[:, :, 0] & 15) | (pairs[:, :, 1] & 15) << 4).reshape(-1, 128)


def q4_k(x):
    head, q = affine(x, 16)
    return np.concatenate([head, nibbles(q)], axis=1)


def q5_k(x):
    head, q = affine(x, 32)
    fifth = np.zeros((len(q), 32), np.uint8)
    for group in range(8):
        fifth |= (q[:, group] >> 4) << group
    return np.concatenate([head, fifth, nibbles(q)], axis=1)


def q6_k(x):
    """Groups of 16: value = d * scale * (q - 32), scale signed."""
    groups = x.reshape(-1, 16, 16)
    largest = np.take_along_axis(groups, np.abs(groups).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    step = largest / -32  # the largest gets the code that only one sign has
    d = fp16(np.abs(step).max(axis=1, keepdims=True) / 127)
    scale = np.clip(np.rint(divide(step, d)), -127, 127)
    q = np.clip(np.rint(divide(groups, (d * scale)[:, :, None])), -32, 31).astype(np.int8) + 32
    runs = q.astype(np.uint8).reshape(-1, 2, 4, 32)  # halves of 128, runs of 32
    low = np.stack([(runs[:, :, 0] & 15) | (runs[:, :, 2] & 15) << 4,
                    (runs[:, :, 1] & 15) | (runs[:, :, 3] & 15) << 4], axis=2)
    high = sum((runs[:, :, i] >> 4) << (2 * i) for i in range(4)).astype(np.uint8)
    return np.concatenate([low.reshape(-1, 128), high.reshape(-1, 64),
                           scale.astype(np.int8).view(np.uint8), bytes_of(d)], axis=1)


ENCODERS = {"Q4_K": q4_k, "Q5_K": q5_k, "Q6_K": q6_k}


def quantise(rows, name):
    """rows[n, k], fp32, k a multiple of 256 -> bytes [n, k / 256 * block]."""
    return ENCODERS[name](rows.astype(np.float32).reshape(-1, BLOCK)).reshape(len(rows), -1)
