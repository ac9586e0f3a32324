#include "compare/sides.hpp"

#include <map>
#include <set>

#include "afs/json.hpp"

namespace afs {
namespace {

bool begins(const std::string& text, const char* with) {
    return text.rfind(with, 0) == 0;
}

// Empty: the key decides nothing here.
std::string thing_of(const std::string& key) {
    for (const char* prefix : {"sampling.", "chat.", "tokenizer.", "models."})
        if (begins(key, prefix)) return "";
    for (const char* name : {"compare", "checks", "plugin_path", "check_tensors", "model.path"})
        if (key == name) return "";
    if (key == "kernels" || key == "fallback" || key == "allow_copies" ||
        key == "named_but_unused" || begins(key, "pin.") || begins(key, "plugins."))
        return "kernels";
    return key;
}

std::string text_of(const Config& config, const std::string& key) {
    const auto it = config.settings().find(key);
    return it == config.settings().end() ? "unset" : json::dump(it->second.value);
}

}  // namespace

std::vector<Difference> differences(const Config& a, const Config& b) {
    std::set<std::string> keys;
    for (const Config* config : {&a, &b})
        for (const auto& [key, setting] : config->settings()) keys.insert(key);
    std::vector<Difference> found;
    for (const std::string& key : keys) {
        const std::string thing = thing_of(key);
        const std::string left = text_of(a, key), right = text_of(b, key);
        if (thing.empty() || left == right) continue;
        found.push_back({thing, key + ": " + left + " against " + right});
    }
    const auto path = [](const Config& config) {
        const auto found_path = config.model_path();
        return found_path ? found_path->string() : std::string("unset");
    };
    if (path(a) != path(b)) found.push_back({"model", "model: " + path(a) + " against " + path(b)});
    return found;
}

Status check_fair(const Config& base, const Config& test) {
    std::map<std::string, std::vector<std::string>> things;
    for (const Difference& each : differences(base, test)) things[each.thing].push_back(each.text);
    if (things.size() <= 1) return {};
    std::string message = "this is no A/B: " + std::to_string(things.size()) +
                          " things differ, so no difference "
                          "could be laid to one of them:";
    for (const auto& [thing, texts] : things)
        for (const std::string& text : texts) message += "\n  " + text;
    return invalid(message + "\nlet one differ and compare again");
}

std::string kernels_text(const Config& config) {
    std::string text;
    for (const std::string& name : config.list("kernels")) text += (text.empty() ? "" : ",") + name;
    const size_t n = config.pins().size();
    if (n) text += " (" + std::to_string(n) + (n == 1 ? " pin)" : " pins)");
    return text;
}

Result<Config> judge_config(const Config& config, const std::string& dtype) {
    const std::string origin = "compare's judge";
    std::vector<Override> changes = {{"kernels", "reference", origin}, {"fallback", "", origin}};
    if (!dtype.empty()) changes.push_back({"model.dtype", dtype, origin});
    for (const auto& [pattern, backend] : config.pins())
        changes.push_back({"pin." + pattern, "reference", origin});
    return config.with(changes);
}

Result<Config> with_pins(const Config& config,
                         const std::vector<std::pair<std::string, std::string>>& pins,
                         const char* origin) {
    std::vector<Override> changes = {{"named_but_unused", "warning", origin}};
    for (const auto& [tag, backend] : pins) changes.push_back({"pin." + tag, backend, origin});
    return config.with(changes);
}

}  // namespace afs
