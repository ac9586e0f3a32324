#!/usr/bin/env bash
# Runs every fuzz target for SECONDS, JOBS at a time, from its seeds:
#   tests/fuzz/run.sh SECONDS [BINDIR] [JOBS]        BINDIR: build/fuzz/bin, JOBS: the processors
# Prints a line a target: executions, executions a second, coverage (edges and features), findings;
# exit 1 where there is one. Each leaves its log, its finding (crash-*, timeout-*, oom-*) and the
# inputs that it found in build/fuzz-run/TARGET.
#
# The programs need glibc and nothing else: build them with
#   cmake --preset fuzz && cmake --build --preset fuzz
# and on another x86-64 Linux, whose glibc is as old as this one's or newer, this file, the seeds
# beside it and BINDIR are enough. One finding again: build/fuzz/bin/fuzz-TARGET FILE
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [BINDIR] [JOBS]}
bin=$(cd "${2:-$here/../../build/fuzz/bin}" && pwd) || exit 2
jobs=${3:-$(nproc)}
out=${AFS_FUZZ_OUT:-$here/../../build/fuzz-run}

# One target: 64 MiB for what an input may cost, counted by the targets themselves, and for any one
# allocation; 5 s an input; 2 GiB a process, most of it AddressSanitizer's own. libFuzzer may hang
# where it should report an input that takes too long: ended a minute after its time.
run_target() {
    local name=$1 dir=$out/$1 status=0
    rm -rf "$dir"
    mkdir -p "$dir/corpus"
    (cd "$dir" && timeout -k 5 $((seconds + 60)) "$bin/fuzz-$name" -max_total_time="$seconds" -max_len=16384 -timeout=5 \
        -rss_limit_mb=2048 -malloc_limit_mb=65 -print_final_stats=1 -artifact_prefix="$dir/" \
        "$dir/corpus" "$here/corpus/$name") >"$dir/log" 2>&1 || status=$?
    local n_runs cover findings
    n_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log")
    cover=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$dir/log" | tail -1)
    findings=$(find "$dir" -maxdepth 1 -name '*-*' -type f | wc -l)
    if ((status != 0 && findings == 0)); then findings=1; fi
    printf '%-15s %10s executions %8s/s   %-22s %s\n' "$name" "${n_runs:-?}" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$dir/log")" "${cover:-no coverage}" \
        "$( ((findings)) && echo "FINDING: exit $status, see $dir" || echo "no finding")"
    return $((findings != 0))
}

failed=0 running=0
for program in "$bin"/fuzz-*; do
    name=${program##*/fuzz-}
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
