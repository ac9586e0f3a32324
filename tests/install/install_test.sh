#!/usr/bin/env bash
# With only the installed package: the examples build and are right, and a project of
# `plugins new` fails its test until it is filled in.
#   install_test.sh SOURCE BUILD PART      PART: examples, kernels, model, tokenizer, env
# Nothing of this tree is on any path but the files that stand for what an author writes.
set -euo pipefail
source=$1 build=$2 part=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >/dev/null
unset AFS_CONFIG AFS_PLUGIN_PATH AFS_MODEL AFS_KERNELS
export PATH="$prefix/bin:$PATH" HOME=$scratch
cd "$scratch"

# make NAME: configures and builds project NAME; its test's answer is the exit code.
make() {
    cmake -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$prefix" >"$1.log" 2>&1 &&
        cmake --build "$1/build" >>"$1.log" 2>&1 || {
        cat "$1.log"
        exit 1
    }
}
passes() { ctest --test-dir "$1/build" --output-on-failure -R "${2:-.}" >"$1.test" 2>&1; }

if [ "$part" = examples ]; then
    for example in kernels-attention model-smollm3; do
        cp -r "$source/examples/$example" .
        make "$example"
        passes "$example" || {
            cat "$example.test"
            exit 1
        }
    done
    echo "the examples are right with the installed package alone"
    exit
fi
afs-host plugins new mine --kind "$part"
project=afs-$part-mine
make "$project"
if passes "$project" right; then
    echo "the test of a new $part plugin passes before it is filled in"
    exit 1
fi
if [ "$part" = model ]; then
    sed 's/"smollm3", "0.1"/"mine", "0.1"/' "$source/examples/model-smollm3/plugin.cpp" >"$project/plugin.cpp"
    cp "$source/examples/model-smollm3/golden/checkpoint/config.json" "$project/"
else
    cp "$source/tests/install/filled/$part.cpp" "$project/plugin.cpp"
fi
make "$project"
passes "$project" right || {
    cat "$project.test"
    exit 1
}
echo "red first, green once filled in: $part"
