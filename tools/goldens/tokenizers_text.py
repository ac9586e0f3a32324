"""Text that is awkward to tokenise, from a seed: unique lines, the same on every machine."""
import random
import sys
import unicodedata

SPACES = ["\t", "\n", "\x0b", "\x0c", "\r", "\r\n", " ", "\x1c", "\x1f", "\x85", "\xa0", "\u1680",
          "\u180e", "\u2000", "\u2003", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f",
          "\u3000", "\ufeff", "\x00"]
SCRIPTS = {  # name: first and last code point of a stretch with many letters
    "Latin": (0x41, 0x7a), "Latin-1": (0xc0, 0xff), "Greek": (0x391, 0x3c9), "Cyrillic": (0x410, 0x44f),
    "Armenian": (0x531, 0x586), "Hebrew": (0x5d0, 0x5ea), "Arabic": (0x620, 0x64a),
    "Syriac": (0x710, 0x72f), "Thaana": (0x780, 0x7a5), "Nko": (0x7c0, 0x7ea),
    "Devanagari": (0x904, 0x96f), "Bengali": (0x985, 0x9ef), "Gurmukhi": (0xa05, 0xa6f),
    "Gujarati": (0xa85, 0xaef), "Oriya": (0xb05, 0xb6f), "Tamil": (0xb85, 0xbef),
    "Telugu": (0xc05, 0xc6f), "Kannada": (0xc85, 0xcef), "Malayalam": (0xd05, 0xd6f),
    "Sinhala": (0xd85, 0xdef), "Thai": (0xe01, 0xe59), "Lao": (0xe81, 0xed9),
    "Tibetan": (0xf40, 0xfbc), "Myanmar": (0x1000, 0x1049), "Georgian": (0x10a0, 0x10ff),
    "Hangul Jamo": (0x1100, 0x11ff), "Ethiopic": (0x1200, 0x137c), "Cherokee": (0x13a0, 0x13f4),
    "Canadian": (0x1401, 0x166c), "Ogham": (0x1680, 0x169c), "Runic": (0x16a0, 0x16f0),
    "Khmer": (0x1780, 0x17e9), "Mongolian": (0x1810, 0x1877), "Balinese": (0x1b05, 0x1b59),
    "Glagolitic": (0x2c00, 0x2c5f), "Coptic": (0x2c80, 0x2cf3), "Tifinagh": (0x2d30, 0x2d67),
    "Hiragana": (0x3041, 0x3096), "Katakana": (0x30a1, 0x30fa), "Bopomofo": (0x3105, 0x312f),
    "Han": (0x4e00, 0x9fff), "Yi": (0xa000, 0xa48c), "Lisu": (0xa4d0, 0xa4ff), "Vai": (0xa500, 0xa62b),
    "Hangul": (0xac00, 0xd7a3), "Linear B": (0x10000, 0x1005d), "Gothic": (0x10330, 0x1034a),
    "Deseret": (0x10400, 0x1044f), "Cuneiform": (0x12000, 0x12399), "Egyptian": (0x13000, 0x1342e),
    "Mathematical": (0x1d400, 0x1d7ff), "Emoji": (0x1f300, 0x1f64f),
}
SENTENCES = [
    "Once upon a time, there was a little girl named Lily.", "I'LL we've You're he'S IT'D they'Ve i'M",
    "'\u017f 's 'S '\u212a 'T 'rE 'll 'LL don't DON'T rock'n'roll ''s '' '",
    "def f(x: int) -> str:\n\treturn f\"{x:>10}\"  # 3.14e-10\n\n\n",
    "for (int i = 0; i < 1000000; ++i) { a[i] += b[i] * 0x7fff; }\r\n\r\n", "  \n\n a", "a\r\nb",
    " \t x", "12345 678", "3333333", "Hello world", "x  y   z    \n    w", "e\u0301a\u0308 \u1e9b\u0323",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u2764\ufe0f",
    "1\u0661\u0967\u00b2\u2167\u2460\u3007\U0001d7d8", "<|user|>\nhi\n<|assistant|>\n", "\u01c5\u01c8 \u02b0\u02bc",
    "SELECT * FROM t WHERE a<>b AND c!='d''e';", "https://example.org/a?b=c&d=%20#e_f-g", "!!!???...,,,;;;",
    "{\"a\": [1, 2.5, null], \"b\": \"\\u00e9\"}", "caf\u00e9 na\u00efve \u00dcber stra\u00dfe \ufb01 \ufb06",
]
CODE = "if else for while return {} () [] <> == != += -> :: // /* */ # \" ' \\ \t \n 0 1 42 x y foo bar".split(" ")


def categories():
    """General category: its assigned code points, surrogates left out."""
    table = {}
    for code in range(sys.maxunicode + 1):
        if not 0xd800 <= code < 0xe000:
            table.setdefault(unicodedata.category(chr(code)), []).append(code)
    return table


def run(rng, piece):
    return piece * (10000 if rng.random() < 0.5 else rng.choice([2, 3, 50, 1000]))


def lines(count, added=(), seed=20251101, runs=True):
    """`count` unique texts; some hold line breaks. added: tokens to put inside text."""
    rng = random.Random(seed)
    table = categories()
    names = sorted(table)
    words = [word for text in SENTENCES for word in text.split(" ") if word]

    def script():
        low, high = SCRIPTS[rng.choice(sorted(SCRIPTS))]
        return "".join(rng.choice([chr(rng.randint(low, high))] * 6 + [" ", rng.choice(SPACES)])
                       for _ in range(rng.randint(1, 40)))

    def category():
        name = rng.choice(names)
        return "".join(chr(rng.choice(table[name])) for _ in range(rng.randint(1, 12)))

    def mix():
        codes = (rng.choice([rng.randrange(0x80), rng.randrange(0x3000), rng.randrange(0x110000)])
                 for _ in range(rng.randint(1, 60)))
        return "".join(chr(code) for code in codes if not 0xd800 <= code < 0xe000)

    def spaces():
        return "".join(rng.choice(SPACES) * rng.randint(1, 4) + rng.choice(["", "a", ".", "1", "\u4e00"])
                       for _ in range(rng.randint(1, 12)))

    def prose():
        return " ".join(rng.choice(words) for _ in range(rng.randint(1, 25)))

    def code():
        return rng.choice(["", " "]).join(rng.choice(CODE) for _ in range(rng.randint(1, 40)))

    def with_added():
        pieces = [rng.choice([prose, script, spaces, mix])()[:20] for _ in range(3)]
        return "".join(piece + rng.choice(["", " ", "  ", "\n"]) + rng.choice(list(added)) +
                       rng.choice(["", " ", "\t", "x"]) for piece in pieces)

    makers = [script, category, mix, spaces, prose, code] + ([with_added] * 2 if added else [])
    seen = dict.fromkeys(SENTENCES)
    seen.update(dict.fromkeys(f"x{token} y{token}{token}\n{token}" for token in added))
    if runs:
        for piece in ["a", " ", "\n", "7", "!", "\u4e00", "\u3000", "ab", " a", "\t", "'s", "\U0001f600"]:
            seen[piece * 10000] = None
            seen["x" + run(rng, piece) + "y"] = None
    for name in names:  # every category at least once, alone and between letters
        for code_point in rng.sample(table[name], min(len(table[name]), 4)):
            seen[chr(code_point)] = seen[f"a{chr(code_point)} {chr(code_point)}1"] = None
    while len(seen) < count:
        seen[rng.choice(makers)()] = None
    return list(seen)[:count]
