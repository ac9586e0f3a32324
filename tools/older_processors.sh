#!/usr/bin/env bash
# Runs the tests of kernels-cpu as on processors that this machine is not, by Debian's qemu-user:
#   tools/older_processors.sh            every test; of the ops' cases one in 13 (AFS_ONE_OF=1: all)
#   tools/older_processors.sh --quick    what takes seconds
# Haswell has to take avx2, Nehalem, which has nothing above SSE4.2, portable. Ends with 1 if a
# test fails or other instructions are taken. TESTS: the programs' folder, if not build/release/tests.
#
# No `timeout` around qemu 7.2: it calls signal handlers on a stack that is not aligned, so that
# Catch, told to end (SIGTERM), ends with signal 11 and looks as if the tests had crashed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
readonly tests=${TESTS:-build/release/tests}
export AFS_ONE_OF=${AFS_ONE_OF:-13}
# glibc's own AVX2, emulated, costs most of the time; the plugin asks the processor, not glibc.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load

command -v qemu-x86_64 >/dev/null || { echo "skipped: no qemu-x86_64 (Debian: qemu-user)"; exit 0; }

programs=(test-kernels-cpu-machine test-kernels-cpu test-kernels-cpu-promise)
if [ "${1:-}" = --quick ]; then
    programs=("test-kernels-cpu-machine instruction*,pool*"
        "test-kernels-cpu options*,about*,query*,run*,*linear/1,*select_rows/1")
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for expected in Haswell:avx2 Nehalem:portable; do
    processor=${expected%:*} set=${expected#*:}
    for program in "${programs[@]}"; do
        echo "== $processor: $program"
        read -r name filter <<<"$program"
        start=$SECONDS
        # qemu says of every thread what its Haswell lacks.
        qemu-x86_64 -cpu "$processor" "$tests/$name" "${filter:-*}" -d yes \
            2> >(grep -v "TCG doesn't support" >&2) | tee "$log" || failed=1
        grep -q "^auto takes ${set}[,:]" "$log" || { echo "not seen: auto takes $set"; failed=1; }
        echo "== $((SECONDS - start)) s"
    done
done
exit $failed
