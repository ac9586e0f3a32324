#!/usr/bin/env bash
# Run on a GPU machine from anywhere, with what tools/device/build.sh made: the tests of kernels-cuda,
# none of which may be skipped, then compute-sanitizer over at least one case of every kernel that
# the plugin holds, counted. Logs go to $OUT, else to build/device/reports. Needs compute-sanitizer
# and cuobjdump of the CUDA toolkit.
#   tools/device/checks.sh [tests|sanitizer]     default: both, about nine minutes
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

# Every test by itself, as many at a time as there are processors: most of their time is the judge's.
run_tests() {
    echo "== tests of kernels-cuda"
    local start=$SECONDS logs=$out/tests n_tests n_skipped
    rm -rf "$logs" && mkdir -p "$logs"
    "$tests" --list-test-names-only | grep . | sed 's/[][,\\]/\\&/g' >"$out/names"
    n_tests=$(wc -l <"$out/names")
    nl -w3 -nrz "$out/names" | tr '\n' '\0' | xargs -0 -P "$(nproc)" -I{} bash -c '
        IFS=$'"'\t'"' read -r number name <<<"$1"
        "$2" "$name" >"$3/$number.txt" 2>&1 || echo "$name" >>"$3/failed"' _ {} "$tests" "$logs"
    cat "$logs"/[0-9]*.txt >"$out/tests.txt"
    grep -E 'cases, |draws, |deterministic' "$out/tests.txt"
    [ ! -e "$logs/failed" ] || fail "tests of kernels-cuda, see $out/tests.txt: $(cat "$logs/failed")"
    n_skipped=$(grep -c '^skipped: ' "$out/tests.txt")
    [ "$n_skipped" -eq 0 ] || fail "$n_skipped were skipped: $(grep -m1 '^skipped: ' "$out/tests.txt")"
    echo "$n_tests tests, $(grep -c '^All tests passed' "$out/tests.txt") passed, $((SECONDS - start)) s"
}

# One tool over the chosen cases, in several processes: initcheck is the slowest.
readonly -A shards=([memcheck]=4 [racecheck]=4 [initcheck]=8)
sanitize() {
    local tool=$1 n=${shards[$1]} shard
    for shard in $(seq "$n"); do
        (
            log=$out/$tool.$shard.txt cases=$out/cases.$tool.$shard
            awk -v n="$n" -v i="$shard" 'NR % n == i % n' "$out/cases" >"$cases"
            AFS_CUDA_KERNEL_LIST=$out/kernels.$tool.$shard AFS_CASES=$cases timeout 480 \
                compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 50 "$tests" \
                '[.sanitize]' >"$log" 2>&1
            echo $? >"$log.code"
        ) &
    done
    wait
    cat "$out/$tool".[0-9].txt >"$out/$tool.txt"
    sort -u "$out/kernels.$tool".[0-9] >"$out/kernels.$tool"
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
    rm -f "$out"/kernels.cover "$out"/kernels.*.[0-9] "$out"/cases*
    AFS_CUDA_KERNEL_LIST=$out/kernels.cover AFS_CASES=$out/cases "$tests" '[.cover]' \
        >"$out/cover.txt" 2>&1 || fail "choosing the cases: see $out/cover.txt"
    echo "$(wc -l <"$out/cases") cases chosen in $((SECONDS - start)) s"
    for tool in memcheck racecheck initcheck; do sanitize "$tool" & done
    wait
    for tool in memcheck racecheck initcheck; do
        local codes n_run
        codes=$(cat "$out/$tool".[0-9].txt.code | sort -nu | tr '\n' ' ')
        n_run=$(comm -12 "$built" "$out/kernels.$tool" | wc -l)
        echo "$tool: $n_run of $n_built kernel instantiations; exit codes $codes"
        grep -hE 'ERROR SUMMARY|RACECHECK SUMMARY' "$out/$tool.txt" | sort | uniq -c
        [ "$codes" = "0 " ] || fail "$tool: see $out/$tool.txt"
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
