#!/usr/bin/env bash
# What cmake/AfsCompile.cmake asks for is in the built program and its plugins, as readelf sees it.
#   hardening_test.sh FILE...
set -euo pipefail
export LC_ALL=C
failures=0
fail() {
    echo "$1: $2"
    failures=$((failures + 1))
}
has() { grep -qE -- "$2" <<<"$1"; }

for file in "$@"; do
    headers=$(readelf -W -h -l -n "$file")
    dynamic=$(readelf -W -d "$file")
    symbols=$(readelf -W --dyn-syms "$file")
    has "$headers" 'Type: +DYN' || fail "$file" "not position-independent"
    has "$headers" 'GNU_RELRO' || fail "$file" "no RELRO segment"
    has "$dynamic" 'FLAGS_1.*NOW' || fail "$file" "not bound at load (BIND_NOW)"
    has "$headers" 'GNU_STACK.* RWE ' && fail "$file" "its stack is executable"
    has "$headers" 'LOAD .* RWE ' && fail "$file" "a segment is writable and executable"
    has "$dynamic" '(RPATH|RUNPATH)\)' && ! has "$dynamic" 'RUNPATH.*\[(\$ORIGIN|/)' &&
        fail "$file" "its RUNPATH is relative to the working directory"
    has "$dynamic" 'TEXTREL' && fail "$file" "its code is relocated at load (TEXTREL)"
    has "$symbols" '__stack_chk_fail' || fail "$file" "no function has a stack protector"
    if [ "${file%.so}" = "$file" ]; then
        has "$dynamic" 'FLAGS_1.*PIE' || fail "$file" "no PIE"
        # Of the program alone: a plugin may have no call that could be checked.
        has "$symbols" '__[a-z0-9]+_chk(@|$)' || fail "$file" "no call is checked (_FORTIFY_SOURCE)"
    fi
done
[ "$failures" = 0 ] && echo "$# files are hardened"
exit "$((failures > 0))"
