"""Weights from a seed that Python and C++ share (tests/support/seeded_weights.hpp is the twin).

Each value depends on the tensor's name, the seed and its index alone, is exact in bf16, and looks
like N(0, 1/sqrt(columns)); the vectors of norms like N(1, 0.1), the embedding like N(0, 1).
"""
import numpy as np

MASK = (1 << 64) - 1
SPREAD = 37837.2  # standard deviation of the sum of four 16-bit uniform numbers


def name_hash(name: str, seed: int) -> int:
    """FNV-1a over the name, started at the seed."""
    h = 0xCBF29CE484222325 ^ seed
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def bf16(x: np.ndarray) -> np.ndarray:
    """Rounds to nearest even, stays fp32."""
    u = x.astype(np.float32).view(np.uint32)
    u = (u + np.uint32(0x7FFF) + ((u >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return u.view(np.float32)


def tensor(name: str, shape: tuple, seed: int) -> np.ndarray:
    n = int(np.prod(shape))
    x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x += np.uint64(name_hash(name, seed))
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    parts = [(x >> np.uint64(16 * i)) & np.uint64(0xFFFF) for i in range(4)]
    centred = sum(p.astype(np.int64) for p in parts) - 2 * 65535
    if len(shape) == 1:
        sigma = 0.1
    elif name.endswith("embed_tokens.weight"):
        sigma = 1.0
    else:
        sigma = 1.0 / np.sqrt(np.float64(shape[1]))
    values = bf16(centred.astype(np.float32) * np.float32(sigma / SPREAD))
    if len(shape) == 1:
        values = bf16(np.float32(1) + values)
    return values.reshape(shape)
