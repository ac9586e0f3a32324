"""tests/golden/smollm2.json: what two other engines make of SmolLM2-135M-Instruct's GGUF.

  transformers  fp32 on the dequantised weights: greedy ids of 20 prompts x 48 tokens, each with the
                margin between its logit and the next best one; answers to 10 questions
  llama.cpp     (llama-cpp-python) on the file as it is: the same

Run: python tools/goldens/smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf tests/golden/smollm2.json
Needs: torch transformers accelerate gguf tokenizers llama-cpp-python
"""
import hashlib
import json
import os
import sys

import gguf
import llama_cpp
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

N_NEW = 48
QUESTIONS = [  # any of the words, in lower case, makes the answer right
    ("What is the capital of France?", ["paris"]),
    ("What is 2+2?", ["4", "four"]),
    ("What is the opposite of hot?", ["cold"]),
    ("How many days are there in a week?", ["7", "seven"]),
    ("Which planet do we live on?", ["earth"]),
    ("Who wrote Romeo and Juliet?", ["shakespeare"]),
    ("What is the largest ocean on Earth?", ["pacific"]),
    ("What is H2O commonly called?", ["water"]),
    ("What colour is a ripe banana?", ["yellow"]),
    ("In which country is the city of Tokyo?", ["japan"]),
]
PROMPTS = [
    "The capital of Italy is", "Once upon a time, in a small village by the sea,",
    "Water boils at a temperature of", "def fibonacci(n):\n    ", "The three states of matter are",
    "Photosynthesis is the process by which", "1, 2, 3, 4, 5,", "My favourite season is winter because",
    "To bake a simple loaf of bread, you need", "The Second World War ended in",
    "#include <stdio.h>\n\nint main(", "Dear Sir or Madam,\n\nI am writing to", "In physics, energy is",
    "A triangle has three sides. A square has", "Q: What do cows drink?\nA:",
    "The moon goes around the earth, and the earth", "She opened the old wooden door and",
    "Shakespeare is best known for", "SELECT name, age FROM", "Les enfants jouent dans le",
]
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def chat_text(question):
    return (f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
            "<|im_start|>assistant\n")


def tokenizer_of(reader):
    """The vocabulary of the file in HF's tokenizer: digits one by one, then GPT-2's expression."""
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in reader.fields["tokenizer.ggml.merges"].contents()]
    out = tokenizers.Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    out.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)])
    out.decoder = decoders.ByteLevel()
    out.add_special_tokens([AddedToken(t, normalized=False, special=True)
                            for t, kind in zip(tokens, kinds) if kind == 3])
    return out


class Transformers:
    def __init__(self, path, eos):
        self.eos = eos
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            os.path.dirname(path), gguf_file=os.path.basename(path), dtype=torch.float32,
            attn_implementation="eager").eval()

    @torch.no_grad()
    def greedy(self, ids, n, stop=True):
        """Ids and margins; the stop id itself is left out."""
        out, margins, past, step = [], [], None, torch.tensor([ids])
        for _ in range(n):
            result = self.model(step, past_key_values=past, use_cache=True)
            past = result.past_key_values
            best = result.logits[0, -1].topk(2)
            token = int(best.indices[0])
            if stop and token == self.eos:
                break
            out.append(token)
            margins.append(round(float(best.values[0] - best.values[1]), 4))
            step = torch.tensor([[token]])
        return out, margins


class LlamaCpp:
    def __init__(self, path, eos):
        self.eos = eos
        self.model = llama_cpp.Llama(path, n_ctx=1024, verbose=False, logits_all=False)

    def greedy(self, ids, n, stop=True):
        out = []
        self.model.reset()
        for token in self.model.generate(ids, temp=0.0, repeat_penalty=1.0):
            if (stop and token == self.eos) or len(out) == n:
                break
            out.append(token)
        return out, []


def parts_at(a, b):
    """The first position where two lists differ; -1: nowhere."""
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return i
    return -1 if len(a) == len(b) else min(len(a), len(b))


def main():
    path, target = os.path.abspath(sys.argv[1]), sys.argv[2]
    reader = gguf.GGUFReader(path)
    eos = reader.fields["tokenizer.ggml.eos_token_id"].contents()
    tokenizer = tokenizer_of(reader)
    engines = {"transformers": Transformers(path, eos), "llama.cpp": LlamaCpp(path, eos)}
    out = {
        "file": os.path.basename(path),
        "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(),
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__,
                     "llama-cpp-python": llama_cpp.__version__,
                     "tokenizers": tokenizers.__version__},
        "n_new": N_NEW, "system": SYSTEM, "questions": [], "prompts": [],
    }
    right = dict.fromkeys(engines, 0)
    for question, words in QUESTIONS:
        row = {"question": question, "words": words}
        ids = tokenizer.encode(chat_text(question), add_special_tokens=False).ids
        row["ids"] = ids
        for name, engine in engines.items():
            answer = tokenizer.decode(engine.greedy(ids, N_NEW)[0])
            good = any(word in answer.lower() for word in words)
            right[name] += good
            row[name] = {"answer": answer, "right": good}
        out["questions"].append(row)
        print(question, {name: row[name]["right"] for name in engines})
    out["right"] = right
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt, add_special_tokens=False).ids
        row = {"prompt": prompt, "ids": ids}
        row["greedy"], row["margins"] = engines["transformers"].greedy(ids, N_NEW, stop=False)
        row["llama.cpp"] = engines["llama.cpp"].greedy(ids, N_NEW, stop=False)[0]
        at = parts_at(row["greedy"], row["llama.cpp"])
        row["llama.cpp parts at"] = at
        print(repr(prompt), "parts at", at, "margin", row["margins"][at] if at >= 0 else "-")
        out["prompts"].append(row)
    print(right)
    with open(target, "w") as file:
        json.dump(out, file, separators=(",", ":"), ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
