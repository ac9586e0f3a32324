#!/usr/bin/env bash
# From a bare Debian 12 to a running model, layer by layer:
#   ./setup.sh            all layers: installs what is missing, builds, links afs-host into PATH,
#                         checks the machine, writes a first text and a report
#   ./setup.sh test       the same, then runs every test
#   ./setup.sh LAYER ...  these alone: machine packages build program checks sanity report
#   ./setup.sh --locked   packages at exactly the versions of packages.lock, or not at all
#   ./setup.sh lock       writes packages.lock from what is installed here
# As root or with sudo; does nothing twice. AFS_PRESET picks another build (default: release).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

preset=${AFS_PRESET:-release}
build_packages=(g++ cmake ninja-build pkg-config libboost-dev libboost-program-options-dev
    nlohmann-json3-dev libspdlog-dev libpcre2-dev libsentencepiece-dev libssl-dev
    libcurl4-openssl-dev)
test_packages=(catch2 clang python3 python3-markdown)

locked=no
layers=(machine packages build program checks sanity report)
declare -A state note  # of each layer: ok, failed or "not run"; what to know or do

say() { printf '\033[1m==\033[0m %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    [ -z "${layer:-}" ] || note[$layer]=$*
    exit 1
}

# Debian 12 is what is tested; other Debians and Ubuntus have the same package names.
check_system() {
    [ "$(uname -s)" = Linux ] || die "needs Linux with apt, found $(uname -s)"
    [ "$(uname -m)" = x86_64 ] || die "needs an x86-64 processor, found $(uname -m)"
    command -v apt-get >/dev/null || die "needs Debian 12 or another system with apt-get, found \
$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-an unknown system}" || echo "an unknown system"). \
Install by hand: ${build_packages[*]}; then run: cmake --workflow --preset release"
    . /etc/os-release
    [ "${ID:-}${VERSION_ID:-}" = debian12 ] ||
        say "tested on Debian 12, this is ${PRETTY_NAME:-unknown}: trying all the same"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "must be root for: $* (there is no sudo; run this script as root once)"
    fi
}

# Under sudo the build belongs to the owner of the clone, not to root.
as_owner() {
    local owner
    owner=$(stat -c %U .)
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}

# Of an installed package; nothing for any other.
version_of() {
    dpkg-query -W -f='${Status} ${Version}' "$1" 2>/dev/null | sed -n 's/.*ok installed //p' || true
}

# What to ask apt for: names that are missing, or with --locked name=version of all that differ.
wanted_packages() {
    local package version
    if [ $locked = no ]; then
        for package in "$@"; do
            [ -n "$(version_of "$package")" ] || echo "$package"
        done
        return
    fi
    for package in "$@"; do
        grep -q "^$package=" packages.lock || echo "$package=unknown"
    done
    while IFS== read -r package version; do
        [ "$(version_of "$package")" = "$version" ] || echo "$package=$version"
    done < <(grep -v '^#' packages.lock)
}

install_packages() {
    local wanted
    [ $locked = no ] || [ -f packages.lock ] ||
        die "--locked needs packages.lock: restore it (git checkout packages.lock), or write one here with ./setup.sh lock"
    mapfile -t wanted < <(wanted_packages "$@")
    if [ ${#wanted[@]} = 0 ]; then
        say "packages: all there$([ $locked = no ] || echo ', at the locked versions')"
        return
    fi
    ! printf '%s\n' "${wanted[@]}" | grep -q '=unknown$' ||
        die "packages.lock lacks ${wanted[0]%=unknown}: write it again with ./setup.sh lock"
    say "packages: installing ${wanted[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
        die "apt-get update failed: check the network and /etc/apt/sources.list"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${wanted[@]}" || die "apt-get could not install: ${wanted[*]}$([ $locked = no ] ||
            echo '; versions that Debian has replaced are on snapshot.debian.org, or run without --locked')"
}

# The packages above and all that they need, at the versions that are installed here.
write_lock() {
    local package version
    {
        echo "# Written by ./setup.sh lock; ./setup.sh --locked installs exactly these."
        apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts \
            --no-breaks --no-replaces --no-enhances "${build_packages[@]}" "${test_packages[@]}" |
            grep '^[a-z0-9]' | sed 's/:.*//' | sort -u | while read -r package; do
            version=$(version_of "$package")
            [ -z "$version" ] || echo "$package=$version"
        done
    } >packages.lock.new
    mv packages.lock.new packages.lock
    say "packages.lock: $(grep -vc '^#' packages.lock) packages"
}

# $1: ON or OFF, whether tests are built.
build() {
    command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] ||
        say "nvcc not found: CUDA plugins are skipped"
    say "building (preset $preset)"
    as_owner cmake --preset "$preset" -DAFS_TESTS="$1" >/tmp/afs-configure.$$ 2>&1 || {
        cat /tmp/afs-configure.$$ >&2
        rm -f /tmp/afs-configure.$$
        die "cmake could not configure preset '$preset'"
    }
    rm -f /tmp/afs-configure.$$
    as_owner cmake --build --preset "$preset" || die "the build failed: see the first error above"
}

# afs-host on PATH, as a link into the build. Somebody else's file of that name is left alone.
link_program() {
    local target folder=/usr/local/bin run=as_root
    target=$PWD/build/$preset/bin/afs-host
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        folder=$HOME/.local/bin run=
        mkdir -p "$folder"
    fi
    if [ -e "$folder/afs-host" ] && [ ! -L "$folder/afs-host" ]; then
        say "$folder/afs-host is not a link of ours and stays; the program is $target"
        return
    fi
    [ "$(readlink "$folder/afs-host" 2>/dev/null)" = "$target" ] ||
        $run ln -sfn "$target" "$folder/afs-host"
    case ":$PATH:" in
        *":$folder:"*) say "afs-host is $folder/afs-host" ;;
        *) say "afs-host is $folder/afs-host: add $folder to PATH" ;;
    esac
}

