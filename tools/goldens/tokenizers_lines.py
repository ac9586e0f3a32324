"""Writes the lines on which real tokenizers are compared: the same on every machine and Python.

    python tokenizers_lines.py OUT.jsonl

Unique texts, one JSON string a line; a text may hold line breaks. Needs nothing but Python 3.8; the
general categories are those of Unicode 3.2 (unicodedata.ucd_3_2_0), which no Python version changes:
what came later counts there as unassigned and is drawn from by name of its script as well.
"""
import json
import random
import sys
from pathlib import Path
from unicodedata import ucd_3_2_0

from tokenizers_text import CODE, SCRIPTS, SENTENCES, SPACES

LATER_SCRIPTS = {  # of Unicode 5 to 16
    "Phoenician": (0x10900, 0x1091b), "Brahmi": (0x11000, 0x1106f), "Chakma": (0x11100, 0x11147),
    "Tirhuta": (0x11480, 0x114d9), "Adlam": (0x1e900, 0x1e95f), "Bamum": (0xa6a0, 0xa6f7),
    "Javanese": (0xa980, 0xa9df), "Tai Tham": (0x1a20, 0x1aad), "Meetei Mayek": (0xabc0, 0xabf9),
    "Kawi": (0x11f00, 0x11f59), "Nag Mundari": (0x1e4d0, 0x1e4f9), "Ol Onal": (0x1e5d0, 0x1e5ff),
    "Gurung Khema": (0x16100, 0x16139), "Garay": (0x10d40, 0x10d8f), "Tulu": (0x11380, 0x113e2),
    "Todhri": (0x105c0, 0x105f3), "Sunuwar": (0x11bc0, 0x11bf9), "Tangut": (0x17000, 0x187f7),
    "Later emoji": (0x1fa70, 0x1faff), "Han extension": (0x20000, 0x2a6df),
}
# Every added token of dolma2, Llama-3, SmolLM2, GPT-2 and of SentencePiece models.
ADDED = (["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "|||PHONE_NUMBER|||",
          "|||EMAIL_ADDRESS|||", "|||IP_ADDRESS|||", "<|im_start|>", "<|im_end|>", "<|endofprompt|>",
          "<|pad|>"] + [f"<|extra_id_{i}|>" for i in range(11)] +
         ["<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", "<|step_id|>",
          "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
          "<|image|>"] + [f"<|reserved_special_token_{i}|>" for i in range(246)] +
         ["<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<gh_stars>", "<issue_start>",
          "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
          "<jupyter_output>", "<jupyter_script>", "<empty_output>"] + ["<unk>", "<s>", "</s>"])
RUNS = ["a", "A", "\u00e9", " ", "\n", "\t", "\r", "\r\n", "7", "!", "-", "=", "_", "/", "'", ".", "\u0301",
        "\u4e00", "\u3042", "\uac00", "\u3000", "\u00a0", "\u200d", "\u0660", "\U0001f600", "\U00020000",
        "\u0378", "ab", " a", "a ", "'s", "1 "]
CONTRACTIONS = ["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Ve", "vE", "M", "LL", "lL", "D",
                "\u017f", "\u212a", "r\u00e9", "x"]
COUNTS = {"script": 4000, "mix": 5000, "spaces": 1500, "prose": 2000, "code": 2500, "added": 3000,
          "contractions": 700, "numbers": 700}


def categories():
    """General category in Unicode 3.2: its code points, surrogates left out."""
    table = {}
    for code in range(sys.maxunicode + 1):
        if not 0xd800 <= code < 0xe000:
            table.setdefault(ucd_3_2_0.category(chr(code)), []).append(code)
    return table


class Maker:
    """One text of a kind a call."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.scripts = sorted({**SCRIPTS, **LATER_SCRIPTS}.items())
        self.words = [word for text in SENTENCES for word in text.split(" ") if word]
        self.turn = 0

    def pick(self, items):
        return items[self.rng.randrange(len(items))]

    def repeat(self, most, make):
        return [make() for _ in range(1 + self.rng.randrange(most))]

    def script(self):
        self.turn += 1  # each in turn
        low, high = self.scripts[self.turn % len(self.scripts)][1]
        letter = lambda: chr(low + self.rng.randrange(high - low + 1))
        return "".join(self.repeat(30, lambda: self.pick([letter] * 6 + [
            lambda: " ", lambda: self.pick(SPACES), lambda: self.pick(".,;:!?'-12a")])()))

    def mix(self):
        codes = self.repeat(40, lambda: self.rng.randrange(self.pick([0x80, 0x3000, 0x20000, 0x110000])))
        return "".join(chr(code) for code in codes if not 0xd800 <= code < 0xe000)

    def spaces(self):
        return "".join(self.repeat(10, lambda: self.pick(SPACES) * (1 + self.rng.randrange(4)) +
                                   self.pick(["", "a", ".", "1", "\u4e00", "\u2581"])))

    def prose(self):
        return " ".join(self.repeat(25, lambda: self.pick(self.words)))

    def code(self):
        return self.pick(["", " ", "    "]).join(self.repeat(30, lambda: self.pick(CODE)))

    def added(self):
        piece = lambda: self.pick([self.prose, self.script, self.spaces, self.mix, self.code])()[:20]
        return "".join(self.repeat(3, lambda: piece() + self.pick(["", " ", "  ", "\n"]) +
                                   self.pick(ADDED) + self.pick(["", " ", "\t", "x", "<", "|"])))

    def contractions(self):
        return "".join(self.repeat(8, lambda: self.pick(["x", "I", "", " ", "1", "\u00e9"]) +
                                   self.pick(["'", "\u2019", "''", "' "]) + self.pick(CONTRACTIONS)))

    def numbers(self):
        digit = lambda: self.pick(["1", "2", "0", "9", "\u0661", "\u0967", "\u00b2", "\u2167", "\uff13"])
        return "".join(self.repeat(6, lambda: "".join(self.repeat(9, digit)) +
                                   self.pick([" ", ",", ".", "", "e", "x"])))


def lines():
    maker = Maker(20251123)
    seen = dict.fromkeys(SENTENCES + ["", " "])
    seen.update(dict.fromkeys(f"x{token} y{token}{token}\n{token}" for token in ADDED))
    for piece in RUNS:
        seen[piece * 10000] = seen["x" + piece * 10000 + "y"] = None
    for _, codes in sorted(categories().items()):
        for code in [codes[0], codes[-1]] + [maker.pick(codes) for _ in range(12)]:
            seen[chr(code)] = seen[f"a{chr(code)} {chr(code)}1"] = None
    for kind, count in COUNTS.items():
        wanted = len(seen) + count
        while len(seen) < wanted:
            seen[getattr(maker, kind)()] = None
    return list(seen)


def main():
    texts = lines()
    Path(sys.argv[1]).write_text("".join(json.dumps(text) + "\n" for text in texts))
    print(f"{len(texts)} lines, {sum(len(text.encode()) for text in texts)} bytes of text")


if __name__ == "__main__":
    main()
