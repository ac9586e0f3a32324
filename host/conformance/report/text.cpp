#include "conformance/report/text.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace afs::conformance {
namespace {

constexpr size_t kWidth = 98;

template <class... Args>
std::string line(const char* format, Args... args) {
    char text[256];
    std::snprintf(text, sizeof text, format, args...);
    return text;
}

// As a shell takes it; blanks part arguments, which is what they are there for.
std::string quoted(const std::string& text) {
    const bool plain = text.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789./_-+=:,@ ") == std::string::npos;
    return plain ? text : "'" + text + "'";
}

std::string header(const SuiteResult& r) {
    const SubjectFacts& f = r.facts;
    std::string text = f.name + " " + f.version + ", a " + f.kind + " plugin (" + f.licence + ")";
    if (!f.domain.empty()) text += ", memory " + (f.device.empty() ? f.domain : f.device);
    text = wrapped(text, kWidth, "  ") + "\n" + wrapped(r.path, kWidth, "  ") + "\nsha256 " +
           r.sha256 + "\n";
    if (!f.about.empty()) text += wrapped(f.about, kWidth, "  ") + "\n";
    return text;
}

template <class Rows>
std::string table(const char* title, const Rows& rows, const std::vector<std::string>& order) {
    std::string text = line("\n%-14s %7s %7s %7s %9s %7s %8s\n", title, "cases", "passed", "failed",
                            "declined", "waived", "seconds");
    for (const std::string& name : order) {
        const auto it = rows.find(name);
        if (it == rows.end()) continue;
        const Tally& t = it->second;
        text += line("%-14s %7zu %7zu %7zu %9zu %7zu %8.1f\n", name.c_str(), t.cases, t.passed,
                     t.failed, t.declined, t.waived, t.seconds);
    }
    return text;
}

// Failures of one sort are shown once. Those that nobody looked at closely are counted with the
// others of their op.
std::string sort_of(const CaseResult& r) {
    return r.op + "|" + ending_name(r.ending) + "|" + r.looks_like;
}

std::string labelled(const char* label, const std::string& text) {
    return line("  %-11s ", label) + wrapped(text, kWidth - 14, std::string(14, ' ')) + "\n";
}

std::string failure(const CaseResult& r, size_t n_alike, const std::string& plugin) {
    std::string text =
        "\n" + wrapped(std::string(ending_name(r.ending)) + "  " + r.id, kWidth, "        ") + "\n";
    if (!r.rules.empty())
        text += labelled(
            "rule", r.rules + (r.element.empty() ? ""
                                                 : ", worst at " + r.element +
                                                       line(": got %.9g, expected %.9g, %.3g ulps",
                                                            r.got, r.want, r.ulps)));
    if (!r.looks_like.empty()) text += labelled("looks like", r.looks_like);
    if (!r.text.empty()) text += labelled("what", r.text);
    if (n_alike > 1) text += labelled("also", std::to_string(n_alike - 1) + " more cases like it");
    const std::string& again = r.smallest.empty() ? r.id : r.smallest;
    if (!r.smallest.empty() && r.smallest != r.id) text += labelled("smallest", r.smallest);
    return text + "  again       afs-host conformance " + quoted(plugin) + " --case " +
           quoted(again) + "\n";
}

std::string failures(const SuiteResult& result, const std::string& plugin) {
    constexpr size_t kShown = 12;
    std::map<std::string, size_t> alike;
    std::set<std::string> looked_at;  // op|ending that have a sort of their own
    const auto any = [](const CaseResult& r) { return r.op + "|" + ending_name(r.ending) + "|"; };
    for (const CaseResult& r : result.results)
        if (is_fault(r.ending) && r.waiver.empty()) {
            ++alike[sort_of(r)];
            if (!r.looks_like.empty()) looked_at.insert(any(r));
        }
    std::set<std::string> shown;
    std::string rest;
    std::string text;
    // a fault that was shrunk speaks for its like
    std::vector<const CaseResult*> order;
    for (const bool with_smallest : {true, false})
        for (const CaseResult& r : result.results)
            if (is_fault(r.ending) && r.waiver.empty() && r.smallest.empty() != with_smallest)
                order.push_back(&r);
    for (const CaseResult* r : order) {
        if (!shown.insert(sort_of(*r)).second || shown.size() > kShown) continue;
        if (r->looks_like.empty() && looked_at.count(any(*r)))
            rest += "  " + r->op + ": " + std::to_string(alike[sort_of(*r)]) + " further cases " +
                    ending_name(r->ending) + "\n";
        else
            text += failure(*r, alike[sort_of(*r)], plugin);
    }
    if (!rest.empty()) text += "\n" + rest;
    if (shown.size() > kShown)
        text += "\n" + std::to_string(shown.size() - kShown) +
                " further sorts of failure: --json lists every case\n";
    return text;
}

std::string profiles(const SuiteResult& result) {
    std::string text;
    for (const ProfileVerdict& p : result.profiles) {
        text += line("profile %-22s %-3s  ops %zu/%zu, %zu of %zu cases failed\n", p.name.c_str(),
                     p.holds() ? "yes" : "no", p.n_offered, p.n_ops, p.n_faults, p.n_cases);
        if (p.n_offered == 0) continue;  // it was not made for this
        for (size_t i = 0; i < p.missing.size() && i < 3; ++i)
            text += "  " + wrapped("lacks " + p.missing[i], kWidth - 2, "    ") + "\n";
        if (p.missing.size() > 3)
            text += "  and " + std::to_string(p.missing.size() - 3) + " more ops\n";
    }
    return text.empty() ? "" : "\n" + text;
}

// "only --op add/1 --group numeric: no verdict on the rest"
std::string narrowing(const SuiteResult& result) {
    std::string text = "only";
    for (const std::string& part : result.narrowed_by) text += " " + part;
    return text + ": no verdict on the rest";
}

std::string verdict(const SuiteResult& result, const std::string& plugin) {
    const size_t faults = result.n_faults();
    std::string text = result.conformant()                       ? "conformant"
                       : result.passed()                         ? "passed in part"
                       : result.stopped                          ? "not judged to the end"
                       : faults || !result.stale_waivers.empty() ? "NOT conformant"
                                                                 : "conformant in nothing";
    text += ": ";
    if (result.facts.kind == "kernels")
        text +=
            "ops " + std::to_string(result.n_ops()) + "/" + std::to_string(all_ops().size()) + ", ";
    text += std::to_string(result.results.size()) + " cases, " + std::to_string(faults) + " failed";
    text += line(" (suite %d, %s, %.1f s)\n", kSuiteVersion,
                 result.level == Level::full ? "full" : "quick", result.seconds);
    if (result.n_resumed)
        text += std::to_string(result.n_resumed) + " results are from the journal\n";
    if (!result.narrowed_by.empty()) text += wrapped(narrowing(result), kWidth, "  ") + "\n";
    if (result.facts.kind != "kernels") {
        for (const CaseResult& r : result.results)
            if (r.ending == Ending::declined)
                return text + "not judged: " + r.id + " (" + r.text + ")\n";
        return text;
    }
    if (result.conformant() && result.level == Level::quick)
        return text + "next: afs-host conformance " + quoted(plugin) + " --full\n";
    if (result.conformant())
        return text + "next: afs-host conformance " + quoted(plugin) + " --random 10000\n";
    return text;
}

}  // namespace

std::string wrapped(const std::string& text, size_t width, const std::string& indent) {
    std::string out, rest = text;
    size_t room = width;
    while (rest.size() > room) {
        size_t cut = rest.rfind(' ', room);
        if (cut == std::string::npos || cut < room / 2) cut = rest.find_last_of(",:/_", room - 1);
        cut = cut == std::string::npos || cut < room / 2 ? room : cut + 1;
        out += rest.substr(0, cut);
        while (!out.empty() && out.back() == ' ') out.pop_back();
        out += "\n" + indent;
        rest = rest.substr(cut);
        room = width - indent.size();
    }
    return out + rest;
}

std::string as_text(const SuiteResult& result, const std::string& plugin) {
    std::string text = header(result);
    text += table("group", result.by_group(), {std::begin(kGroups), std::end(kGroups)});
    if (!result.ops.empty()) text += table("op", result.by_op(), all_ops());
    text += failures(result, plugin);
    text += profiles(result);
    for (const std::string& each : result.stale_waivers)
        text += "\n" + wrapped("waiver " + each, kWidth, "  ") + "\n";
    return text + "\n" + verdict(result, plugin);
}

}  // namespace afs::conformance
