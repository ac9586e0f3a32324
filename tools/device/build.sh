#!/usr/bin/env bash
# Builds what travels to a GPU machine: the program, its plugins, the libraries they need and the
# tests of kernels-cuda, stripped, in build/device/{bin,plugins,lib,checks}. There, from the root of
# the source tree: tools/device/checks.sh, tools/device/soak.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset device >/dev/null
cmake --build --preset device --target afs-host afs_plugins test-kernels-cuda
cd build/device
# Object files of a build folder made before they lay in objects/.
find plugins -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
du -ch bin plugins lib checks | tail -5
