#include <algorithm>
#include <set>

#include "internal.hpp"

namespace afs::config {
namespace {

// What lies below this key in the first that does: "max_context" of "engine", "path" of
// "plugins.mine". Empty: none, it is no group.
std::string first_below(const std::string& key) {
    for (const KeySpec& spec : config_schema()) {
        const std::string pattern = spec.key;
        // Compare dotted part by dotted part; `*` matches any one.
        size_t p = 0, k = 0;
        for (;;) {
            const size_t pe = std::min(pattern.find('.', p), pattern.size());
            const size_t ke = std::min(key.find('.', k), key.size());
            const std::string part = pattern.substr(p, pe - p);
            if (part != "*" && part != key.substr(k, ke - k)) break;
            if (ke == key.size()) {
                if (pe < pattern.size()) return pattern.substr(pe + 1);
                break;
            }
            if (pe == pattern.size()) break;
            p = pe + 1;
            k = ke + 1;
        }
    }
    return {};
}

class Flattener {
public:
    Flattener(const PathBase& base, const std::string& name) : base_(base), name_(name) {}

    Status object(const std::string& prefix, const json::Value& value,
                  const std::vector<std::string>& skip) {
        for (const json::Member& member : value.members)
            if (std::find(skip.begin(), skip.end(), member.key) == skip.end())
                AFS_TRY(this->member(prefix, member));
        return {};
    }

    std::vector<Leaf> leaves;

private:
    Status member(const std::string& prefix, const json::Member& member) {
        const std::string origin = name_ + ":" + std::to_string(member.line);
        const bool pin = prefix == "pin.";
        if (member.key.empty() || (!pin && member.key.find('.') != std::string::npos))
            return invalid(origin + ": '" + prefix + member.key +
                           "': a key here is a name without dots; write nested objects");
        const std::string key = prefix + member.key;
        const KeySpec* spec = find_key(key);
        const bool nested = member.value.is(json::Kind::object);
        if (spec && spec->type == KeyType::option && nested)
            return object(key + ".", member.value, {});
        if (spec) {
            AFS_ASSIGN(json::Value kept, check_value(*spec, key, member.value, base_, origin));
            leaves.push_back({key, {std::move(kept), origin, base_.folder}});
            return {};
        }
        if (first_below(key).empty()) return unknown_key(key, origin);
        if (!nested)
            return invalid(origin + ": '" + key + "' must be an object, found " +
                           json::kind_name(member.value.kind));
        return object(key + ".", member.value, {});
    }

    const PathBase& base_;
    const std::string& name_;
};

}  // namespace

Result<std::vector<Leaf>> flatten(const json::Value& object, const PathBase& base,
                                  const std::string& name, const std::vector<std::string>& skip) {
    Flattener flattener(base, name);
    AFS_TRY(flattener.object("", object, skip));
    return std::move(flattener.leaves);
}

Setting default_setting(const KeySpec& spec) {
    if (!spec.fallback) return {};
    const Result<json::Value> value = json::parse(spec.fallback);
    return value.ok() ? Setting{*value, "default", {}} : Setting{};
}

// An option "a" and options "a.b" exclude each other: the later one stays.
static void drop_relatives(std::map<std::string, Setting>& settings, const std::string& key) {
    const std::string below = key + ".";
    for (auto it = settings.lower_bound(below);
         it != settings.end() && it->first.rfind(below, 0) == 0;)
        it = settings.erase(it);
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1))
        settings.erase(key.substr(0, dot));
}

void apply(std::map<std::string, Setting>& settings, const std::string& key, Setting setting) {
    if (key.rfind("plugins.", 0) == 0) drop_relatives(settings, key);
    if (setting.value.is(json::Kind::null)) {
        const KeySpec* spec = find_key(key);
        setting = spec ? default_setting(*spec) : Setting{};
    }
    if (setting.value.is(json::Kind::null))
        settings.erase(key);
    else
        settings[key] = std::move(setting);
}

Status unknown_key(const std::string& key, const std::string& origin) {
    if (std::string below = first_below(key); !below.empty()) {
        if (const size_t any = below.find('*'); any != std::string::npos)
            below.replace(any, below.find_first_not_of('*', any) - any, "NAME");
        return invalid(origin + ": '" + key + "' is a group of keys: set one of them, such as '" +
                       key + "." + below + "'; `afs-host config show` lists all keys");
    }
    std::vector<std::string> known;
    const size_t parts = static_cast<size_t>(std::count(key.begin(), key.end(), '.')) + 1;
    for (const KeySpec& spec : config_schema()) {
        // As many parts of the known key as the unknown one has; `*` is taken from the latter.
        std::string candidate = spec.key, shown;
        size_t k = 0;
        for (size_t part = 0, p = 0; part < parts && p <= candidate.size(); ++part) {
            const size_t pe = std::min(candidate.find('.', p), candidate.size());
            const size_t ke = std::min(key.find('.', k), key.size());
            const std::string own = candidate.substr(p, pe - p);
            if (own == "**") break;
            shown += (part ? "." : "") + (own == "*" ? key.substr(k, ke - k) : own);
            p = pe + 1;
            k = std::min(ke + 1, key.size());
        }
        known.push_back(shown);
    }
    return invalid(origin + ": unknown key '" + key + "'" + nearest(key, known) +
                   "; `afs-host config show` lists all keys");
}

}  // namespace afs::config
