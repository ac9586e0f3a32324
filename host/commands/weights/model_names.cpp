#include "commands/weights/model_names.hpp"

#include "runtime/installation.hpp"

namespace afs {

Result<std::filesystem::path> local_model(const std::string& asked) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    if (fs::exists(asked, ignored)) {
        fs::path path = fs::absolute(asked).lexically_normal();
        return path.filename().empty() ? path.parent_path() : path;
    }
    const std::string name = asked.substr(asked.rfind('/') + 1);
    const fs::path fetched = data_folder("weights") / name;
    if (!name.empty() && name != "." && name != ".." && fs::is_directory(fetched, ignored))
        return fetched;
    return not_found("there is no file or folder '" + asked + "', nor '" + fetched.string() +
                     "'; afs-host weights fetch gets a model from a hub");
}

Result<hub::ShortName> hub_model(const std::string& asked) {
    std::vector<hub::ShortName> known;
    if (const std::filesystem::path file = shipped_config("hub-models.json"); !file.empty()) {
        AFS_ASSIGN(known, hub::read_short_names(file));
    }
    return hub::find_repository(asked, known);
}

}  // namespace afs
