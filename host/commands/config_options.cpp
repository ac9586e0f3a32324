#include "commands/config_options.hpp"

#include "afs/config/schema.hpp"
#include "loader/search.hpp"  // parse_plugin_file_name
#include "runtime/logging.hpp"

namespace afs {
namespace {

const char* value_word(const KeySpec& spec) {
    switch (spec.type) {
        case KeyType::flag: return "[=on|off]";
        case KeyType::choice: return spec.choices;
        case KeyType::path: return "PATH";
        case KeyType::integer: return "N";
        case KeyType::number: return "X";
        case KeyType::list: return "A,B";
        case KeyType::paths: return "A:B";
        default: return "TEXT";
    }
}

}  // namespace

std::vector<Option> config_options() {
    std::vector<Option> options = {
        {"config", "FILE",
         "the configuration; else AFS_CONFIG, ./configs/default.json, and the "
         "one beside this program"},
        {"plugin", "FILE",
         "take this file (afs-<kind>-<name>.so) for the plugin of its name; may be "
         "repeated"},
        {"set", "KEY=VALUE", "set any configuration key; may be repeated"},
        {"pin", "TAG=BACKEND",
         "run the nodes of this tag or op (L*.attn.ctx, rms_norm/1) on this "
         "backend; may be repeated"},
        {"verbose,v", "", "say what is loaded: path, version and SHA-256 of each plugin"},
    };
    for (const KeySpec& spec : config_schema())
        if (spec.flag) options.push_back({spec.flag, value_word(spec), spec.help, spec.key});
    return options;
}

Result<Config> open_config(const ParsedOptions& options) {
    set_up_logging(options.has("verbose"));
    ConfigRequest request;
    request.file = options.text("config");
    for (const KeySpec& spec : config_schema())
        if (spec.flag && options.has(spec.flag))
            request.overrides.push_back(
                {spec.key, options.text(spec.flag), std::string("command line --") + spec.flag});
    for (const std::string& pin : options.all("pin")) {
        const size_t equals = pin.rfind('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == pin.size())
            return invalid("--pin: expected TAG=BACKEND, found '" + pin + "'");
        request.overrides.push_back(
            {"pin." + pin.substr(0, equals), pin.substr(equals + 1), "command line --pin"});
    }
    for (const std::string& file : options.all("plugin")) {
        std::string kind, name;
        if (!parse_plugin_file_name(file, kind, name))
            return invalid("--plugin: expected a file called afs-<kind>-<name>.so, found '" + file +
                           "'; or set plugins.<name>.path");
        request.overrides.push_back({"plugins." + name + ".path", file, "command line --plugin"});
    }
    for (const std::string& text : options.all("set")) {
        AFS_ASSIGN(Override set, parse_set(text));
        request.overrides.push_back(std::move(set));
    }
    return Config::load(request);
}

}  // namespace afs
