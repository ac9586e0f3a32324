// config show: every value of the configuration with where it came from.
#include <cstdio>

#include "commands/command.hpp"
#include "commands/terminal.hpp"

namespace afs {
namespace {

std::string table(const Config& config) {
    std::string out;
    size_t width = 0;
    for (const auto& [key, setting] : config.settings()) width = std::max(width, key.size());
    for (const auto& [key, setting] : config.settings()) {
        std::string value = json::dump(setting.value);
        if (value.size() > 48) value = value.substr(0, 45) + "...";
        std::string line = key + std::string(width + 2 - key.size(), ' ') + value;
        if (line.size() < 58) line.resize(58, ' ');
        out += line + "  " + setting.origin + "\n";
    }
    return out;
}

int run(const Command&, const ParsedOptions& options) {
    if (options.positional().empty() || options.positional()[0] != "show")
        return report_failure(
            invalid("config: expected 'show'" +
                    (options.positional().empty() ? std::string()
                                                  : ", found '" + options.positional()[0] + "'") +
                    "; example: afs-host config show"),
            kUsage);
    auto config = open_config(options);
    if (!config) return report_failure(config.status(), kUsage);
    for (const std::string& warning : config->warnings())
        std::fprintf(stderr, "afs-host: warning: %s\n", warning.c_str());
    Status written;
    if (options.has("json")) {
        written = write_out(config->render() + "\n");
    } else {
        const std::string file =
            config->file().empty() ? "no configuration file: defaults" : config->file().string();
        written = write_out(file + "\n\n" + table(*config));
    }
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& config_command() {
    static const Command command = {
        "config",
        "shows every setting and where it came from",
        "afs-host config show [options]",
        "afs-host config show --kernels reference",
        {{"json", "", "the resolved configuration as JSON that loads to the same values"},
         {"help,h", "", "this page"}},
        true,
        1,
        run};
    return command;
}

}  // namespace afs
