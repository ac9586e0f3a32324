#!/usr/bin/env bash
# Runs fuzz targets for SECONDS each, JOBS at a time, from their seeds:
#   tests/fuzz/run.sh SECONDS [BINDIR [JOBS [TARGET...]]]
# BINDIR: build/asan/fuzz; JOBS: the processors; TARGET: all.
# Prints a line a target: executions, executions a second, coverage (edges and features), findings;
# exit 1 where there is one. Each leaves its log, its finding (crash-*, timeout-*, oom-*) and the
# inputs that it found in $AFS_FUZZ_OUT/TARGET, else in build/fuzz-run/TARGET. What an earlier run
# found is taken as seeds from $AFS_FUZZ_MORE/TARGET/corpus.
#
# The programs need glibc and nothing else: build them with
#   cmake --preset asan && cmake --build --preset asan --target afs_fuzz
# and on another x86-64 Linux, whose glibc is as old as this one's or newer, this file, the seeds
# beside it and BINDIR are enough. One finding again: build/asan/fuzz/fuzz-TARGET FILE
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [BINDIR [JOBS [TARGET...]]]}
bin=$(cd "${2:-$here/../../build/asan/fuzz}" && pwd) || exit 2
jobs=${3:-$(nproc)}
out=${AFS_FUZZ_OUT:-$here/../../build/fuzz-run}
targets=("${@:4}")
if ((${#targets[@]} == 0)); then
    for program in "$bin"/fuzz-*; do targets+=("${program##*/fuzz-}"); done
fi

# One target: 64 MiB for what an input may cost, counted by the targets themselves, and for any one
# allocation; 20 s an input, by the clock of a machine that may be busy; 2 GiB a process, most of it
# AddressSanitizer's own. libFuzzer may hang where it should report an input that takes too long:
# it is ended a minute after its time.
run_target() {
    local name=$1 dir=$out/$1 status=0
    local seeds=("$here/corpus/$1")
    if [[ -d ${AFS_FUZZ_MORE:-}/$name/corpus ]]; then seeds+=("$AFS_FUZZ_MORE/$name/corpus"); fi
    rm -rf "$dir"
    mkdir -p "$dir/corpus"
    (cd "$dir" && timeout -k 5 $((seconds + 60)) "$bin/fuzz-$name" -max_total_time="$seconds" \
        -max_len=16384 -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=65 -print_final_stats=1 \
        -artifact_prefix="$dir/" "$dir/corpus" "${seeds[@]}") >"$dir/log" 2>&1 || status=$?
    local n_runs speed cover verdict="no finding"
    n_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")
    speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$dir/log")
    cover=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$dir/log" | tail -1)
    ((status == 0)) || verdict="FINDING: exit $status, see $dir"
    printf '%-15s %10s executions %8s/s   %-22s %s\n' \
        "$name" "${n_runs:-?}" "${speed:-?}" "${cover:-no coverage}" "$verdict"
    return $((status != 0))
}

failed=0 running=0
for name in "${targets[@]}"; do
    [[ -d $here/corpus/$name ]] || { echo "$name has no seeds in $here/corpus" && exit 2; }
    if ((running == jobs)); then
        wait -n || failed=1
        running=$((running - 1))
    fi
    run_target "$name" &
    running=$((running + 1))
done
while ((running-- > 0)); do wait -n || failed=1; done
exit $failed
