// env-cuda: driver, GPUs, toolkit and libraries, all looked for at run time.
#include "afs/plugin/env.hpp"
#include "checks.hpp"

namespace env_cuda {
namespace {

constexpr struct {
    const char* name;
    Findings (*run)();
} kChecks[] = {{"driver", check_driver},
               {"gpus", check_gpus},
               {"toolkit", check_toolkit},
               {"libraries", check_libraries}};

class CudaChecks final : public afs::EnvironmentCheck {
public:
    static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::EnvironmentCheck>(std::make_unique<CudaChecks>());
    }
    std::vector<std::string> checks() override {
        std::vector<std::string> names;
        for (const auto& check : kChecks) names.emplace_back(check.name);
        return names;
    }
    afs::Result<Findings> run(uint32_t check, const afs::EnvironmentView&) override {
        if (check >= std::size(kChecks)) return afs::not_found("no check has this number");
        return kChecks[check].run();
    }
};

}  // namespace
}  // namespace env_cuda

AFS_ENV_PLUGIN(env_cuda::CudaChecks, "cuda", "0.1", "Apache-2.0");
