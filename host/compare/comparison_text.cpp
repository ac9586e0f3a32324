#include <algorithm>
#include <cstdio>

#include "compare/comparison.hpp"

namespace afs {
namespace {

constexpr size_t kColumns = 100, kMostAttributed = 5;

std::string text_number(double value, const char* pattern = "%.3g") {
    char text[48];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

std::string left(std::string text, size_t width) {
    if (text.size() > width) text = text.substr(0, width - 2) + "..";
    text.resize(width, ' ');
    return text;
}

std::string right(const std::string& text, size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// A labelled line, broken at spaces so that it fits.
void add(std::string& out, const std::string& label, const std::string& text) {
    std::string line = left(label, 10) + text;
    while (line.size() > kColumns) {
        size_t at = line.rfind(' ', kColumns);
        if (at == std::string::npos || at <= 10) at = kColumns;
        out += line.substr(0, at) + "\n";
        const size_t next = line.find_first_not_of(' ', at);
        line = next == std::string::npos ? "" : std::string(10, ' ') + line.substr(next);
    }
    if (!line.empty()) out += line + "\n";
}

std::string count(uint64_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string judged_text(const SideJudgement& judgement) {
    const ClassJudgement& c = judgement.classes.front();
    double worst = 0;
    std::string tag;
    for (const ClassJudgement& each : judgement.classes)
        if (each.worst_ratio > worst) worst = each.worst_ratio, tag = each.worst_tag;
    std::string text = "right: " + count(c.n_judged, "node") + " on their own inputs";
    if (c.n_judged)
        text += ", the worst at " + text_number(worst, "%.2f") + " of its bound (" + tag + ")";
    if (c.n_in_programs) text += "; " + count(c.n_in_programs, "node") + " in programs";
    return text + "; logits RMS " + text_number(c.verdict.error.rms) + " (reference " +
           text_number(c.verdict.error.their_rms) + ")";
}

void add_wrong(std::string& out, const std::string& name, const SideJudgement& judgement) {
    const WrongTag* first = judgement.first_wrong();
    const ClassJudgement& bad = *judgement.first_bad();
    if (!first) {
        add(out, name, "WRONG in " + bad.step_class + ": " + bad.verdict.why);
        return;
    }
    add(out, name,
        "WRONG: the first divergent tag is " + first->tag + " (" + first->op + " on " +
            first->backend + ", " + first->step_class + ")" +
            (first->looks_like.empty() ? "" : ": " + first->looks_like));
    add(out, "", first->text);
    size_t more = 0;
    for (const ClassJudgement& each : judgement.classes) more += each.wrong.size();
    const std::string others = more > 1 ? count(more - 1, "finding") + " more; " : std::string();
    add(out, "",
        others + "logits " +
            (bad.verdict.ok ? std::string("within their limits") : bad.verdict.why));
}

std::string token_text(const SideFacts& side) {
    const LogitVerdict& v = side.judgement->classes.front().verdict;
    if (v.first_divergent < 0) return "all as fp64's";
    return "token " + std::to_string(v.first_divergent) + " is the first to differ from fp64's" +
           (v.n_wrong ? ", " + count(v.n_wrong, "token") + " beyond rounding"
                      : " (margin " + text_number(v.margin) + ", within rounding)");
}

void add_speed(std::string& out, const char* label, const std::vector<SpeedVerdict>& verdicts,
               const std::string& test, const std::string& base) {
    for (const SpeedVerdict& v : verdicts) {
        add(out, label,
            left(v.what, 7) + text_number(v.base_rate, "%.1f") + " against " +
                text_number(v.test_rate, "%.1f") + " tok/s: " + v.text(test, base));
        label = "";
    }
}

// Only a difference that is shown can be laid to somebody.
void add_attribution(std::string& out, const Comparison& c) {
    double base = 0, test = 0;
    for (const Attribution& a : c.attribution) base += a.base_seconds, test += a.test_seconds;
    const bool shown = std::any_of(c.speed.begin(), c.speed.end(), [](const SpeedVerdict& v) {
        return v.outcome != SpeedVerdict::Outcome::none;
    });
    if (!c.single && !shown) {
        add(out, "where",
            "nothing to lay to anybody; a decode step, unit by unit, is " +
                text_number(base * 1e6, "%.0f") + " against " + text_number(test * 1e6, "%.0f") +
                " us");
        return;
    }
    const char* label = "where";
    size_t n = 0;
    for (const Attribution& a : c.attribution) {
        if (n++ == kMostAttributed) break;
        const std::string on = a.base_on == a.test_on || a.test_on.empty()
                                   ? a.base_on
                                   : (a.base_on.empty() ? "-" : a.base_on) + " -> " + a.test_on;
        std::string text = left(a.tags, 24) + " " + left(on, 24) +
                           right(text_number(a.base_seconds * 1e6, "%.1f"), 9);
        text += c.single ? " us"
                         : " ->" + right(text_number(a.test_seconds * 1e6, "%.1f"), 9) + " us" +
                               right(text_number(100 * a.share, "%.0f"), 6) + " % of it";
        add(out, label, text);
        label = "";
    }
}

}  // namespace

std::string comparison_text(const Comparison& c) {
    std::string out;
    add(out, "model", c.model + ", " + c.base.dtype + ", on " + c.machine);
    add(out, "base", c.base.kernels + ", plan " + c.base.plan);
    if (!c.single) {
        add(out, "test",
            c.test.kernels + ", plan " + c.test.plan +
                (c.same_kernels ? "; every node on the same kernels" : ""));
    }
    if (c.base.judgement) {
        if (c.n_tokens)
            add(out, "judged",
                count(c.n_tokens, "token") +
                    " in prompt steps and in decode steps, by the reference in fp64");
        for (const SideFacts* side : {&c.base, &c.test}) {
            if (!side->judgement) continue;
            if (side->judgement->ok())
                add(out, "  " + side->name, judged_text(*side->judgement));
            else
                add_wrong(out, "  " + side->name, *side->judgement);
            add(out, "", "top-1: " + token_text(*side));
        }
    }
    if (!c.right()) {
        if (c.smallest) {
            std::string tags;
            for (size_t i = 0; i < std::min<size_t>(c.smallest_tags.size(), 4); ++i)
                tags += (i ? ", " : "") + c.smallest_tags[i];
            if (c.smallest_tags.size() > 4) tags += ", ..";
            add(out, "smallest",
                count(c.smallest_tags.size(), "node") +
                    (c.smallest_tags.size() == 1 ? " alone is" : " are") + " enough: " + tags +
                    (c.smallest->minimal ? "" : " (the search was cut short)"));
        }
        if (!c.case_folder.empty()) add(out, "case", c.case_folder);
        add(out, "speed", "none is shown for a wrong result");
    } else if (!c.measurement_error.empty()) {
        add(out, "speed", "none is shown: " + c.measurement_error + "; measure again");
    } else if (c.timing) {
        if (c.n_cut) {
            add(out, "cut",
                count(c.n_cut, "node") +
                    " of the base's programs run elsewhere in the test: the kernel is "
                    "measured against a base that is cut there too");
            add_speed(out, "speed", c.speed, "test", "the cut base");
            add_speed(out, "the cut", c.price_of_cut, "the cut base", "base");
            add_speed(out, "in all", c.overall, "test", "base");
        } else {
            add_speed(out, "speed", c.speed, c.single ? "base again" : "test", "base");
        }
        add_attribution(out, c);
        if (!c.from_saved)
            add(out, "launches",
                std::to_string(c.base.n_launches) +
                    (c.single ? "" : " against " + std::to_string(c.test.n_launches)) +
                    " a decode step; copies " + std::to_string(c.base.n_copies) +
                    (c.single ? "" : " against " + std::to_string(c.test.n_copies)) +
                    "; nodes by fallback " + std::to_string(c.base.n_fallback) +
                    (c.single ? "" : " against " + std::to_string(c.test.n_fallback)));
    }
    for (const std::string& note : c.notes) add(out, "note", note);
    if (!c.rerun.empty()) add(out, "next", c.rerun);
    return out;
}

}  // namespace afs
