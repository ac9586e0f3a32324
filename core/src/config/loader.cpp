#include "loader.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>

#include "afs/weights/mapped_file.hpp"

namespace afs {
namespace fs = std::filesystem;
using config::EnvironmentLine;
using config::PathBase;

namespace {

constexpr uint64_t kMaxConfigBytes = 16ull << 20;

// The process's variables; none for a set-uid program, which must not be steered by its caller.
std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> variables;
    if (getauxval(AT_SECURE)) return variables;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string line = *entry;
        const size_t equals = line.find('=');
        if (equals == std::string::npos) continue;
        const std::string name = line.substr(0, equals);
        if (name == "HOME" || name.rfind("AFS_", 0) == 0)
            variables.emplace(name, line.substr(equals + 1));
    }
    return variables;
}

std::vector<std::string> known_variables() {
    std::vector<std::string> names = {"AFS_CONFIG"};
    for (const KeySpec& spec : config_schema())
        if (spec.flag) names.push_back(environment_name(spec));
    return names;
}

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

}  // namespace

std::string ConfigLoader::home() const {
    const auto it = environment_.find("HOME");
    return it == environment_.end() ? "" : it->second;
}

// A path as messages and origins show it: relative where that is shorter to read.
std::string ConfigLoader::shown(const fs::path& file) const {
    const fs::path relative = file.lexically_relative(config_.working_folder_);
    return relative.empty() || *relative.begin() == ".." ? file.string() : relative.string();
}

Status ConfigLoader::prepare() {
    std::error_code error;
    config_.working_folder_ =
        request_.working_folder.empty() ? fs::current_path(error) : request_.working_folder;
    if (error)
        return Status(Code::io, "cannot find the working folder: " + error.message(), "config",
                      error.value());
    config_.working_folder_ = fs::absolute(config_.working_folder_, error).lexically_normal();
    environment_ = request_.environment ? *request_.environment : process_environment();
    for (const KeySpec& spec : config_schema())
        if (spec.fallback) config_.settings_[spec.key] = config::default_setting(spec);
    return {};
}

Status ConfigLoader::take_file(const fs::path& file, const std::string& asked_by) {
    const fs::path full = (config_.working_folder_ / file).lexically_normal();
    std::error_code ignored;
    if (!is_file(full))
        return not_found("cannot read configuration '" + file.string() + "' named by " + asked_by +
                         (fs::exists(full, ignored) ? ": not a regular file" : ": no such file") +
                         " (looked for " + full.string() + ")");
    config_.file_ = full;
    return {};
}

Status ConfigLoader::find_file() {
    if (!request_.file.empty()) return take_file(request_.file, "--config");
    if (const auto it = environment_.find("AFS_CONFIG");
        it != environment_.end() && !it->second.empty())
        return take_file(it->second, "environment AFS_CONFIG");
    AFS_ASSIGN(const DotEnv here, read_dotenv(config_.working_folder_));
    for (const EnvironmentLine& line : here.lines)
        if (line.name == "AFS_CONFIG" && !line.text.empty())
            return take_file(line.text, line.origin);
    std::error_code ignored;
    const fs::path program = request_.executable.empty()
                                 ? fs::read_symlink("/proc/self/exe", ignored)
                                 : request_.executable;
    const fs::path bin = program.parent_path();
    for (const fs::path& candidate :
         {config_.working_folder_ / "configs/default.json",
          bin / "../../../configs/default.json",             // <source>/build/<preset>/bin
          bin / "../share/afs/configs/default.json"}) {      // <prefix>/bin
        const fs::path file = candidate.lexically_normal();  // the program's path has no links
        if (!is_file(file)) continue;
        config_.file_ = file;
        break;
    }
    return {};
}

Result<std::vector<std::string>> ConfigLoader::includes(const json::Value& root,
                                                        const std::string& name) {
    std::vector<std::string> files;
    const json::Value* include = root.find("include");
    if (!include) return files;
    const std::string origin = name + ":" + std::to_string(include->line);
    if (include->is(json::Kind::string)) files.push_back(include->string);
    for (const json::Value& item : include->items) files.push_back(item.string);
    const bool texts = std::all_of(files.begin(), files.end(),
                                   [](const std::string& file) { return !file.empty(); });
    if (!texts || (!include->is(json::Kind::string) && !include->is(json::Kind::array)))
        return invalid(origin + ": 'include' must be a path or a list of paths, found " +
                       json::dump(*include));
    return files;
}

