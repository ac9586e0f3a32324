// The same for machines: JSON, JUnit, the certificate.
#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "afs/version.hpp"
#include "conformance/report/case_json.hpp"
#include "conformance/report/text.hpp"
#include "report/json_list.hpp"

namespace afs::conformance {
namespace {

nlohmann::ordered_json tally_form(const Tally& t) {
    return {{"cases", t.cases},       {"passed", t.passed}, {"failed", t.failed},
            {"declined", t.declined}, {"waived", t.waived}, {"seconds", t.seconds}};
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n')
            out += c;
        else
            out += '?';
    }
    return out;
}

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "unknown";
}

std::string now() {
    const std::time_t at = std::time(nullptr);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&at));
    return text;
}

}  // namespace

nlohmann::ordered_json certificate(const SuiteResult& result) {
    const SubjectFacts& f = result.facts;
    utsname system{};
    uname(&system);
    nlohmann::ordered_json json = {{"certificate", "afs conformance"},
                                   {"conformant", result.conformant()},
                                   {"passed", result.passed()},
                                   {"plugin",
                                    {{"kind", f.kind},
                                     {"name", f.name},
                                     {"version", f.version},
                                     {"licence", f.licence},
                                     {"build", f.build},
                                     {"sha256", result.sha256},
                                     {"about", f.about}}},
                                   {"machine",
                                    {{"processor", processor()},
                                     {"system", std::string(system.sysname) + " " + system.release},
                                     {"memory", f.device.empty() ? f.domain : f.device}}},
                                   {"suite",
                                    {{"version", kSuiteVersion},
                                     {"host", version()},
                                     {"level", result.level == Level::full ? "full" : "quick"},
                                     {"narrowed_by", result.narrowed_by},
                                     {"date", now()},
                                     {"seconds", result.seconds}}}};
    if (f.kind == "kernels") {
        std::vector<std::string> names;
        for (const auto& [op, offered] : result.ops)
            if (offered) names.push_back(op);
        json["ops"] = {{"offered", result.n_ops()}, {"of", all_ops().size()}, {"names", names}};
    }
    json["groups"] = json_object(result.by_group(), tally_form);
    json["profiles"] = json_list(result.profiles, [](const ProfileVerdict& p) {
        return nlohmann::ordered_json{
            {"name", p.name},     {"holds", p.holds()},   {"ops", p.n_offered},  {"of", p.n_ops},
            {"cases", p.n_cases}, {"failed", p.n_faults}, {"missing", p.missing}};
    });
    return json;
}

nlohmann::ordered_json as_json(const SuiteResult& result, const std::string& plugin) {
    nlohmann::ordered_json json = certificate(result);
    json.erase("certificate");
    json["named"] = plugin;
    json["path"] = result.path;
    json["by_op"] = json_object(result.by_op(), tally_form);
    json["stale_waivers"] = result.stale_waivers;
    json["cases"] = json_list(result.results, [](const CaseResult& r) { return as_json(r); });
    return json;
}

std::string as_junit(const SuiteResult& result) {
    std::string cases;
    size_t failed = 0, skipped = 0;
    char head[160];
    for (const CaseResult& r : result.results) {
        std::snprintf(head, sizeof head, "\" time=\"%.4f\"", r.seconds);
        cases +=
            "  <testcase classname=\"" + escaped(r.group) + "\" name=\"" + escaped(r.id) + head;
        const bool waived = is_fault(r.ending) && !r.waiver.empty();
        if (r.ending == Ending::declined || waived) {
            ++skipped;
            cases += "><skipped message=\"" + escaped(waived ? "waived: " + r.waiver : r.text) +
                     "\"/></testcase>\n";
        } else if (is_fault(r.ending)) {
            ++failed;
            cases += "><failure type=\"" + std::string(ending_name(r.ending)) + "\" message=\"" +
                     escaped(r.looks_like.empty() ? r.text : r.looks_like) + "\">" +
                     escaped(r.text) + "</failure></testcase>\n";
        } else {
            cases += "/>\n";
        }
    }
    std::snprintf(head, sizeof head, "tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
                  result.results.size(), failed, skipped, result.seconds);
    std::string name = "conformance of " + result.facts.name;
    for (const std::string& part : result.narrowed_by) name += ", only " + part;
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + escaped(name) +
           "\" " + head + ">\n" + cases + "</testsuite>\n";
}

}  // namespace afs::conformance
