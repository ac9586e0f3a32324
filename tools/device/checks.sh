#!/usr/bin/env bash
# Run on a GPU machine from anywhere, with what tools/device/build.sh made: the tests of kernels-cuda,
# none of which may be skipped, then compute-sanitizer over at least one case of every kernel that
# the plugin holds, counted. Logs go to $OUT, else to build/device/reports. Needs compute-sanitizer
# and cuobjdump of the CUDA toolkit.
#   tools/device/checks.sh [tests|sanitizer]     default: both, about six minutes
set -uo pipefail
cd "$(dirname "$0")/../.."
readonly plugin=build/device/plugins/afs-kernels-cuda.so tests=build/device/checks/test-kernels-cuda
readonly out=${OUT:-build/device/reports} part=${1:-all}
mkdir -p "$out"
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}

run_tests() {
    echo "== tests of kernels-cuda"
    local start=$SECONDS
    "$tests" >"$out/tests.txt" 2>&1 || fail "tests of kernels-cuda: see $out/tests.txt"
    grep -E '^suite|cases, |draws, |deterministic' "$out/tests.txt"
    tail -3 "$out/tests.txt"
    local skipped
    skipped=$(grep -c '^skipped: ' "$out/tests.txt")
    [ "$skipped" -eq 0 ] || fail "$skipped tests were skipped: $(grep -m1 '^skipped: ' "$out/tests.txt")"
    echo "$((SECONDS - start)) s"
}

# One tool over the chosen cases.
sanitize() {
    local tool=$1 log=$out/$1.txt list=$out/kernels.$1
    rm -f "$list"
    AFS_CUDA_KERNEL_LIST=$list AFS_CASES=$out/cases timeout 240 compute-sanitizer --tool "$tool" \
        --error-exitcode 9 --print-limit 50 "$tests" '[.sanitize]' >"$log" 2>&1
    echo $? >"$log.code"
}

run_sanitizer() {
    echo "== compute-sanitizer"
    local start=$SECONDS built=$out/kernels.built n_built missing
    for tool in compute-sanitizer cuobjdump; do
        command -v "$tool" >/dev/null || { fail "$tool is not there"; return; }
    done
    cuobjdump -res-usage "$plugin" 2>/dev/null | sed -n 's/^ *Function \([^:]*\):.*/\1/p' |
        sort -u >"$built"
    n_built=$(wc -l <"$built")
    [ "$n_built" -gt 0 ] || { fail "cuobjdump found no kernel in $plugin"; return; }
    rm -f "$out/kernels.cover"
    AFS_CUDA_KERNEL_LIST=$out/kernels.cover AFS_CASES=$out/cases "$tests" '[.cover]' \
        >"$out/cover.txt" 2>&1 || fail "choosing the cases: see $out/cover.txt"
    echo "$(wc -l <"$out/cases") cases chosen in $((SECONDS - start)) s"
    for tool in memcheck racecheck initcheck; do sanitize "$tool" & done
    wait
    for tool in memcheck racecheck initcheck; do
        local code n_run summary
        code=$(cat "$out/$tool.txt.code")
        sort -u "$out/kernels.$tool" -o "$out/kernels.$tool"
        n_run=$(comm -12 "$built" "$out/kernels.$tool" | wc -l)
        summary=$(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$out/$tool.txt" | tail -1)
        echo "$tool: $n_run of $n_built kernel instantiations; ${summary#========= }; exit $code"
        [ "$code" -eq 0 ] || fail "$tool: see $out/$tool.txt"
        missing=$(comm -23 "$built" "$out/kernels.$tool")
        [ -z "$missing" ] || { fail "$tool: not run:"; echo "$missing" | c++filt | cut -c1-200; }
    done
    echo "$((SECONDS - start)) s"
}

command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
[ "$part" = sanitizer ] || run_tests
[ "$part" = tests ] || run_sanitizer
[ "$failed" -eq 0 ] && echo "all checks passed"
exit "$failed"
