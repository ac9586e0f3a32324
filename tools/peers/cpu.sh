#!/usr/bin/env bash
# kernels-cpu and llama.cpp on the same GGUF files, in turn, in one run, both on THREADS processors:
#
#   tools/peers/cpu.sh build FOLDER [CMAKE OPTION...]
#       llama.cpp from the sdist of llama-cpp-python on PyPI and tools/peers/llama_cpp.cpp, linked to
#       FOLDER/peer; for this machine, unless the options say otherwise (-DGGML_NATIVE=OFF ...)
#   tools/peers/cpu.sh models FOLDER
#       SmolLM2 as its file has it and in bf16; random weights of Llama-3.2-1B's shape in bf16,
#       Q8_0, Q4_0 and Q4_K (needs FOLDER/peer and tools/fetch_parity_data.sh smollm2)
#   tools/peers/cpu.sh run FOLDER FILE.gguf...
#       a table: tokens a second of both, the ratio, the share of the read ceiling that `bench`
#       measures in the same run
#
# THREADS (2), ROUNDS (3), PROMPTS (128,512), GENERATE (128), AFS (build/release/bin/afs-host) and
# SET (auto: our instruction set) come from the environment.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
version=0.3.36
threads=${THREADS:-2} rounds=${ROUNDS:-3} prompts=${PROMPTS:-128,512} generate=${GENERATE:-128}
afs=${AFS:-build/release/bin/afs-host}

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
    local source=$folder/llama_cpp_python-$version/vendor/llama.cpp build=$folder/build
    cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
        -DGGML_OPENMP=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
        -DLLAMA_BUILD_SERVER=OFF -DLLAMA_OPENSSL=OFF \
        -DCMAKE_CXX_FLAGS="-include $PWD/tools/peers/tile_config.h" "$@"
    ninja -C "$build" llama
    # A static C++ library: the program may be carried to another machine.
    c++ -std=c++17 -O2 -static-libstdc++ -static-libgcc -I"$source/include" \
        -I"$source/ggml/include" tools/peers/llama_cpp.cpp -o "$folder/peer" \
        "$build/src/libllama.a" "$build"/ggml/src/libggml{,-cpu,-base}.a -lpthread -ldl
}

models() {
    local folder=$1 peer=$1/peer
    local smollm2=.parity/SmolLM2-135M-Instruct.Q4_1.gguf
    cp "$smollm2" "$folder/smollm2-q4_1.gguf"
    "$peer" quantize "$smollm2" "$folder/smollm2-bf16.gguf" BF16
    [ -x .parity/venv/bin/pip ] || python3 -m venv .parity/venv
    .parity/venv/bin/pip -q install gguf numpy
    local python=.parity/venv/bin/python
    "$python" tools/device/make_checkpoint.py llama-3.2-1b "$folder/llama-3.2-1b"
    "$python" tools/gguf/convert.py "$folder/llama-3.2-1b" "$folder/llama-3.2-1b-bf16.gguf"
    for type in Q8_0 Q4_0 Q4_K; do
        "$peer" quantize "$folder/llama-3.2-1b-bf16.gguf" "$folder/llama-3.2-1b-$type.gguf" $type
    done
}

run() {
    local folder=$1
    shift
    out=$(mktemp -d)  # not local: the trap outlives the function
    trap 'rm -rf "$out"' EXIT
    echo "llama.cpp: $("$folder/peer" info)"
    for file in "$@"; do
        for round in $(seq "$rounds"); do
            "$afs" bench --model "$file" --kernels cpu --threads "$threads" --pp "$prompts" \
                --tg "$generate" -r 1 --set plugins.cpu.instruction_set="${SET:-auto}" --json \
                >"$out/ours-$round.json" 2>"$out/errors" || cat "$out/errors" >&2
            "$folder/peer" bench "$file" "$threads" "$prompts" "$generate" \
                >"$out/peer-$round.json" 2>"$out/errors" || cat "$out/errors" >&2
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
        peer.setdefault(row["test"], []).append(row["avg_ts"])
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
