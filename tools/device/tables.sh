#!/usr/bin/env bash
# Run on a GPU machine, with what tools/device/build.sh made: the tables of docs/PERFORMANCE.md, about
# two minutes. A peer is measured in the same run where its program is given, about two minutes a
# shape:
#   tools/device/tables.sh [torch_decode.py]
set -uo pipefail
cd "$(dirname "$0")/../.."
readonly bench="build/device/bin/afs-host bench --kernels cuda" peer=${1:-}

nvidia-smi --query-gpu=name,driver_version,power.limit --format=csv,noheader
echo "== decode, one sequence"
for shape in llama-3.1-8b llama-3.2-1b olmo2-7b olmo2-13b; do
    long=4000
    [[ $shape != olmo2-* ]] || long=3900  # its models end at 4,096
    $bench --random-weights "$shape" --pp 0 --tg 128 --context 128,$long -r 3 2>&1 | grep -E 'ceiling of|^\| .*tg|afs-host:'
done
echo "== prompts"
$bench --random-weights llama-3.1-8b --pp 512,2048,8192 --tg 0 -r 3 2>&1 | grep -E '^\| .*pp|afs-host:'
echo "== batches"
$bench --random-weights llama-3.1-8b --pp 0 --tg 128 --batch 1,8,32,64,128 --context 128 -r 2 2>&1 |
    grep -E '^\| .*tg|afs-host:'
if [ -n "$peer" ]; then
    echo "== peer"
    for shape in llama-3.1-8b llama-3.2-1b olmo2-7b; do python3 "$peer" "$shape" 2>&1 | grep "^$shape"; done
fi