Status ConfigLoader::load_file(const fs::path& file, std::vector<fs::path>& open) {
    std::error_code ignored;
    const fs::path identity = fs::weakly_canonical(file, ignored);
    open.push_back(identity);
    const std::string name = shown(file);
    AFS_ASSIGN(const std::string text, read_text_file(file, kMaxConfigBytes));
    json::ParseOptions options;
    options.name = name;
    options.comments = true;
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    if (!root.is(json::Kind::object))
        return invalid(name + ":1: a configuration must be an object, found " +
                       json::kind_name(root.kind));
    AFS_ASSIGN(const std::vector<std::string> included, includes(root, name));
    for (const std::string& other : included) {
        const fs::path path = (file.parent_path() / other).lexically_normal();
        const std::string where = name + ":" + std::to_string(root.find("include")->line);
        if (!is_file(path))
            return not_found(where + ": cannot include '" + other + "': no such file (looked for " +
                             path.string() + ")");
        if (std::find(open.begin(), open.end(), fs::weakly_canonical(path, ignored)) != open.end())
            return invalid(where + ": cannot include '" + other +
                           "': that file includes this one in turn");
        AFS_TRY(load_file(path, open));
    }
    open.pop_back();
    return merge(config_, root, {file.parent_path(), home()}, name, {"include"});
}

Status ConfigLoader::merge(Config& config, const json::Value& object, const PathBase& base,
                           const std::string& name, const std::vector<std::string>& skip) {
    AFS_ASSIGN(std::vector<config::Leaf> leaves, config::flatten(object, base, name, skip));
    for (config::Leaf& leaf : leaves)
        config::apply(config.settings_, leaf.key, std::move(leaf.setting));
    return {};
}

Result<ConfigLoader::DotEnv> ConfigLoader::read_dotenv(const fs::path& folder) {
    DotEnv source{folder, {}};
    const fs::path file = folder / ".env";
    if (!is_file(file) || getauxval(AT_SECURE)) return source;
    AFS_ASSIGN(const std::string text, read_text_file(file, kMaxConfigBytes));
    AFS_ASSIGN(source.lines, config::parse_dotenv(text, shown(file)));
    for (const EnvironmentLine& line : source.lines)
        if (line.name != "AFS_CONFIG" && !find_environment_key(line.name))
            return invalid(line.origin + ": unknown variable " + line.name +
                           nearest(line.name, known_variables()));
    return source;
}

Status ConfigLoader::apply_dotenv(const DotEnv& source) {
    for (const EnvironmentLine& line : source.lines) {
        const KeySpec* spec = find_environment_key(line.name);
        if (!spec) continue;  // AFS_CONFIG: find_file read it
        const std::string origin = line.origin + " " + line.name;
        AFS_ASSIGN(json::Value value, config::value_from_text(*spec, spec->key, line.text,
                                                              {source.folder, home()}, origin));
        config::apply(config_.settings_, spec->key, {std::move(value), origin, source.folder});
    }
    return {};
}

Status ConfigLoader::apply_environment() {
    for (const auto& [name, text] : environment_) {
        if (name.rfind("AFS_", 0) != 0 || name == "AFS_CONFIG") continue;
        const KeySpec* spec = find_environment_key(name);
        if (!spec) {
            config_.warnings_.push_back("environment variable " + name + " is not known" +
                                        nearest(name, known_variables()));
            continue;
        }
        if (text.empty()) continue;
        const std::string origin = "environment " + name;
        AFS_ASSIGN(json::Value value,
                   config::value_from_text(*spec, spec->key, text,
                                           {config_.working_folder_, home()}, origin));
        config::apply(config_.settings_, spec->key,
                      {std::move(value), origin, config_.working_folder_});
    }
    return {};
}

Status ConfigLoader::override_with(Config& config, const std::vector<Override>& overrides) {
    for (const Override& o : overrides) {
        const KeySpec* spec = find_key(o.key);
        if (!spec) return config::unknown_key(o.key, o.origin);
        AFS_ASSIGN(json::Value value,
                   config::value_from_text(*spec, o.key, o.text,
                                           {config.working_folder_, config.home_}, o.origin));
        config::apply(config.settings_, o.key,
                      {std::move(value), o.origin, config.working_folder_});
    }
    return {};
}

Result<Config> ConfigLoader::run() {
    AFS_TRY(prepare());
    config_.home_ = home();
    AFS_TRY(find_file());
    if (!config_.file_.empty()) {
        std::vector<fs::path> open;
        AFS_TRY(load_file(config_.file_, open));
        const fs::path beside = config_.file_.parent_path();
        if (beside != config_.working_folder_) {
            AFS_ASSIGN(const DotEnv lines, read_dotenv(beside));
            AFS_TRY(apply_dotenv(lines));
        }
    }
    AFS_ASSIGN(const DotEnv here, read_dotenv(config_.working_folder_));
    AFS_TRY(apply_dotenv(here));
    AFS_TRY(apply_environment());
    AFS_TRY(override_with(config_, request_.overrides));
    return std::move(config_);
}

}  // namespace afs
