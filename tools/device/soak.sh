#!/usr/bin/env bash
# Run on a GPU machine: mixed requests for nine minutes, or the seconds given; further arguments go
# to `afs-host bench` (a model, sizes). Fails if a step fails or memory grows.
#   tools/device/soak.sh
#   tools/device/soak.sh 540 --random-weights llama-3.2-1b --max-sequences 64
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-540}
shift || true
[ $# -gt 0 ] || set -- --model-plugin llama3 --max-sequences 32 --max-context 1024
exec build/device/bin/afs-host bench --kernels cuda --soak "$seconds" "$@"
