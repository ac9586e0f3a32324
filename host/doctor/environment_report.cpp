#include "doctor/environment_report.hpp"

#include <algorithm>

#include "afs/json.hpp"
#include "afs/version.hpp"
#include "afs/weights/mapped_file.hpp"
#include "doctor/build_info.hpp"
#include "doctor/certificates.hpp"
#include "doctor/dependencies.hpp"
#include "doctor/findings_report.hpp"
#include "doctor/weights_section.hpp"

namespace afs {
namespace {

using report::Facts;
using report::Report;
using report::Section;
using report::Table;

std::string summary_of(const Diagnosis& diagnosis, const Sanity* sanity) {
    const size_t failed = diagnosis.count(AFS_CHECK_FAIL), warned = diagnosis.count(AFS_CHECK_WARN);
    std::string kernels;
    for (const std::string& name : diagnosis.usable("kernels"))
        kernels += (kernels.empty() ? "" : ", ") + name;
    std::string out = std::to_string(diagnosis.findings.size()) +
                      " findings: " + std::to_string(failed) + " failed, " +
                      std::to_string(warned) + (warned == 1 ? " warning. " : " warnings. ");
    out += kernels.empty() ? "No kernel plugin works here."
                           : "Kernels that work here: " + kernels + ".";
    if (sanity)
        out += sanity->ok() ? " They agree on the staged model." : " Not all ran or agreed.";
    return out;
}

// What is not well, before all that is.
void add_complaints(const Diagnosis& diagnosis, Report& out) {
    Table table{{"what", "status", "found", "remedy"}, {}};
    for (const CheckedFinding& one : diagnosis.findings)
        if (one.finding.status >= AFS_CHECK_WARN && !one.finding.momentary)
            table.rows.push_back({one.finding.name, mark_of(one.finding.status), one.finding.found,
                                  one.finding.remedy});
    if (!table.rows.empty()) out.add("To look at").add(std::move(table));
}

void add_dependencies(const Diagnosis& diagnosis, Report& out) {
    Section& section = out.add("Dependencies");
    Facts used{{{"afs-host", version()}}};
    for (const auto& [name, value] : build_info()) used.rows.emplace_back(name, value);
    section.add(std::move(used));
    Table table{{"loaded by", "library", "package or file"}, {}};
    for (const DependencyTree& tree : dependency_trees(diagnosis.plugins))
        for (const Dependency& library : tree.libraries)
            table.rows.push_back({tree.owner, std::string(2 * library.depth, ' ') + library.name,
                                  library.package.empty() ? library.path : library.package});
    section.add(std::move(table));
}

void add_config(const Diagnosis& diagnosis, Report& out) {
    Table table{{"key", "value", "from"}, {}};
    for (const auto& [key, setting] : diagnosis.settings)
        table.rows.push_back({key, setting.first, setting.second});
    Section& section = out.add("Configuration");
    section.add(Facts{
        {{"file", diagnosis.config_file.empty() ? "none: defaults" : diagnosis.config_file}}});
    section.add(std::move(table));
}

void add_sanity(const Sanity& sanity, Report& out) {
    Section checked{"Sanity"}, timings{"Timings", {}, true};
    write_sanity(sanity, checked, timings);
    report::Chart chart{report::Chart::Kind::bars, "Text generated", "tokens a second", {}, {{}}};
    for (const SanityRun& run : sanity.runs) {
        if (!(run.tokens_per_second() > 0)) continue;
        chart.labels.push_back(run.kernels);
        chart.series[0].y.push_back(run.tokens_per_second());
    }
    if (!chart.labels.empty()) timings.add(std::move(chart));
    out.sections.push_back(std::move(checked));
    if (!timings.blocks.empty()) out.sections.push_back(std::move(timings));
}

}  // namespace

Report environment_report(const Diagnosis& diagnosis, const Result<Config>& config,
                          const Sanity* sanity, const std::filesystem::path& reports) {
    Report out{"Environment report", summary_of(diagnosis, sanity), report::time_text()};
    add_complaints(diagnosis, out);
    out.add("What works here").add(capabilities(diagnosis));
    if (sanity) add_sanity(*sanity, out);
    write_findings(diagnosis, out);
    out.add("Plugins").add(plugin_table(diagnosis, find_certificates(reports)));
    add_dependencies(diagnosis, out);
    add_config(diagnosis, out);
    if (config) add_weights(*config, reports, out.add("Weights"));
    return out;
}

}  // namespace afs
