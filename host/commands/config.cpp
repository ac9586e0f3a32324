// config show: every value of the configuration with where it came from, and the sampling values
// with what the model's own files say.
#include <charconv>
#include <cstdio>
#include <map>

#include "afs/config/schema.hpp"  // environment_example
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"
#include "runtime/sampling.hpp"
#include "runtime/shown_text.hpp"

namespace afs {
namespace {

struct Row {
    std::string value, origin;
};
using Rows = std::map<std::string, Row>;

std::string text_of(double value) {
    char text[32];
    // The shortest text of the float that it is used as: 0.6, not 0.6000000238.
    const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(value));
    return std::string(text, end.ptr);
}

std::string table(const Rows& rows) {
    std::string out;
    size_t width = 0;
    for (const auto& [key, row] : rows) width = std::max(width, key.size());
    for (const auto& [key, row] : rows) {
        std::string value = row.value;
        if (value.size() > 48) value = value.substr(0, 45) + "...";
        std::string line = key + std::string(width + 2 - key.size(), ' ') + value;
        if (line.size() < 58) line.resize(58, ' ');
        out += line + "  " + row.origin + "\n";
    }
    return out;
}

// The sampling values as a run would use them, and the checkpoint's stop ids. The model's own files
// count, so they are looked at; what is said where they cannot be read comes back.
std::string add_sampling(const Config& config, Rows& rows) {
    const auto model = open_model_texts(config, plugin_search(config));
    std::string where, note;
    if (model) {
        const Checkpoint& checkpoint = *model->checkpoint;
        const bool gguf = checkpoint.is_gguf();
        where = gguf ? checkpoint.path().string()
                     : (checkpoint.folder() / "generation_config.json").string();
        if (!gguf && !checkpoint.generation_json())
            note = "the model has no generation_config.json: " + checkpoint.folder().string();
        std::string ids;
        for (uint32_t i = 0; i < model->info.n_stop_ids; ++i)
            ids += (i ? "," : "") + std::to_string(model->info.stop_ids[i]);
        rows["stop ids"] = {
            "[" + ids + "]",
            gguf ? where : "generation_config.json, then config.json, of the model"};
    } else {
        note = "no model, so no sampling defaults of one: " + model.status().message();
    }
    const ResolvedSampling sampling =
        resolve_sampling(config, model ? &model->info : nullptr, where);
    for (const SamplingValue& value : sampling.values)
        rows[value.key] = {text_of(value.value), value.origin};
    return note;
}

std::string report(const Config& config) {
    Rows rows;
    for (const auto& [key, setting] : config.settings())
        rows[key] = {json::dump(setting.value), setting.origin};
    const std::string note = add_sampling(config, rows);
    const std::string file =
        config.file().empty() ? "no configuration file: defaults" : config.file().string();
    return file + "\n\n" + table(rows) +
           "\nprecedence: command line, environment, .env, configuration file, then for sampling "
           "what\nthe model's generation_config.json states, then defaults\n" +
           (note.empty() ? "" : note + "\n");
}

int run_config(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const std::string what = options.positional().empty() ? "" : options.positional()[0];
    if (what == "env") {
        const Status written = write_out(environment_example());
        return written.ok() ? kDone : report_failure(written, kFailed);
    }
    if (what != "show")
        return report_failure(
            invalid("config: expected 'show' or 'env'" +
                    (options.positional().empty() ? std::string()
                                                  : ", found '" + options.positional()[0] + "'") +
                    "; example: afs-host config show"),
            kUsage);
    auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    for (const std::string& warning : config->warnings())
        std::fprintf(stderr, "afs-host: warning: %s\n", shown_text(warning).c_str());
    const Status written =
        options.has("json") ? write_out(config->render() + "\n") : write_shown(report(*config));
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& config_command() {
    static const Command command = {
        "config",
        "shows every setting and where it came from; env: the text of .env.example",
        "afs-host config show [options] | env",
        "afs-host config show --kernels reference",
        {{"json", "", "the resolved configuration as JSON that loads to the same values"},
         {"help,h", "", "this page"}},
        true,
        1,
        run_config};
    return command;
}

}  // namespace afs
