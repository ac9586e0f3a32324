#!/usr/bin/env bash
# From a bare Debian 12 to a running model:
#   ./setup.sh        installs what is missing, builds, links afs-host into PATH, writes a text
#   ./setup.sh test   the same, then runs every test
# As root or with sudo; does nothing twice. AFS_PRESET picks another build (default: release).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

preset=${AFS_PRESET:-release}
build_packages=(g++ cmake ninja-build pkg-config libboost-dev libboost-program-options-dev
    nlohmann-json3-dev libspdlog-dev libpcre2-dev libsentencepiece-dev libssl-dev
    libcurl4-openssl-dev)
test_packages=(catch2 clang python3)

say() { printf '\033[1m==\033[0m %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
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

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        say "packages: all there"
        return
    fi
    say "packages: installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
        die "apt-get update failed: check the network and /etc/apt/sources.list"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
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

case "${1:-}" in
    "" | test) ;;
    *) die "unknown argument '$1': expected nothing or 'test'" ;;
esac
check_system
if [ "${1:-}" = test ]; then
    install_packages "${build_packages[@]}" "${test_packages[@]}"
    build ON
    link_program
    first_text
    run_tests
else
    install_packages "${build_packages[@]}"
    build "$(grep -qs '^AFS_TESTS:BOOL=ON' "build/$preset/CMakeCache.txt" && echo ON || echo OFF)"
    link_program
    first_text
    say "next: afs-host --help, or ./setup.sh test"
fi
