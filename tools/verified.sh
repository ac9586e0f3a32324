#!/usr/bin/env bash
# Makes the committed record of one machine: a conformance certificate of every kernels plugin that
# works there, and the report of the machine with what every backend wrote. Network is not needed.
#   tools/verified.sh cpu-epyc                     below reports/verified/
#   tools/verified.sh gpu-h100 build/device/bin/afs-host "$OUT"     on a GPU machine: to a folder given
# LEVEL=--full judges more; COMMIT names the commit where there is no git.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly name=${1:?which machine? such as cpu-epyc or gpu-h100} program=${2:-build/release/bin/afs-host}
readonly out=${3:-reports/verified}/$name level=${LEVEL:---quick}
commit=${COMMIT:-$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)}
mkdir -p "$out"
failed=0
plugins=$("$program" plugins list --json | python3 -c 'import json, sys
for p in json.load(sys.stdin):
    if p["kind"] == "kernels" and "reason" not in p: print(p["name"])')
for plugin in $plugins; do
    echo "== conformance $plugin $level"
    "$program" conformance "$plugin" "$level" --certificate "$out/conformance-$plugin.json" \
        >"$out/conformance-$plugin.txt" || failed=1
    grep -E 'conformant' "$out/conformance-$plugin.txt"
done
echo "== report"
"$program" report --reports "$out" || failed=1  # a check failed; the page says which
rm "$out/environment_report.html"  # which says the same again
{
    echo "# $name"
    echo "Made $(date -u +%F) at commit $commit with \`tools/verified.sh $name\`"
    echo "($("$program" --version), conformance $level)."
    echo
    echo "- [environment_report.md](environment_report.md): the machine, what is staged, what every backend wrote"
    for plugin in $plugins; do
        echo "- [conformance-$plugin.txt](conformance-$plugin.txt): $(grep -E 'conformant' \
            "$out/conformance-$plugin.txt" | head -1)"
    done
} >"$out/README.md"
du -sh "$out"
exit $failed
