#!/usr/bin/env bash
# Prints "P passed, F failed, S skipped" from JUnit files of ctest; fails when a test failed or
# none ran.
set -euo pipefail
attribute() { sed -n "s/.*<testsuite.* $1=\"\([0-9]*\)\".*/\1/p" | head -1; }
passed=0 failed=0 skipped=0
for report in "$@"; do
    header=$(tr '\n\t' '  ' <"$report" | grep -o '<testsuite [^>]*>')
    tests=$(attribute tests <<<"$header")
    failures=$(attribute failures <<<"$header")
    skips=$(attribute skipped <<<"$header")
    disabled=$(attribute disabled <<<"$header")
    failed=$((failed + failures))
    skipped=$((skipped + skips + disabled))
    passed=$((passed + tests - failures - skips - disabled))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
