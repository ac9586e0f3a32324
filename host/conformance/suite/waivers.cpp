#include "conformance/suite/waivers.hpp"

#include <fnmatch.h>

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"  // read_text_file

namespace afs::conformance {
namespace {

Result<Waiver> read_one(const json::Value& item, const std::string& file) {
    Waiver w;
    const std::string at = file + ":" + std::to_string(item.line) + ": ";
    for (const json::Member& each : item.members) {
        std::string* into = each.key == "case"     ? &w.pattern
                            : each.key == "device" ? &w.device
                            : each.key == "ending" ? &w.ending
                            : each.key == "rules"  ? &w.rules
                            : each.key == "reason" ? &w.reason
                            : each.key == "link"   ? &w.link
                                                   : nullptr;
        if (!into || !each.value.is(json::Kind::string))
            return invalid(at + "'" + each.key +
                           "': expected texts under case, device, ending, rules, reason, link");
        *into = each.value.string;
    }
    if (w.pattern.empty() || w.reason.empty())
        return invalid(at +
                       "a waiver needs a \"case\" (an id, '*' stands for any text) and a "
                       "\"reason\"");
    return w;
}

}  // namespace

bool matches(const std::string& pattern, const std::string& text) {
    return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

Result<std::vector<Waiver>> read_waivers(const std::string& file) {
    const auto text = read_text_file(file);
    if (!text)
        return Status(text.status().code(),
                      "cannot read '" + file + "': " + text.status().message());
    AFS_ASSIGN(const json::Value list, json::parse(*text, {file, true}));
    if (!list.is(json::Kind::array)) return invalid(file + ": expected a list of waivers");
    std::vector<Waiver> all;
    for (const json::Value& item : list.items) {
        AFS_ASSIGN(Waiver w, read_one(item, file));
        all.push_back(std::move(w));
    }
    return all;
}

std::vector<std::string> apply_waivers(std::vector<Waiver> waivers, const std::string& device,
                                       std::vector<CaseResult>& results) {
    for (CaseResult& r : results) {
        if (!is_fault(r.ending)) continue;
        for (Waiver& w : waivers) {
            if (!matches(w.pattern, r.id) || (!w.device.empty() && !matches(w.device, device)))
                continue;
            const bool as_expected =
                (w.ending.empty() || w.ending == ending_name(r.ending)) &&
                (w.rules.empty() || r.rules.find_first_not_of(w.rules) == std::string::npos);
            if (as_expected)
                r.waiver = w.reason, ++w.n_used;
            else
                ++w.n_worse;
        }
    }
    std::vector<std::string> lines;
    for (const Waiver& w : waivers) {
        if (w.n_worse)
            lines.push_back("'" + w.pattern + "': " + std::to_string(w.n_worse) +
                            " cases end worse than it forgives (" + w.reason + ")");
        else if (!w.n_used)
            lines.push_back("'" + w.pattern + "' forgives nothing any more: take it out (" +
                            w.reason + ")");
    }
    return lines;
}

}  // namespace afs::conformance
