#!/usr/bin/env bash
# Run on a GPU machine with PyTorch, with what tools/device/build.sh made: how much of each limit of
# the judge is used by our kernels, and by kernels known to be good: PyTorch's attention and cuBLAS,
# wrapped as a plugin that is built here. Tables for docs/CONFORMANCE.md go to $OUT, else to
# build/device/reports. About four minutes.
#   tools/device/fit.sh [quick|full]     default: full
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly host=$PWD/build/device/bin/afs-host out=${OUT:-build/device/reports} part=${1:-full}
readonly plugin=build/device/afs-kernels-torch.so
mkdir -p "$out" build/device
torch=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))')
cuda=$(dirname "$(dirname "$(command -v nvcc)")")
g++ -std=c++20 -O1 -fPIC -shared -fvisibility=hidden tools/device/known_good/kernels_torch.cpp \
    -o $plugin -Icore/include -I"$torch/include" -I"$torch/include/torch/csrc/api/include" \
    -I"$cuda/include" -L"$torch/lib" -Wl,--no-as-needed -ltorch -ltorch_cuda -ltorch_cpu \
    -lc10_cuda -lc10 -Wl,-rpath,"$torch/lib"
judge() {
    "$host" conformance "$@" --fit "--$part" --group numeric -j 4
}
judge build/device/plugins/afs-kernels-cuda.so >"$out/fit.cuda.txt" 2>&1 &
judge $plugin --owner build/device/plugins/afs-kernels-cuda.so --op linear/1 --op attention/1 \
    --junit "$out/fit.torch.xml" >"$out/fit.torch.txt" 2>&1 || true  # which cases leave a limit
wait || true
tail -n 60 "$out/fit.cuda.txt" "$out/fit.torch.txt"
