// The built plugin, opened as the host opens it, once for each set of instructions that this
// machine has and each number of threads.
#pragma once
#include <catch2/catch.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loader/open.hpp"

namespace afs::test {

inline Result<std::shared_ptr<KernelBackend>> open_cpu(std::map<std::string, std::string> options) {
    static const auto file = load_plugin(AFS_BUILD_DIR "/plugins/afs-kernels-cpu.so", "kernels");
    if (!file) return file.status();
    return open_kernels(*file, {"cpu", 0, 0, 1, std::move(options)});
}

inline KernelBackend& cpu(const std::string& instruction_set, unsigned threads = 2) {
    static std::map<std::pair<std::string, unsigned>, std::shared_ptr<KernelBackend>> all;
    auto& backend = all[{instruction_set, threads}];
    if (!backend) {
        auto opened =
            open_cpu({{"instruction_set", instruction_set}, {"threads", std::to_string(threads)}});
        if (!opened) FAIL(opened.status().message());
        backend = *opened;
    }
    return *backend;
}

// The sets that this machine can run; says once which it takes by itself, and what it lacks for
// the others.
inline const std::vector<std::string>& instruction_sets() {
    static const auto usable = [] {
        std::vector<std::string> sets;
        const auto own = open_cpu({{"threads", "1"}});
        std::printf("auto takes %s\n",
                    own ? (*own)->about().c_str() : own.status().message().c_str());
        for (const char* set : {"portable", "avx2", "avx512", "amx"}) {
            const auto opened = open_cpu({{"instruction_set", set}, {"threads", "1"}});
            if (opened)
                sets.push_back(set);
            else
                std::printf("%s is not tried: %s\n", set, opened.status().message().c_str());
        }
        return sets;
    }();
    return usable;
}

}  // namespace afs::test
