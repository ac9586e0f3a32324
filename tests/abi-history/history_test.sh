#!/usr/bin/env bash
# Runs every kept plugin in today's host and compares what comes out with what expected.txt says.
#   history_test.sh FOLDER AFS_HOST SOURCE
set -uo pipefail
folder=$1 host=$2 source=$3
unset AFS_CONFIG AFS_PLUGIN_PATH AFS_MODEL AFS_KERNELS
cd /
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
story=(generate --config "$source/configs/default.json" -p "The little dog" -n 12 -q --dtype fp32)

# use FILE: 0 where the plugin does what it was built for; what it said is in $scratch/said.
use() {
    local file=$1 name
    name=$(basename "$file" .so)
    case $name in
        afs-kernels-attention | afs-kernels-rms-c) kernels=${name#afs-kernels-},reference ;;
        afs-kernels-*) kernels=${name#afs-kernels-} ;;
    esac
    case $name in
        afs-kernels-*)
            "$host" "${story[@]}" --kernels reference >"$scratch/want" 2>"$scratch/said" &&
                "$host" "${story[@]}" --plugin "$file" --kernels "$kernels" >"$scratch/got" \
                    2>"$scratch/said" && cmp "$scratch/want" "$scratch/got" >>"$scratch/said"
            ;;
        afs-model-*)
            "$host" trace --plugin "$file" --model-plugin "${name#afs-model-}" --kernels reference \
                --model "$source/examples/model-smollm3/golden/checkpoint" \
                --against-hf "$source/examples/model-smollm3/golden" >"$scratch/said" 2>&1
            ;;
        afs-tokenizer-*)
            "$host" tokenize --plugin "$file" --tokenizer "${name#afs-tokenizer-}" \
                --tokenizer-path "$scratch" Hi >"$scratch/said" 2>&1 &&
                [ "$(cat "$scratch/said")" = "72 105" ]
            ;;
        *) "$host" plugins inspect "$file" >"$scratch/said" 2>&1 ;;
    esac
}

broken=0 n=0
while read -r file outcome reason; do
    n=$((n + 1))
    if use "$folder/$file"; then found=works; else found=refused; fi
    if [ "$found" != "$outcome" ] || { [ -n "$reason" ] && ! grep -qF "$reason" "$scratch/said"; }; then
        broken=$((broken + 1))
        echo "$file: expected $outcome${reason:+ ($reason)}, found $found:"
        sed 's/^/    /' "$scratch/said" | head -5
    fi
done <"$folder/expected.txt"
for kept in "$folder"/*.so; do
    grep -q "^$(basename "$kept") " "$folder/expected.txt" || {
        echo "$(basename "$kept") is not in expected.txt"
        broken=$((broken + 1))
    }
done
echo "$n plugins of $(basename "$folder"): $((n - broken)) as expected, $broken not"
[ "$broken" = 0 ] && [ "$n" -gt 0 ]
