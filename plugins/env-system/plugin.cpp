// env-system: the machine, from processor to compiler.
#include "afs/plugin/env.hpp"
#include "checks.hpp"

namespace env_system {
namespace {

using Check = Findings (*)(const Machine&, const afs::EnvironmentView&);

constexpr struct {
    const char* name;
    Check run;
} kChecks[] = {{"processor", check_processor}, {"numa", check_numa},
               {"memory", check_memory},       {"huge_pages", check_huge_pages},
               {"disk", check_disk},           {"container", check_container},
               {"kernel", check_kernel},       {"compiler", check_compiler}};

class SystemChecks final : public afs::EnvironmentCheck {
    Machine machine_;

public:
    explicit SystemChecks(const afs::OpenArgs& args) : machine_(args.option("root", "")) {}

    static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const afs::OpenArgs& args) {
        return std::unique_ptr<afs::EnvironmentCheck>(std::make_unique<SystemChecks>(args));
    }
    std::vector<std::string> checks() override {
        std::vector<std::string> names;
        for (const auto& check : kChecks) names.emplace_back(check.name);
        return names;
    }
    afs::Result<Findings> run(uint32_t check, const afs::EnvironmentView& view) override {
        if (check >= std::size(kChecks)) return afs::not_found("no check has this number");
        return kChecks[check].run(machine_, view);
    }
};

}  // namespace
}  // namespace env_system

AFS_ENV_PLUGIN(env_system::SystemChecks, "system", "0.1", "Apache-2.0");
