"""Greedy continuations of the bundled models by Hugging Face transformers in fp32.

    python tools/goldens/models_greedy.py     writes tests/golden/models/greedy-<family>.json

Run again whenever weights/ changes: the files hold a sum over the weights' bytes, and the test
refuses goldens of other weights.
"""
import json
import pathlib

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).parents[2]
PROMPTS = ["Once upon a time", "The little dog was", "Tom and his sister went to the park. They",
           "One day, a girl named Lily found a", "\"Can you help me?\" asked the old man.",
           "It was raining, and the cat", "Mom said it was time to",
           "The sun was shining and the birds were"]
N_TOKENS = 64
MIN_MARGIN = 1e-3  # between the two best logits: far above fp32 differences in order of summation


def byte_sum(path: pathlib.Path) -> int:
    """Sum over the 32-bit words, each times its place counted from 1, modulo 2^64."""
    data = path.read_bytes()
    words = np.frombuffer(data + bytes(-len(data) % 4), dtype="<u4").astype(np.uint64)
    return int((words * np.arange(1, len(words) + 1, dtype=np.uint64)).sum(dtype=np.uint64))


def greedy(model, ids: list) -> tuple:
    """Ids and the smallest margin; no id ends the text."""
    out, cache, margin, step = [], None, float("inf"), ids
    for _ in range(N_TOKENS):
        with torch.no_grad():
            result = model(torch.tensor([step]), past_key_values=cache, use_cache=True)
        cache = result.past_key_values
        best = torch.topk(result.logits[0, -1], 2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        out.append(int(best.indices[0]))
        step = out[-1:]
    return out, margin


def main():
    for family in ("olmo2", "llama3"):
        folder = ROOT / "weights" / f"{family}-tiny"
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        cases = []
        for prompt in PROMPTS:
            ids = tokenizer.encode(prompt).ids
            out, margin = greedy(model, ids)
            print(f"{family}: margin {margin:.4f}: {tokenizer.decode(ids + out)!r}")
            if margin >= MIN_MARGIN:
                cases.append({"prompt": prompt, "ids": ids, "greedy": out})
        assert len(cases) >= 5, "too many prompts with near-ties"
        golden = {"made_by": "tools/goldens/models_greedy.py",
                  "transformers": transformers.__version__, "torch": torch.__version__,
                  "weights_sum": byte_sum(folder / "model.safetensors"), "cases": cases}
        path = ROOT / "tests/golden/models" / f"greedy-{family}.json"
        path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
