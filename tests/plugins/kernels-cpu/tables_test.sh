#!/bin/sh
# The files that are compiled with instructions above the baseline define nothing that the linker
# could take for baseline code: no inline function, no template instance, no static initialiser.
# Arguments: the plugin's object files.
checked=0 shared=""
for object in "$@"; do
    case $object in
    *simd/avx2* | *simd/avx512* | *simd/amx*) ;;
    *) continue ;;
    esac
    checked=$((checked + 1))
    shared="$shared$(nm -C "$object" | grep -E ' [WVuiI] |_GLOBAL__sub_I')"
done
[ -z "$shared" ] || { echo "shared with baseline code: $shared"; exit 1; }
[ "$checked" -eq 3 ] || { echo "expected 3 object files, found $checked"; exit 1; }
