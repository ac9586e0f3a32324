// An env plugin whose checks do what checks must not: each may cost only itself.
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "afs/plugin/env.hpp"

namespace {

class BadChecks final : public afs::EnvironmentCheck {
    std::string option_;

public:
    explicit BadChecks(const afs::OpenArgs& args) : option_(args.option("word", "none")) {}

    static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const afs::OpenArgs& args) {
        return std::unique_ptr<afs::EnvironmentCheck>(std::make_unique<BadChecks>(args));
    }
    std::vector<std::string> checks() override {
        return {"first", "crashes", "throws", "hangs", "exits", "declines", "last"};
    }
    afs::Result<std::vector<afs::Finding>> run(uint32_t check,
                                               const afs::EnvironmentView& view) override {
        const std::string name = checks().at(check);
        if (name == "crashes") raise(SIGSEGV);
        if (name == "throws") throw std::runtime_error("thrown by a check");
        if (name == "exits") _exit(7);
        if (name == "declines") return afs::invalid("this check says no");
        while (name == "hangs") pause();
        return std::vector<afs::Finding>{
            {AFS_CHECK_INFO, name + ".option", option_, "", "", true},
            {AFS_CHECK_WARN, name + ".view", view.config_json + "|" + view.config_file, view.root,
             "a remedy\x1f with\x1e marks\n\xff"},
            {77, name + ".status", "", "", ""}};
    }
};

}  // namespace

AFS_ENV_PLUGIN(BadChecks, "test-checks", "0.1", "Apache-2.0");
