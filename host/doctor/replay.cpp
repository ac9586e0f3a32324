#include "doctor/replay.hpp"

#include <algorithm>
#include <map>

namespace afs {
namespace {

using report::Cell;
using report::Mark;

std::string plugins_text(const RecordedRun& run) {
    std::string out;
    for (const UsedPlugin& plugin : run.plugins)
        out += (out.empty() ? "" : ", ") + plugin.name + " " + plugin.version + " " +
               plugin.sha256.substr(0, 12);
    return out;
}

std::string ids_text(const RecordedRun& run, size_t at) {
    if (at >= run.ids.size()) return "the end";
    return std::to_string(run.ids[at]);
}

// A run of a file: it had a prompt, so a list of no ids is no record of it.
Result<RecordedRun> read_whole_record(const json::Value& value, const std::string& name) {
    AFS_ASSIGN(RecordedRun run, read_record(value, name));
    if (const json::Value* ids = value.find("prompt_ids"); ids && run.prompt_ids.empty())
        return invalid("'" + name + "': \"prompt_ids\" must be a list of token ids, found " +
                       json::dump(*ids).substr(0, 40) + ": the prompt that was run is not known");
    return run;
}

// "sampling.temperature" -> "0.9", for every setting of a rendered configuration.
void list_settings(const json::Value& value, const std::string& key,
                   std::map<std::string, std::string>& out) {
    if (value.is(json::Kind::object) && !value.members.empty())
        for (const json::Member& member : value.members)
            list_settings(member.value, key.empty() ? member.key : key + "." + member.key, out);
    else
        out[key] = json::dump(value);
}

std::map<std::string, std::string> settings_of(const RecordedRun& run) {
    std::map<std::string, std::string> out;
    if (const auto config = json::parse(run.config)) list_settings(*config, "", out);
    return out;
}

}  // namespace

Result<std::vector<RecordedRun>> read_records(const std::string& text, const std::string& name) {
    json::ParseOptions options;
    options.name = name;
    AFS_ASSIGN(const json::Value value, json::parse(text, options));
    std::vector<RecordedRun> out;
    const json::Value* runs = value.is(json::Kind::object) ? value.find("runs") : nullptr;
    if (!runs) {
        AFS_ASSIGN(RecordedRun run, read_whole_record(value, name));
        out.push_back(std::move(run));
        return out;
    }
    for (const json::Value& one : runs->items)
        if (const json::Value* run = one.find("run")) {
            AFS_ASSIGN(RecordedRun read, read_whole_record(*run, name));
            out.push_back(std::move(read));
        }
    if (out.empty()) return invalid("'" + name + "' holds no run that came to an end");
    return out;
}

Replayed compare_runs(const RecordedRun& then, const Result<RecordedRun>& now) {
    Replayed out{false, {then.model + " on " + plugins_text(then)}};
    if (!now) {
        out.section.add(report::Facts{
            {{"tokens", Cell{"it did not run: " + now.status().message(), Mark::failed}}}});
        return out;
    }
    const size_t same = static_cast<size_t>(
        std::mismatch(then.ids.begin(), then.ids.end(), now->ids.begin(), now->ids.end()).first -
        then.ids.begin());
    out.same = same == then.ids.size() && same == now->ids.size();
    report::Facts facts;
    facts.rows.emplace_back(
        "tokens", out.same
                      ? Cell{"all " + std::to_string(same) + " the same", Mark::ok}
                      : Cell{"the first " + std::to_string(same) + " the same, then " +
                                 ids_text(then, same) + " was and " + ids_text(*now, same) + " is",
                             Mark::failed});
    const auto differs = [&facts](const std::string& what, const std::string& was,
                                  const std::string& is) {
        if (was != is) facts.rows.emplace_back(what, Cell{was + " was, " + is + " is", Mark::info});
    };
    differs("plan", then.plan, now->plan);
    differs("plugins", plugins_text(then), plugins_text(*now));
    differs("activations", then.dtype, now->dtype);
    const auto was = settings_of(then);
    auto is = settings_of(*now);
    for (const auto& [key, value] : was) {
        differs("setting " + key, value, is.count(key) ? is[key] : "unset");
        is.erase(key);
    }
    for (const auto& [key, value] : is) differs("setting " + key, "unset", value);
    facts.rows.emplace_back("text", now->text);
    out.section.add(std::move(facts));
    return out;
}

}  // namespace afs
