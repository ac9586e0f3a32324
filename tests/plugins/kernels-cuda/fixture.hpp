// The built plugin and its device, opened as the host opens them. On a machine without a device a
// test says "skipped: why" and ends.
#pragma once
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "loader/open.hpp"

namespace afs::test {

struct Gpu {
    std::shared_ptr<KernelBackend> backend;
    Device& device() const { return *backend->device(); }
};

// NULL where the plugin's probe says no.
inline Gpu* gpu() {
    static const auto opened = []() -> std::unique_ptr<Gpu> {
        const auto file = load_plugin(AFS_BUILD_DIR "/plugins/afs-kernels-cuda.so", "kernels");
        if (!file) FAIL(file.status().message());
        auto backend = open_kernels(*file, {"cuda", 0, 0, 1, {}});
        if (backend) return std::make_unique<Gpu>(Gpu{*backend});
        if (backend.status().code() != Code::unsupported) FAIL(backend.status().message());
        std::printf("skipped: %s\n", backend.status().message().c_str());
        return nullptr;
    }();
    return opened.get();
}

}  // namespace afs::test
