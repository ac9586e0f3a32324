"""What llama.cpp makes of the bundled models as fp32 GGUF files: greedy ids, 48 a prompt.

    python tools/goldens/gguf_greedy.py    # writes tests/golden/models/gguf-greedy.json

The files are those of tools/gguf/convert.py. An engine that undoes the rotary pairs of Llama's q and
k, and leaves OLMo-2's rows as they are, gives these ids; any other order of rows gives others.
Needs: llama-cpp-python gguf numpy
"""
import importlib.metadata
import json
import pathlib
import sys
import tempfile

import llama_cpp
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "gguf"))
import convert  # noqa: E402

N_NEW = 48
OUT = ROOT / "tests" / "golden" / "models" / "gguf-greedy.json"


def greedy(model, prompt):
    model.reset()
    model.eval(prompt)
    ids = []
    while len(ids) < N_NEW:
        ids.append(int(np.array(model.scores[model.n_tokens - 1]).argmax()))
        model.eval(ids[-1:])
    return ids


def main():
    cases = []
    for family in ("llama3", "olmo2"):
        golden = json.loads((OUT.parent / f"greedy-{family}.json").read_text())
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "model.gguf"
            convert.convert(ROOT / "weights" / f"{family}-tiny", file, "f32")
            model = llama_cpp.Llama(str(file), n_ctx=256, logits_all=True, verbose=False)
            for case in golden["cases"]:
                cases.append({"family": family, "prompt": case["ids"], "greedy": greedy(model, case["ids"])})
    head = {"made_by": "tools/goldens/gguf_greedy.py",
            "llama_cpp_python": importlib.metadata.version("llama-cpp-python"), "cases": cases}
    OUT.write_text(json.dumps(head) + "\n")


if __name__ == "__main__":
    main()
