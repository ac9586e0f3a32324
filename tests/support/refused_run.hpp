// A run of the program on a checkpoint that it must refuse: one message, exit 1 or 3, little
// memory.
#pragma once
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "support/running_program.hpp"

namespace afs::test {

inline bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#else
    return false;
#endif
}

struct FinishedRun {
    int exit_code = -1;
    std::string out, err;
    long peak_kib = 0;
};

// before: what the program is started through, such as setpriv.
inline FinishedRun run_model(const std::string& model, const std::vector<std::string>& more = {},
                             std::vector<std::string> before = {}) {
    for (const char* word : {AFS_BUILD_DIR "/bin/afs-host", "--model", model.c_str(), "--kernels",
                             "reference", "-p", "ab", "-n", "2", "--ignore-stop", "-q"})
        before.emplace_back(word);
    before.insert(before.end(), more.begin(), more.end());
    RunningProgram program(before);
    FinishedRun run;
    run.out = program.read_out(std::string::npos);
    run.err = program.read_rest_of_err();
    run.exit_code = program.wait();
    run.peak_kib = program.peak_kib();
    return run;
}

// says: all of these in the message, which is one line and names what is wrong.
inline void check_refused(const FinishedRun& run, const std::vector<std::string>& says) {
    INFO("exit " << run.exit_code << ", peak " << run.peak_kib << " KiB: " << run.err);
    CHECK((run.exit_code == 3 || run.exit_code == 1));
    CHECK(run.out.empty());
    CHECK(run.err.rfind("afs-host: ", 0) == 0);
    CHECK(run.err.find('\n') == run.err.size() - 1);
    for (const std::string& part : says) CHECK_THAT(run.err, Catch::Matchers::Contains(part));
    // A good run takes 24 MiB; no lie in a file may cost 64 more.
    if (!sanitized()) CHECK(run.peak_kib < (24 + 64) * 1024);
}

}  // namespace afs::test
