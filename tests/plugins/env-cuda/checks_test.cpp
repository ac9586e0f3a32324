// env-cuda beside a driver and libraries made for the test: what it says of a good machine, of bad
// ones, and of none.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>

#include "doctor/run_checks.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using Catch::Contains;

namespace {

using Variables = std::map<std::string, std::string>;

// The findings by name, in a child that sees these variables.
std::map<std::string, Finding> run(Variables variables, bool with_driver = true) {
    if (with_driver) variables["LD_LIBRARY_PATH"] = AFS_BUILD_DIR "/tests/drivers";
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    std::map<std::string, Finding> out;
    for (const CheckedFinding& one :
         run_checks({AFS_BUILD_DIR "/plugins/afs-env-cuda.so", "cuda", {}, {}, 60}))
        out[one.finding.name] = one.finding;
    for (const auto& [name, value] : variables) unsetenv(name.c_str());
    return out;
}

// An nvcc that says this release.
struct Toolkit {
    test::TempFolder folder;
    explicit Toolkit(const std::string& release) {
        const auto file =
            folder.write("bin/nvcc", "#!/bin/sh\necho 'Cuda compilation tools, release " + release +
                                         ", V" + release + ".88'\n");
        chmod(file.c_str(), 0755);
    }
    Variables path() const {
        return {{"PATH", (folder.path() / "bin").string() + ":/usr/bin:/bin"}};
    }
};

}  // namespace

TEST_CASE("a good GPU is told as its driver has it") {
    const Toolkit toolkit("13.0");
    auto found = run(toolkit.path());
    CHECK(found["driver"].found == "580.95.05");
    CHECK(found["driver"].status == AFS_CHECK_OK);
    CHECK(found["driver.cuda"].found == "up to CUDA 13.0");
    CHECK(found["gpus"].found == "2");
    CHECK(found["gpu.0.name"].found == "Big GPU");
    CHECK(found["gpu.0.memory"].found == "81559 MiB");
    CHECK(found["gpu.0.memory.free"].found == "80000 MiB");
    CHECK(found["gpu.0.memory.free"].momentary);
    CHECK(found["gpu.0.capability"].found == "9.0");
    CHECK(found["gpu.0.capability"].status == AFS_CHECK_OK);
    CHECK(found["gpu.0.ecc"].found == "on");
    CHECK(found["gpu.0.mig"].found == "off");
    CHECK(found["gpu.0.power_limit"].found == "700 W");
    CHECK(found["gpu.0.clocks.max"].found == "SM 1980 MHz, memory 2619 MHz");
    CHECK(found["gpu.0.clocks.now"].found == "SM 345 MHz, memory 2619 MHz");
    CHECK(found["gpu.0.clocks.now"].momentary);
    CHECK(found["gpu.1.capability"].found == "7.5");
    CHECK(found["gpu.1.capability"].status == AFS_CHECK_WARN);
    CHECK(found["gpu.1.ecc"].found == "not supported");
    CHECK_THAT(found["nvcc"].found, Contains("13.0.88 (" + toolkit.folder.path().string()));
    CHECK(found["nvcc"].status == AFS_CHECK_OK);
    CHECK_THAT(found["cudart"].found, Contains("13.0 (") && Contains("tests/drivers"));
    CHECK_THAT(found["cudnn"].found, Contains("9.19.0") && Contains("built for CUDA 13.1"));
    CHECK_THAT(found["nccl"].found, Contains("2.28.9"));
}

TEST_CASE("what a bad GPU has wrong comes with its remedy") {
    auto found = run(
        {{"FAKE_ERRORS", "2"}, {"FAKE_LIMIT", "350000"}, {"FAKE_MIG", "1"}, {"FAKE_COUNT", "3"}});
    CHECK(found["gpu.0.ecc"].status == AFS_CHECK_FAIL);
    CHECK(found["gpu.0.ecc"].found == "on, 2 uncorrected errors");
    CHECK(found["gpu.0.power_limit"].status == AFS_CHECK_WARN);
    CHECK_THAT(found["gpu.0.power_limit"].remedy, Contains("nvidia-smi -pl 700"));
    CHECK(found["gpu.0.mig"].found == "on");
    CHECK(found["gpu.2.name"].status == AFS_CHECK_FAIL);
    CHECK(run({{"FAKE_COUNT", "0"}})["gpus"].status == AFS_CHECK_WARN);
}

TEST_CASE("a driver older than the toolkit") {
    const Toolkit toolkit("13.0");
    Variables variables = toolkit.path();
    variables["FAKE_CUDA"] = "12040";
    variables["FAKE_VERSION"] = "550.54.15";
    auto found = run(variables);
    CHECK(found["driver"].status == AFS_CHECK_WARN);
    CHECK(found["driver.cuda"].found == "up to CUDA 12.4");
    for (const char* part : {"nvcc", "cudart", "cudnn"}) {
        INFO(part);
        CHECK(found[part].status == AFS_CHECK_WARN);
        CHECK_FALSE(found[part].remedy.empty());
    }
}

TEST_CASE("nvcc and runtime of two toolkits") {
    const Toolkit toolkit("12.4");
    auto found = run(toolkit.path());
    CHECK(found["nvcc"].status == AFS_CHECK_OK);
    CHECK(found["cudart"].status == AFS_CHECK_WARN);
    CHECK_THAT(found["cudart"].needed, Contains("12.4"));
}

TEST_CASE("a driver that does not start says why") {
    auto mismatch = run({{"FAKE_INIT", "18"}});
    CHECK(mismatch["driver"].found == "NVML says: Driver/library version mismatch");
    CHECK_THAT(mismatch["driver"].remedy, Contains("restart the machine"));
    CHECK_THAT(run({{"FAKE_INIT", "4"}})["driver"].remedy, Contains("/dev/nvidia"));
    CHECK(mismatch["gpus"].status == AFS_CHECK_INFO);
}

TEST_CASE("without a driver nothing fails") {
    for (const auto& [name, finding] : run({}, false)) {
        INFO(name << ": " << finding.found);
        CHECK(finding.status != AFS_CHECK_FAIL);
        if (finding.status == AFS_CHECK_WARN) CHECK_FALSE(finding.remedy.empty());
    }
}
