// A loaded environment-check plugin as an afs::EnvironmentCheck.
#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

constexpr uint32_t kMostChecks = 1024;  // a plugin whose list never ends is cut here

std::string text_or_nothing(const char* text) {
    return text ? text : "";
}

class EnvProxy final : public EnvironmentCheck {
public:
    explicit EnvProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), table_(plugin_->table<afs_env>("afs.env/1")) {}

    std::vector<std::string> checks() override {
        std::vector<std::string> names;
        plugin_->quietly("check", [&] {
            for (uint32_t i = 0; i < kMostChecks; ++i) {
                const char* name = table_.check(plugin_->self(), i);
                if (!name) break;
                names.emplace_back(name);
            }
        });
        return names;
    }
    Result<std::vector<Finding>> run(uint32_t check, const EnvironmentView& view) override {
        afs_env_args args = make<afs_env_args>();
        args.config_json = view.config_json.c_str();
        args.config_file = view.config_file.empty() ? nullptr : view.config_file.c_str();
        args.root = view.root.empty() ? nullptr : view.root.c_str();
        const afs_finding* const* lines = nullptr;
        uint32_t n = 0;
        AFS_TRY(plugin_->call("run", [&](afs_error* e) {
            return table_.run(plugin_->self(), check, &args, &lines, &n, e);
        }));
        std::vector<Finding> findings;
        for (uint32_t i = 0; i < n; ++i) {
            const afs_finding line = read<afs_finding>(lines[i]);
            findings.push_back({line.status, text_or_nothing(line.name),
                                text_or_nothing(line.found), text_or_nothing(line.needed),
                                text_or_nothing(line.remedy), line.momentary != 0});
        }
        return findings;
    }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_env table_;
};

}  // namespace

Result<std::shared_ptr<EnvironmentCheck>> open_env(std::shared_ptr<const PluginFile> file,
                                                   const OpenRequest& request) {
    AFS_ASSIGN(auto plugin, PluginInstance::open(std::move(file), request));
    return std::shared_ptr<EnvironmentCheck>(std::make_shared<EnvProxy>(std::move(plugin)));
}

}  // namespace afs
