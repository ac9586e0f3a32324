"""Collects the chat templates that real checkpoints bring, one NAME.jinja each.

    python chat_templates.py SDIST.tar.gz OUT [FILE.gguf | FOLDER ...]

SDIST: PyPI's llama_cpp_python, which carries llama.cpp with the templates it is tested on, as files
and as strings in its test. FILE.gguf (needs PyPI's gguf) and FOLDER (tokenizer_config.json) add the
template of that checkpoint under the file's or folder's name.
"""
import ast
import json
import re
import sys
import tarfile
from pathlib import Path


def from_sdist(path):
    strings = re.compile(r'name= \*/ "(.*?)",\n\s*/\* \.template_str= \*/ ((?:U8C\()?"(?:[^"\\]|\\.)*")')
    with tarfile.open(path) as sdist:
        for member in sdist:
            if "/llama.cpp/models/templates/" in member.name and member.name.endswith(".jinja"):
                yield Path(member.name).stem, sdist.extractfile(member).read().decode()
            if member.name.endswith("/llama.cpp/tests/test-chat-template.cpp"):
                for name, text in strings.findall(sdist.extractfile(member).read().decode()):
                    literal = text.removeprefix("U8C(")
                    yield "test " + re.sub(r"[^\w.-]+", " ", name).strip(), ast.literal_eval(literal)


def from_gguf(path):
    from gguf import GGUFReader
    return GGUFReader(path).fields["tokenizer.chat_template"].contents()


def main():
    sdist, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    found = dict(from_sdist(sdist))
    for more in map(Path, sys.argv[3:]):
        if more.is_dir():
            config = json.loads((more / "tokenizer_config.json").read_text())
            found[more.name] = config["chat_template"]
        else:
            found[more.stem] = from_gguf(more)
    for name, text in found.items():
        (out / f"{name}.jinja").write_text(text)
    print(f"{len(found)} chat templates in {out}")


if __name__ == "__main__":
    main()
