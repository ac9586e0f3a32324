#include "afs/config/config.hpp"

#include "afs/check.hpp"
#include "loader.hpp"

namespace afs {
namespace fs = std::filesystem;

Result<Override> parse_set(const std::string& argument) {
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0)
        return invalid("--set expects key=value, found '" + argument + "'");
    return Override{argument.substr(0, equals), argument.substr(equals + 1), "command line --set"};
}

Result<Config> Config::load(const ConfigRequest& request) {
    try {
        return ConfigLoader(request).run();
    } catch (const std::bad_alloc&) {
        return Status(Code::no_memory, "cannot load the configuration: out of host memory");
    } catch (const std::exception& thrown) {
        return Status(Code::internal,
                      std::string("cannot load the configuration: ") + thrown.what());
    }
}

Result<Config> Config::with(const std::vector<Override>& overrides) const {
    Config copy = *this;
    AFS_TRY(ConfigLoader::override_with(copy, overrides));
    return copy;
}

Result<Config> Config::variant(const std::string& name) const {
    const auto it = settings_.find("compare");
    const json::Value* side = it == settings_.end() ? nullptr : it->second.value.find(name);
    if (!side)
        return not_found("the configuration has no 'compare." + name +
                         "'; add it or name two configuration files");
    // Origins are "<file>:<line>"; the subtree keeps the lines of its own file.
    std::string source = it->second.origin;
    if (const size_t colon = source.rfind(':'); colon != std::string::npos && side->line)
        source.resize(colon);
    if (!side->is(json::Kind::object))
        return invalid(it->second.origin + ": 'compare." + name + "' must be an object, found " +
                       json::kind_name(side->kind));
    Config copy = *this;
    AFS_TRY(ConfigLoader::merge(copy, *side, {it->second.folder, home_}, source, {}));
    return copy;
}

namespace {

const json::Value* value_of(const std::map<std::string, Setting>& settings, const std::string& key,
                            std::initializer_list<KeyType> types) {
    const KeySpec* spec = find_key(key);
    AFS_CHECK(spec, key.c_str());
    bool fits = types.size() == 0;
    for (const KeyType type : types) fits = fits || type == spec->type;
    AFS_CHECK(fits, key.c_str());
    const auto it = settings.find(key);
    return it == settings.end() ? nullptr : &it->second.value;
}

}  // namespace

bool Config::has(const std::string& key) const {
    return value_of(settings_, key, {}) != nullptr;
}

std::string Config::text(const std::string& key) const {
    const json::Value* value =
        value_of(settings_, key, {KeyType::text, KeyType::choice, KeyType::path, KeyType::option});
    return value ? value->string : "";
}

double Config::number(const std::string& key) const {
    const json::Value* value = value_of(settings_, key, {KeyType::number, KeyType::integer});
    return value ? value->number : 0.0;
}

int64_t Config::integer(const std::string& key) const {
    const json::Value* value = value_of(settings_, key, {KeyType::integer});
    return value ? value->as_int64().value_or(INT64_MAX) : 0;
}

uint64_t Config::natural(const std::string& key) const {
    const json::Value* value = value_of(settings_, key, {KeyType::integer});
    return value ? value->as_uint64().value_or(0) : 0;
}

bool Config::flag(const std::string& key) const {
    const json::Value* value = value_of(settings_, key, {KeyType::flag});
    return value && value->boolean;
}

std::vector<std::string> Config::list(const std::string& key) const {
    std::vector<std::string> names;
    if (const json::Value* value = value_of(settings_, key, {KeyType::list}))
        for (const json::Value& item : value->items) names.push_back(item.string);
    return names;
}

fs::path Config::path(const std::string& key) const {
    const json::Value* value = value_of(settings_, key, {KeyType::path});
    return value ? fs::path(value->string) : fs::path();
}

std::vector<fs::path> Config::paths(const std::string& key) const {
    std::vector<fs::path> found;
    if (const json::Value* value = value_of(settings_, key, {KeyType::paths}))
        for (const json::Value& item : value->items) found.emplace_back(item.string);
    return found;
}

const json::Value* Config::raw(const std::string& key) const {
    return value_of(settings_, key, {KeyType::raw});
}

std::string Config::origin(const std::string& key) const {
    return has(key) ? settings_.at(key).origin : "unset";
}

std::string Config::model_path_key() const {
    if (has("model.path") || !has("model.plugin")) return "model.path";
    return "models." + text("model.plugin") + ".path";
}

Result<fs::path> Config::model_path() const {
    const std::string key = model_path_key();
    if (find_key(key) && has(key)) return path(key);
    if (key == "model.path")
        return not_found(
            "no model is named: give --model PATH, or --model-plugin NAME of a family whose "
            "models.NAME.path the configuration has");
    return not_found("no model is named: neither 'model.path' nor '" + key +
                     "' is set; give --model PATH");
}

std::map<std::string, std::string> Config::pins() const {
    std::map<std::string, std::string> pins;
    for (auto it = settings_.lower_bound("pin."); it != settings_.end(); ++it) {
        if (it->first.rfind("pin.", 0) != 0) break;
        pins.emplace(it->first.substr(4), it->second.value.string);
    }
    return pins;
}

PluginOptions Config::plugin(const std::string& name) const {
    PluginOptions options;
    const std::string prefix = "plugins." + name + ".";
    for (auto it = settings_.lower_bound(prefix); it != settings_.end(); ++it) {
        if (it->first.rfind(prefix, 0) != 0) break;
        const std::string key = it->first.substr(prefix.size());
        if (key == "path")
            options.path = it->second.value.string;
        else
            options.options.emplace_back(key, it->second.value.string);
    }
    return options;
}

std::vector<std::string> Config::named_plugins() const {
    std::vector<std::string> names;
    for (auto it = settings_.lower_bound("plugins."); it != settings_.end(); ++it) {
        if (it->first.rfind("plugins.", 0) != 0) break;
        std::string name = it->first.substr(8, it->first.find('.', 8) - 8);
        if (names.empty() || names.back() != name) names.push_back(std::move(name));
    }
    return names;
}

}  // namespace afs
