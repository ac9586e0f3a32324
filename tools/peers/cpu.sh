#!/usr/bin/env bash
# kernels-cpu and llama.cpp on the same GGUF files, in turn, in one run, both on THREADS processors:
#
#   tools/peers/cpu.sh build FOLDER [CMAKE OPTION...]
#       llama-bench and llama-quantize from the sdist of llama-cpp-python on PyPI, into FOLDER/bin;
#       for this machine, unless the options say otherwise (-DGGML_NATIVE=OFF -DGGML_AVX2=ON ...)
#   tools/peers/cpu.sh models FOLDER
#       SmolLM2 as its file has it and in bf16; random weights of Llama-3.2-1B's shape in bf16,
#       Q8_0, Q4_0 and Q4_K (needs FOLDER/bin and tools/fetch_parity_data.sh smollm2)
#   tools/peers/cpu.sh run FOLDER FILE.gguf...
#       a table: tokens a second of both, the ratio, the share of the read ceiling that `bench`
#       measures in the same run
#
# THREADS (2), ROUNDS (3), PROMPTS (128,512), GENERATE (128), AFS (build/release/host/afs-host) and
# SET (auto: our instruction set) come from the environment.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
version=0.3.36
threads=${THREADS:-2} rounds=${ROUNDS:-3} prompts=${PROMPTS:-128,512} generate=${GENERATE:-128}
afs=${AFS:-build/release/host/afs-host}

build() {
    local folder=$1
    shift
    mkdir -p "$folder"
    if [ ! -d "$folder/llama_cpp_python-$version" ]; then
        python3 -m venv "$folder/venv"
        "$folder/venv/bin/pip" -q download --no-deps --no-binary llama-cpp-python \
            --dest "$folder" llama-cpp-python==$version
        tar -xzf "$folder/llama_cpp_python-$version.tar.gz" -C "$folder"
    fi
    cmake -S "$folder/llama_cpp_python-$version/vendor/llama.cpp" -B "$folder/build" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
        -DLLAMA_OPENSSL=OFF "$@"
    ninja -C "$folder/build" llama-bench llama-quantize
    mkdir -p "$folder/bin"
    cp "$folder"/build/bin/llama-{bench,quantize} "$folder/bin"
}

models() {
    local folder=$1 quantize=$1/bin/llama-quantize
    local smollm2=.parity/SmolLM2-135M-Instruct.Q4_1.gguf
    cp "$smollm2" "$folder/smollm2-q4_1.gguf"
    "$quantize" --allow-requantize "$smollm2" "$folder/smollm2-bf16.gguf" BF16
    [ -x .parity/venv/bin/pip ] || python3 -m venv .parity/venv
    .parity/venv/bin/pip -q install gguf numpy
    local python=.parity/venv/bin/python
    "$python" tools/device/make_checkpoint.py llama-3.2-1b "$folder/llama-3.2-1b"
    "$python" tools/gguf/convert.py "$folder/llama-3.2-1b" "$folder/llama-3.2-1b-bf16.gguf"
    for type in Q8_0 Q4_0 Q4_K; do
        "$quantize" --pure "$folder/llama-3.2-1b-bf16.gguf" "$folder/llama-3.2-1b-$type.gguf" $type
    done
}

run() {
    local folder=$1
    shift
    local out
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    for file in "$@"; do
        for round in $(seq "$rounds"); do
            "$afs" bench --model "$file" --kernels cpu --threads "$threads" --pp "$prompts" \
                --tg "$generate" -r 1 --set plugins.cpu.instruction_set="${SET:-auto}" --json \
                >"$out/ours-$round.json" 2>"$out/errors" || cat "$out/errors" >&2
            "$folder/bin/llama-bench" -m "$file" -t "$threads" -p "$prompts" -n "$generate" -r 1 \
                -fa 1 -o json >"$out/peer-$round.json" 2>"$out/errors" || cat "$out/errors" >&2
        done
        python3 - "$out" "$(basename "$file" .gguf)" "$rounds" <<'PYTHON'
import json, statistics, sys
out, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
ours, peer, ceiling, shares, right = {}, {}, [], {}, {}
for i in range(1, rounds + 1):
    report = json.load(open(f"{out}/ours-{i}.json"))
    ceiling.append(report["read_ceiling"] / 1e9)
    for row in report["rows"]:
        ours.setdefault(row["test"], []).append(row["avg_ts"])
        right.setdefault(row["test"], []).append(row["check"]["ok"])
        shares.setdefault(row["test"], []).append(100 * row.get("share_of_ceiling", 0))
    for row in json.load(open(f"{out}/peer-{i}.json")):
        test = f"pp{row['n_prompt']}" if row["n_prompt"] else f"tg{row['n_gen']}"
        peer.setdefault(test, []).append(row["avg_ts"])
print(f"\n| {name} | ours, tok/s | llama.cpp | ratio, of each round | read ceiling, GB/s | ours of it | ✓ |")
print("|---|--:|--:|--:|--:|--:|:-:|")
for test, values in ours.items():
    ratios = sorted(a / b for a, b in zip(values, peer[test]))
    share = f"{statistics.median(shares[test]):.0f} %" if test.startswith("tg") else ""
    print(f"| {test} | {statistics.median(values):.1f} | {statistics.median(peer[test]):.1f} | "
          f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | "
          f"{statistics.median(ceiling):.1f} | {share} | {'✓' if all(right[test]) else '✗'} |")
PYTHON
    done
}

case ${1:-} in
build | models | run) "$@" ;;
*)
    sed -n '2,/^set -/{/^set -/!p}' "$0" | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
