"""Goldens of the block formats: blocks and what PyPI's gguf decodes them to.

    python tools/goldens/blocks.py         # writes tests/golden/blocks/blocks.json and blocks.bin

blocks.bin holds for each type its blocks, then their values in fp32; blocks.json says where. Half of
the blocks are random bits with scales of ordinary size; the others have scales that are zero,
subnormal, negative or the largest, and codes that are all ones, all zeros and alternating.
"""
import importlib.metadata
import json
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "blocks"
# Bytes at which a block has an fp16 scale.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
EDGES = [(0x0000, 0xFF), (0x8000, 0x00), (0x0001, 0xFF), (0x83FF, 0x55), (0x7BFF, 0xFF), (0xFBFF, 0xAA),
         (0x3C00, 0x00), (0xBC00, 0x80)]  # scale's bits, every other byte


def blocks(name, rng):
    _, size = gguf.GGML_QUANT_SIZES[Type[name]]
    out = rng.integers(0, 256, (2 * len(EDGES), size), dtype=np.uint8)
    for i in range(len(EDGES)):
        for at in SCALES[name]:
            scale = np.float16(rng.normal() * 0.01)
            out[i, at:at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    for i, (scale, code) in enumerate(EDGES, start=len(EDGES)):
        out[i] = code
        for at in SCALES[name]:
            out[i, at:at + 2] = np.frombuffer(np.uint16(scale).tobytes(), np.uint8)
    return out


def main():
    rng = np.random.default_rng(20260)
    blob, types = bytearray(), []
    for name in SCALES:
        raw = blocks(name, rng)
        values = gguf.quants.dequantize(raw, Type[name]).astype(np.float32)
        assert np.isfinite(values).all()
        types.append({"name": name, "number": int(Type[name]), "blocks": len(raw), "offset": len(blob)})
        blob += raw.tobytes() + values.tobytes()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "blocks.bin").write_bytes(blob)
    head = {"made_by": "tools/goldens/blocks.py", "gguf": importlib.metadata.version("gguf"), "types": types}
    (OUT / "blocks.json").write_text(json.dumps(head) + "\n")


if __name__ == "__main__":
    main()
