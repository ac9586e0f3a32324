// A machine without a device: the probe declines with a reason, the program ends with 3 and says
// it, and nothing else is harmed.
#include "fixture.hpp"
#include "support/run_program.hpp"

namespace {

ProgramResult host(const std::vector<std::string>& args) {
    ProgramRun run;
    run.program = AFS_BUILD_DIR "/bin/afs-host";
    run.args = args;
    // No device is visible then, wherever this runs.
    run.environment = {{"CUDA_VISIBLE_DEVICES", ""}};
    return run.run();
}

}  // namespace

TEST_CASE("without a device the program says why and ends with 3") {
    const ProgramResult r =
        host({"--model-plugin", "llama3", "--kernels", "cuda", "-n", "1", "--prompt", "x"});
    INFO(r.err);
    CHECK(r.exit_code == 3);
    CHECK_THAT(r.err, Catch::Contains("afs-kernels-cuda.so") &&
                          Catch::Contains("its probe says no") &&
                          (Catch::Contains("no CUDA driver is installed") ||
                           Catch::Contains("no CUDA device is visible")));
    CHECK(r.out.empty());
}

TEST_CASE("without a device other kernels run, and the plugin is listed with its reason") {
    const ProgramResult r =
        host({"--model-plugin", "llama3", "--kernels", "reference", "-n", "1", "--prompt", "x"});
    INFO(r.err);
    CHECK(r.exit_code == 0);
    const ProgramResult list = host({"plugins", "list"});
    INFO(list.out);
    CHECK(list.exit_code == 0);
    CHECK_THAT(list.out, Catch::Contains("cuda"));
    CHECK_THAT(list.out, Catch::Contains("no CUDA"));
}
