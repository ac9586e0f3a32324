// The environment checks 'mine', filled in: whether there is a folder for temporary files.
#include <cstdlib>

#include "afs/plugin/env.hpp"

namespace {

class Mine final : public afs::EnvironmentCheck {
public:
    static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::EnvironmentCheck>(new Mine);
    }
    std::vector<std::string> checks() override { return {"mine"}; }
    afs::Result<std::vector<afs::Finding>> run(uint32_t, const afs::EnvironmentView&) override {
        const char* folder = std::getenv("TMPDIR");
        afs::Finding finding;
        finding.status = AFS_CHECK_OK;
        finding.name = "mine.temporary";
        finding.found = folder ? folder : "/tmp";
        return std::vector<afs::Finding>{finding};
    }
};

}  // namespace

AFS_ENV_PLUGIN(Mine, "mine", "0.1", "Apache-2.0");
