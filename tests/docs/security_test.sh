#!/usr/bin/env bash
# Every test that SECURITY.md names is one that ctest runs.
#   security_test.sh SOURCE
set -euo pipefail
missing=0
while IFS= read -r name; do
    title=${name#*: } # without the program's name
    grep -rqF -e "\"$title\"" -e "\"$name\"" "$1"/tests --include='*_test.cpp' --include=CMakeLists.txt || {
        echo "SECURITY.md names a test that is not there: $name"
        missing=1
    }
done < <(sed -n 's/^| [^|]* | [^|]* | \(`.*\) |$/\1/p' "$1/SECURITY.md" | grep -oE '`[^`]+`' | tr -d '`')
exit $missing
