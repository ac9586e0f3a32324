#include <cmath>
#include <cstdio>

#include "compare/comparison.hpp"

namespace afs {
namespace {

using report::Cell;
using report::Mark;

std::string report_number(double value, const char* pattern = "%.3g") {
    char text[48];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

void add_sides(const Comparison& c, report::Report& page) {
    report::Section& section = page.add("What was compared");
    report::Facts facts;
    facts.rows = {{"model", c.model_origin.empty() ? c.model : c.model_origin},
                  {"machine", c.machine},
                  {"activations", c.base.dtype}};
    for (const std::string& text : c.changed) facts.rows.push_back({"differs", text});
    section.blocks.push_back(std::move(facts));
    report::Table table{{"side", "kernels", "plan", "launches", "copies", "fallback nodes"}, {}};
    report::Table plugins{{"side", "plugin", "version", "path", "SHA-256"}, {}};
    for (const SideFacts* side : {&c.base, &c.test}) {
        if (side->name.empty()) continue;
        table.rows.push_back({side->name, side->kernels, side->plan,
                              std::to_string(side->n_launches), std::to_string(side->n_copies),
                              std::to_string(side->n_fallback)});
        for (const Backend& b : side->backends)
            plugins.rows.push_back({side->name, b.plugin, b.version, b.path, b.sha256});
    }
    section.blocks.push_back(std::move(table));
    if (!plugins.rows.empty()) section.blocks.push_back(std::move(plugins));
}

void add_judgement(const Comparison& c, report::Report& page) {
    report::Section& section = page.add("Correctness");
    section.blocks.push_back(report::Paragraph{
        "Each node on the inputs that it really had, against exact arithmetic with the bound of "
        "its "
        "declared way of computing; the logits of " +
        std::to_string(c.n_tokens) +
        " tokens against the reference in fp64, measured by what the reference itself loses in " +
        c.base.dtype + "."});
    report::Table table{
        {"side", "steps", "verdict", "nodes judged", "in programs", "worst of bound", "logits max",
         "RMS", "reference's RMS", "KL", "reference's KL", "top-1 wrong"},
        {}};
    report::Table wrong{{"tag", "side", "steps", "op", "on", "looks like", "numbers"}, {}};
    for (const SideFacts* side : {&c.base, &c.test}) {
        if (!side->judgement) continue;
        for (const ClassJudgement& j : side->judgement->classes) {
            table.rows.push_back(
                {side->name, j.step_class, j.ok() ? Mark::ok : Mark::failed,
                 std::to_string(j.n_judged), std::to_string(j.n_in_programs),
                 report_number(j.worst_ratio, "%.2f"), report_number(j.verdict.error.max),
                 report_number(j.verdict.error.rms), report_number(j.verdict.error.their_rms),
                 report_number(j.verdict.kl), report_number(j.verdict.their_kl),
                 std::to_string(j.verdict.n_wrong) + " of " + std::to_string(j.verdict.n_decided)});
            for (const WrongTag& w : j.wrong)
                wrong.rows.push_back(
                    {w.tag, side->name, j.step_class, w.op, w.backend, w.looks_like, w.text});
        }
    }
    section.blocks.push_back(std::move(table));
    if (!wrong.rows.empty()) section.blocks.push_back(std::move(wrong));
    if (c.smallest) {
        std::string tags;
        for (const std::string& tag : c.smallest_tags) tags += (tags.empty() ? "" : ", ") + tag;
        section.blocks.push_back(report::Paragraph{
            "The smallest set of nodes on the test's kernels for which it is wrong: " + tags +
            "."});
    }
}

void add_table(const std::vector<SpeedVerdict>& verdicts, const std::string& test,
               const std::string& base, report::Table& table) {
    for (const SpeedVerdict& v : verdicts)
        table.rows.push_back(
            {v.what + ", " + test + " against " + base, report_number(v.base_rate, "%.1f"),
             report_number(v.test_rate, "%.1f"), report_number(-100 * v.change.estimate, "%+.2f"),
             v.text(test, base)});
}

void add_speed(const Comparison& c, report::Report& page) {
    report::Section& section = page.add("Speed", true);
    const std::string test = c.single ? "base again" : "test";
    report::Table table{{"test", "first tok/s", "second tok/s", "change in %", "verdict"}, {}};
    add_table(c.speed, test, c.n_cut ? "the cut base" : "base", table);
    add_table(c.price_of_cut, "the cut base", "base", table);
    add_table(c.overall, test, "base", table);
    section.blocks.push_back(std::move(table));
    report::Chart rates{
        report::Chart::Kind::lines, "tokens a second, round by round", "tok/s", {"round"}, {}};
    for (const SideTimes& side : c.timing->sides) {
        report::Series series{side.name, {}, {}};
        for (size_t i = 0; i < side.token.seconds.size(); ++i) {
            series.x.push_back(static_cast<double>(i + 1));
            series.y.push_back(2 * c.timing->generate / side.token.seconds[i]);
        }
        rates.series.push_back(std::move(series));
    }
    section.blocks.push_back(std::move(rates));
}

void add_attribution(const Comparison& c, report::Report& page) {
    if (c.attribution.empty()) return;
    report::Section& section = page.add("Where the time goes", true);
    const std::string base = c.attribution_of.empty() ? "base" : c.attribution_of;
    report::Table table{
        {"tag", "op", base + " on", "test on", base + " us", "test us", "% of the change"}, {}};
    report::Chart chart{report::Chart::Kind::bars,
                        "a decode step, unit by unit",
                        "us",
                        {},
                        {{base, {}, {}}, {"test", {}, {}}}};
    for (const Attribution& a : c.attribution) {
        table.rows.push_back(
            {a.tags, a.op, a.base_on, a.test_on, report_number(a.base_seconds * 1e6, "%.1f"),
             report_number(a.test_seconds * 1e6, "%.1f"), report_number(100 * a.share, "%.1f")});
        if (chart.labels.size() == 12) continue;
        chart.labels.push_back(a.tags);
        chart.series[0].y.push_back(a.base_seconds * 1e6);
        chart.series[1].y.push_back(a.test_seconds * 1e6);
    }
    if (c.single) chart.series.pop_back();
    section.blocks.push_back(std::move(chart));
    section.blocks.push_back(std::move(table));
}

std::string summary(const Comparison& c) {
    if (!c.right()) {
        const SideFacts& side = c.wrong_side == "base" ? c.base : c.test;
        const WrongTag* first = side.judgement ? side.judgement->first_wrong() : nullptr;
        return c.wrong_side + " computes wrong" +
               (first ? ": the first divergent tag is " + first->tag : std::string()) +
               ". No speed is shown for a wrong result.";
    }
    if (!c.measurement_error.empty()) return "Measurement error: " + c.measurement_error + ".";
    if (c.speed.empty()) return "Both sides compute right.";
    return "Both sides compute right; " + c.speed[0].what + ": " +
           c.speed[0].text(c.single ? "base again" : "test", c.n_cut ? "the cut base" : "base") +
           ".";
}

}  // namespace

report::Report comparison_report(const Comparison& c) {
    report::Report page{
        "Comparison of " + c.base.kernels + " and " + (c.single ? c.base.kernels : c.test.kernels),
        summary(c),
        c.made,
        {}};
    add_sides(c, page);
    add_judgement(c, page);
    if (c.right() && c.measurement_error.empty() && c.timing) {
        add_speed(c, page);
        add_attribution(c, page);
    }
    if (!c.notes.empty() || !c.rerun.empty()) {
        report::Section& section = page.add("Notes");
        for (const std::string& note : c.notes) section.blocks.push_back(report::Paragraph{note});
        if (!c.rerun.empty()) section.blocks.push_back(report::Verbatim{c.rerun});
    }
    return page;
}

}  // namespace afs
