#include "doctor/findings_report.hpp"

#include <algorithm>

#include "afs/json.hpp"
#include "doctor/sanity.hpp"  // kSanityChecks

namespace afs {
namespace {

using json::Value;
using report::Mark;

// In the order of first appearance.
std::vector<std::string> plugins_of(const Diagnosis& diagnosis) {
    std::vector<std::string> out;
    for (const CheckedFinding& one : diagnosis.findings)
        if (std::find(out.begin(), out.end(), one.plugin) == out.end()) out.push_back(one.plugin);
    return out;
}

Value value_of(const CheckedFinding& one) {
    const Finding& finding = one.finding;
    Value out = Value::object()
                    .add("plugin", Value::of(one.plugin))
                    .add("check", Value::of(one.check))
                    .add("name", Value::of(finding.name))
                    .add("status", Value::of(check_status_word(finding.status)))
                    .add("found", Value::of(finding.found));
    if (!finding.needed.empty()) out.add("needed", Value::of(finding.needed));
    if (!finding.remedy.empty()) out.add("remedy", Value::of(finding.remedy));
    if (finding.momentary) out.add("momentary", Value::of(true));
    return out;
}

Value findings_value(const Diagnosis& diagnosis, const std::string& plugin, bool but) {
    Value out = Value::array();
    for (const CheckedFinding& one : diagnosis.findings)
        if ((one.plugin == plugin) != but) out.add(value_of(one));
    return out;
}

void list(std::string& out, const std::string& name) {
    out += (out.empty() ? "" : ", ") + name;
}

}  // namespace

Mark mark_of(int32_t check_status) {
    switch (check_status) {
        case AFS_CHECK_OK: return Mark::ok;
        case AFS_CHECK_INFO: return Mark::info;
        case AFS_CHECK_WARN: return Mark::warning;
        default: return Mark::failed;
    }
}

void write_findings(const Diagnosis& diagnosis, report::Report& out) {
    report::Table now{{"what", "found"}, {}};
    for (const std::string& plugin : plugins_of(diagnosis)) {
        if (plugin == kSanityChecks) continue;  // write_sanity tells them, with texts and speeds
        report::Table table{{"what", "status", "found", "needed", "remedy"}, {}};
        for (const CheckedFinding& one : diagnosis.findings) {
            const Finding& f = one.finding;
            if (one.plugin != plugin) continue;
            if (f.momentary)
                now.rows.push_back({f.name, f.found});
            else
                table.rows.push_back({f.name, mark_of(f.status), f.found, f.needed, f.remedy});
        }
        out.add("Checks: " + plugin).add(std::move(table));
    }
    if (!now.rows.empty()) out.add("At this moment", true).add(std::move(now));
}

report::Table capabilities(const Diagnosis& diagnosis) {
    report::Table table{{"kind", "works here", "does not work here"}, {}};
    for (const char* kind : {"model", "kernels", "tokenizer", "env"}) {
        std::string works, fails;
        for (const SurveyedPlugin& plugin : diagnosis.plugins) {
            if (plugin.kind() != kind || plugin.candidate.shadowed) continue;
            const std::string& name = plugin.candidate.name;
            list(plugin.usable() ? works : fails,
                 plugin.usable() ? name : name + " (" + plugin.reason() + ")");
        }
        table.rows.push_back({kind, works.empty() ? "none" : works, fails.empty() ? "-" : fails});
    }
    return table;
}

report::Table plugin_table(const Diagnosis& diagnosis,
                           const std::map<std::string, report::Cell>& certificates) {
    report::Table table{{"plugin", "version", "status", "SHA-256", "built by", "certificate"}, {}};
    for (const SurveyedPlugin& plugin : diagnosis.plugins) {
        const bool read = plugin.facts.ok();
        const auto certificate = certificates.find(plugin.sha256);
        table.rows.push_back(
            {plugin.kind() + "-" + plugin.candidate.name, read ? plugin.facts->version : "",
             plugin.usable() ? Mark::ok : Mark::warning, plugin.sha256,
             read ? plugin.facts->build : plugin.reason(),
             certificate == certificates.end() ? report::Cell("none") : certificate->second});
    }
    return table;
}

std::string findings_json(const Diagnosis& diagnosis, const std::string& plugin, bool but) {
    return json::dump(Value::object()
                          .add("made", Value::of(report::time_text()))
                          .add("findings", findings_value(diagnosis, plugin, but)),
                      2) +
           "\n";
}

std::string config_json(const Diagnosis& diagnosis) {
    Value settings = Value::object();
    for (const auto& [key, setting] : diagnosis.settings) {
        auto value = json::parse(setting.first);
        settings.add(key, Value::object()
                              .add("value", value ? std::move(*value) : Value::of(setting.first))
                              .add("origin", Value::of(setting.second)));
    }
    Value findings = findings_value(diagnosis, "model", false);
    for (const CheckedFinding& one : diagnosis.findings)
        if (one.plugin == kHostChecks && one.finding.name.rfind("config", 0) == 0)
            findings.add(value_of(one));
    return json::dump(Value::object()
                          .add("made", Value::of(report::time_text()))
                          .add("file", Value::of(diagnosis.config_file))
                          .add("settings", std::move(settings))
                          .add("findings", std::move(findings)),
                      2) +
           "\n";
}

}  // namespace afs
