// A weight file that somebody changes while a run reads it where it is mapped.
#include <filesystem>
#include <fstream>
#include <functional>

#include "support/refused_run.hpp"
#include "support/small_checkpoint.hpp"

using namespace afs::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// Changes the file after the first tokens of an endless text have come.
FinishedRun run_and(const std::function<void(const fs::path&)>& change, const char* n_tokens) {
    const TempFolder folder;
    SmallCheckpoint().write(folder);
    RunningProgram program({AFS_BUILD_DIR "/bin/afs-host", "--model", folder.path().string(),
                            "--kernels", "reference", "-p", "ab", "-n", n_tokens, "--ignore-stop",
                            "-q"});
    FinishedRun run;
    run.out = program.read_out(20);
    change(folder.path() / "model.safetensors");
    run.out += program.read_out(std::string::npos);
    run.err = program.read_rest_of_err();
    run.exit_code = program.wait();
    return run;
}

}  // namespace

TEST_CASE("a weight file that is cut while it is read ends the run with its name") {
    for (const uintmax_t size : {uintmax_t{4096}, uintmax_t{0}}) {
        const auto run =
            run_and([&](const fs::path& file) { fs::resize_file(file, size); }, "90000");
        INFO(run.err);
        CHECK(run.exit_code == 1);
        CHECK_THAT(run.err, Contains("model.safetensors' any further: 2") &&
                                Contains(" bytes were mapped, the file has " +
                                         std::to_string(size) + " now; load the model again"));
        CHECK(run.err.find('\n') == run.err.size() - 1);
    }
}

TEST_CASE("a weight file that is written to while it is read makes the text worth nothing") {
    const auto run = run_and(
        [](const fs::path& file) {
            std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << '\x60';
        },
        "3000");
    INFO(run.err);
    CHECK(run.exit_code == 1);
    CHECK_THAT(run.err, Contains("model.safetensors' was changed while it was in use: it was "
                                 "written to; load the model again"));
}

TEST_CASE("a weight file that another takes the place of, or that is removed, stays in use") {
    for (const bool replaced : {true, false}) {
        const auto run = run_and(
            [&](const fs::path& file) {
                if (!replaced) return static_cast<void>(fs::remove(file));
                std::ofstream(file.string() + ".new") << "no model";
                fs::rename(file.string() + ".new", file);
            },
            "3000");
        INFO(run.err);
        CHECK(run.exit_code == 0);
    }
}
