// Exports an EnvironmentCheck as an env plugin:
//   class Mine final : public afs::EnvironmentCheck {
//     public: static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const
//     afs::OpenArgs&);
//   ...};
//   AFS_ENV_PLUGIN(Mine, "mine", "0.1", "Apache-2.0")
#pragma once
#include "afs/env.hpp"
#include "afs/plugin/export.hpp"

namespace afs {
namespace plugin {

// The checks and the storage behind what the table hands out.
struct EnvInstance {
    std::unique_ptr<EnvironmentCheck> checks;
    std::vector<std::string> names;
    std::vector<Finding> findings;
    std::vector<afs_finding> lines;
    std::vector<const afs_finding*> pointers;
};
inline EnvInstance& env(afs_instance* i) {
    return *reinterpret_cast<EnvInstance*>(i);
}

template <class Class>
afs_status env_open(const afs_open_args* args, afs_instance** out, afs_error* e) noexcept {
    return guard(e, "open", [&]() -> Status {
        auto made = std::make_unique<EnvInstance>();
        AFS_ASSIGN(made->checks, Class::create(OpenArgs(read<afs_open_args>(args))));
        made->names = made->checks->checks();
        *out = reinterpret_cast<afs_instance*>(made.release());
        return {};
    });
}
inline const char* env_check(afs_instance* i, uint32_t index) {
    const EnvInstance& self = env(i);
    return index < self.names.size() ? self.names[index].c_str() : nullptr;
}
inline afs_status env_run(afs_instance* i, uint32_t index, const afs_env_args* args,
                          const afs_finding* const** findings, uint32_t* n, afs_error* e) {
    return guard(e, "run", [&]() -> Status {
        EnvInstance& self = env(i);
        const afs_env_args a = read<afs_env_args>(args);
        const auto text = [](const char* given, const char* otherwise) {
            return std::string(given ? given : otherwise);
        };
        const EnvironmentView view{text(a.config_json, "{}"), text(a.config_file, ""),
                                   text(a.root, "")};
        AFS_ASSIGN(self.findings, self.checks->run(index, view));
        self.lines.clear();
        self.pointers.clear();
        for (const Finding& f : self.findings)
            self.lines.push_back({sizeof(afs_finding), f.status, f.name.c_str(), f.found.c_str(),
                                  f.needed.empty() ? nullptr : f.needed.c_str(),
                                  f.remedy.empty() ? nullptr : f.remedy.c_str(), f.momentary, 0});
        for (const afs_finding& line : self.lines) self.pointers.push_back(&line);
        *findings = self.pointers.data();
        *n = static_cast<uint32_t>(self.pointers.size());
        return {};
    });
}
inline constexpr afs_env kEnv = {sizeof(afs_env), 0, env_check, env_run};

}  // namespace plugin
}  // namespace afs

#define AFS_ENV_PLUGIN(Class, name, version, licence)                                              \
    static const char* const afs_provides[] = {"afs.env/1", nullptr};                              \
    static const void* afs_table(const char* id) {                                                 \
        return afs::plugin::listed(afs_provides, id) ? &afs::plugin::kEnv : nullptr;               \
    }                                                                                              \
    AFS_DESCRIPTOR("env", name, version, licence, nullptr, nullptr, afs::plugin::env_open<Class>,  \
                   afs_table, afs::plugin::close_as<afs::plugin::EnvInstance>)
