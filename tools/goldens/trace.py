"""A trace of one prompt through Hugging Face transformers, for `afs-host trace --against-hf DIR`.

    python tools/goldens/trace.py CHECKPOINT OUT [--prompt TEXT | --ids 1,2,3] [--dtype bf16|fp16]
                                     [--layers N]

Runs the checkpoint's eager implementation in fp32 and in the given dtype (default: the checkpoint's
own) and writes OUT/trace.json (the ids, what made it), OUT/fp32.safetensors and, for another dtype,
OUT/<dtype>.safetensors: every value of every layer and the logits, [n_tokens, width] each, under the
engine's tags. Needs torch, transformers and safetensors (pip install into build/venv).
"""
import argparse
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from models import CLASSES, trace  # noqa: E402

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--prompt", default="Once upon a time there was a little dog who")
    parser.add_argument("--ids", help="token ids instead of a prompt, separated by commas")
    parser.add_argument("--dtype", choices=DTYPES)
    parser.add_argument("--layers", type=int, help="keep only the first layers' values")
    args = parser.parse_args()
    config = json.loads((args.checkpoint / "config.json").read_text())
    if config["model_type"] not in CLASSES:
        sys.exit(f"no tags are known for model_type {config['model_type']!r}; "
                 f"known: {', '.join(CLASSES)}")
    if args.ids:
        ids = [int(i) for i in args.ids.split(",")]
    else:
        ids = transformers.AutoTokenizer.from_pretrained(args.checkpoint)(args.prompt)["input_ids"]
    own = str(config.get("torch_dtype") or config.get("dtype") or "float32")
    dtype = args.dtype or next(k for k, v in DTYPES.items() if str(v) == f"torch.{own}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in dict.fromkeys(["fp32", dtype]):
        model = CLASSES[config["model_type"]][1].from_pretrained(
            args.checkpoint, dtype=DTYPES[name], attn_implementation="eager").eval()
        values = trace(model, config, ids, 0)
        values = {tag: value.contiguous().clone() for tag, value in values.items()
                  if args.layers is None or tag[0] != "L" or int(tag[1:].split(".")[0]) < args.layers}
        save_file(values,
                  args.out / f"{name}.safetensors")
    made_by = f"transformers {transformers.__version__}, torch {torch.__version__}"
    (args.out / "trace.json").write_text(json.dumps(
        {"made_by": made_by, "model": args.checkpoint.name, "dtype": dtype, "ids": ids}) + "\n")
    print(f"{len(values)} values of {len(ids)} tokens in {args.out}")


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
