// Exports a ModelArchitecture as a model plugin:
//   class Mine final : public afs::ModelArchitecture {
//     public: static afs::Result<std::unique_ptr<afs::ModelArchitecture>> create(const
//     afs::OpenArgs&);
//   ...};
//   AFS_MODEL_PLUGIN(Mine, "mine", "0.1", "Apache-2.0")
#pragma once
#include "afs/model.hpp"
#include "afs/plugin/export.hpp"

namespace afs {
namespace plugin {

inline afs_status model_score(afs_instance* i, const afs_model_source* source, int32_t* out,
                              afs_error* e) {
    return guard(e, "score", [&]() -> Status {
        *out = reinterpret_cast<ModelArchitecture*>(i)->score(read<afs_model_source>(source));
        return {};
    });
}
inline afs_status model_build(afs_instance* i, const afs_model_source* source,
                              const afs_graph** out, afs_model_info* info, afs_error* e) {
    return guard(e, "build", [&]() -> Status {
        afs_model_info filled = make<afs_model_info>();
        AFS_ASSIGN(*out, reinterpret_cast<ModelArchitecture*>(i)->build(
                             read<afs_model_source>(source), filled));
        if (info) write(info, filled);
        return {};
    });
}
inline constexpr afs_model kModel = {sizeof(afs_model), 0, model_score, model_build};

}  // namespace plugin
}  // namespace afs

#define AFS_MODEL_PLUGIN(Class, name, version, licence)                                            \
    static const char* const afs_provides[] = {"afs.model/1", nullptr};                            \
    static const void* afs_table(const char* id) {                                                 \
        return afs::plugin::listed(afs_provides, id) ? &afs::plugin::kModel : nullptr;             \
    }                                                                                              \
    AFS_DESCRIPTOR("model", name, version, licence, nullptr, nullptr,                              \
                   (afs::plugin::open_as<afs::ModelArchitecture, Class>), afs_table,               \
                   afs::plugin::close_as<afs::ModelArchitecture>)
