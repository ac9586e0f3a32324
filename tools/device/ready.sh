#!/usr/bin/env bash
# Run on a GPU machine: how long a checkpoint takes from the start of the program to its first token,
# with its phases, three times; the file is in the page cache from the second on.
#   tools/device/ready.sh                       a checkpoint of llama-3.1-8b's shape, made first
#   tools/device/ready.sh /data/Llama-3.1-8B
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${1:-/tmp/llama-3.1-8b}
[ -d "$model" ] || tools/device/make_checkpoint.py llama-3.1-8b "$model"
for _ in 1 2 3; do
    start=$(date +%s.%N)
    build/device/bin/afs-host --model "$model" --kernels cuda --prompt "Once upon a time" -n 1 \
        --ignore-stop -v 2>&1 >/dev/null | grep -E '^\[(ready|.* on cuda)'
    echo "whole program: $(echo "$(date +%s.%N) - $start" | bc 2>/dev/null) s"
done