first_text() {
    say 'echo "Once upon a time" | afs-host --model-plugin olmo2 --kernels reference'
    echo "Once upon a time" |
        "build/$preset/bin/afs-host" --model-plugin olmo2 --kernels reference ||
        die "the bundled model did not run"
}

# Every test; ends with one line that counts what passed, failed and was skipped.
run_tests() {
    local report=build/$preset/tests.xml failed=0
    say "tests"
    rm -f "$report"  # a count of an older run would be taken for this one
    as_owner ctest --preset "$preset" -j "$(nproc)" --output-junit "$PWD/$report" || failed=1
    tools/ci/count_tests.sh "$report" || failed=1
    return $failed
}

tests=no
failed=0
layer_machine() { check_system; }
layer_packages() {
    if [ $tests = yes ]; then
        install_packages "${build_packages[@]}" "${test_packages[@]}"
    else
        install_packages "${build_packages[@]}"
    fi
}
layer_build() {
    local with=OFF
    grep -qs '^AFS_TESTS:BOOL=ON' "build/$preset/CMakeCache.txt" && with=ON
    [ $tests = no ] || with=ON
    build $with
}
layer_program() { link_program; }

need_program() {
    [ -x "build/$preset/bin/afs-host" ] || die "build/$preset/bin/afs-host is not there: ./setup.sh build"
}

# Hardware, configuration and weights; what is not well is printed with its remedy.
layer_checks() {
    need_program
    say "afs-host doctor"
    as_owner "build/$preset/bin/afs-host" doctor --brief && return
    # The layers that follow may work all the same.
    state[checks]=failed note[checks]="see the remedies above; all checks: afs-host doctor"
    failed=1
}
layer_sanity() {
    need_program
    first_text
}
layer_report() {
    need_program
    say "afs-host report"
    as_owner "build/$preset/bin/afs-host" report && return
    # The tests that may follow can pass all the same.
    state[report]=failed note[report]="see above; what failed stands in the report under 'To look at'"
    failed=1
}

# One line a layer: where this run stands when it ends, also when it ends early.
print_table() {
    local code=$? one
    [ $code = 0 ] || [ -z "${layer:-}" ] || state[$layer]=failed
    [ ${#chosen[@]} -gt 1 ] || return $code
    say "layers"
    for one in "${chosen[@]}"; do
        printf '   %-9s %-8s %s\n' "$one" "${state[$one]:-not run}" "${note[$one]:-}"
    done
    return $code
}

run_layers() {
    for layer in "$@"; do
        "layer_$layer"
        state[$layer]=${state[$layer]:-ok}
    done
    layer=
}

chosen=()
for word in "$@"; do
    case "$word" in
        --locked) locked=yes ;;
        test) tests=yes ;;
        lock)
            [ $# = 1 ] || die "'lock' stands alone"
            write_lock
            exit
            ;;
        *)
            [[ " ${layers[*]} " = *" $word "* ]] ||
                die "unknown argument '$word': expected nothing, 'test', 'lock', '--locked', or layers: ${layers[*]}"
            chosen+=("$word")
            ;;
    esac
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${layers[@]}")
trap print_table EXIT
run_layers "${chosen[@]}"
if [ $tests = yes ]; then
    run_tests || failed=1
elif [ ${#chosen[@]} -gt 1 ]; then
    say "next: afs-host --help, or ./setup.sh test"
fi
exit $failed
