#include "doctor/sanity.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runtime/open_model.hpp"

namespace afs {
namespace {

using report::Mark;

constexpr const char* kPrompt = "Once upon a time";

// How far two backends may be apart in the logarithm of a probability, by rounding of activations
// alone, before the difference counts as one of theirs.
double tolerance(const std::string& dtype) {
    return dtype == "fp32" || dtype == "fp64" ? 0.01 : 0.25;
}

// The log-probability of an id at a step, if it was among the likeliest there.
double logprob_of(const RecordedRun& run, size_t step, int32_t id) {
    if (step < run.top.size())
        for (const auto& [other, logprob] : run.top[step])
            if (other == id) return logprob;
    return -INFINITY;
}

// The larger distance; one that is no number is the largest of all.
double further(double most, double difference) {
    return std::isnan(difference) ? INFINITY : std::max(most, std::abs(difference));
}

std::string decimal(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
}

}  // namespace

void judge(const std::string& a_name, const RecordedRun& a, SanityRun& b) {
    const RecordedRun& other = *b.run;
    size_t same = 0;
    double apart = 0;  // most, over the steps that both took from the same text
    while (same < std::min(a.ids.size(), other.ids.size()) && a.ids[same] == other.ids[same]) {
        if (same < std::min(a.logprobs.size(), other.logprobs.size()))
            apart = further(apart, a.logprobs[same] - other.logprobs[same]);
        ++same;
    }
    const double limit = tolerance(other.dtype);
    const std::string count = std::to_string(same) + (same == 1 ? " token" : " tokens");
    if (!(apart <= limit)) {
        b.mark = Mark::failed;
        b.verdict = "log-probabilities are up to " + decimal(apart) + " from those of " + a_name +
                    ", more than the " + decimal(limit) + " that rounding explains";
    } else if (same == a.ids.size() && same == other.ids.size()) {
        b.verdict =
            "the same " + count + " as " + a_name + ", log-probabilities within " + decimal(apart);
    } else {
        const bool both = same < a.ids.size() && same < other.ids.size();
        const double gap =
            both ? std::max(a.logprobs[same] - logprob_of(a, same, other.ids[same]),
                            other.logprobs[same] - logprob_of(other, same, a.ids[same]))
                 : INFINITY;
        const bool tie = gap <= limit;
        b.mark = tie ? Mark::ok : Mark::failed;
        b.verdict = "the same " + count + " as " + a_name + ", then another" +
                    (tie ? ": a tie, " + decimal(gap) + " apart" : " that it holds for unlikely");
    }
}

double SanityRun::tokens_per_second() const {
    if (!run.ok() || run->ids.size() < 2 || !(run->decode_seconds > 0)) return 0;
    return static_cast<double>(run->ids.size() - 1) / run->decode_seconds;
}

bool Sanity::ok() const {
    return !runs.empty() && std::none_of(runs.begin(), runs.end(), [](const SanityRun& run) {
        return run.mark == Mark::failed;
    });
}

std::vector<std::string> sanity_kernels(const Config& config, const Diagnosis& diagnosis) {
    const bool named = config.origin("kernels").rfind("command line", 0) == 0;
    std::vector<std::string> kernels = named ? config.list("kernels") : diagnosis.usable("kernels");
    std::stable_partition(kernels.begin(), kernels.end(),
                          [](const std::string& name) { return name == "reference"; });
    return kernels;
}

Sanity run_sanity(const Config& config, const std::vector<std::string>& kernels,
                  const SanityOptions& options) {
    Sanity out{kPrompt, {}};
    RecordedRun wanted;
    wanted.config = render_for_others(config);
    wanted.prompt = kPrompt;
    wanted.max_tokens = options.max_tokens;
    const SanityRun* first = nullptr;
    out.runs.reserve(kernels.size());
    for (const std::string& name : kernels) {
        RunAgain how;
        how.overrides = {{"kernels", name},
                         {"sampling.temperature", "0"},
                         {"sampling.repetition_penalty", "1"},
                         {"engine.max_sequences", "1"},
                         {"engine.max_context", "256"}};
        how.logprobs = true;
        how.timeout_seconds = options.timeout_seconds;
        how.program = options.program;
        if (options.progress) how.progress = [&](size_t tokens) { options.progress(name, tokens); };
        out.runs.push_back({name, run_again(wanted, how), Mark::ok, ""});
        SanityRun& run = out.runs.back();
        if (!run.run) {
            run.mark = Mark::failed;
            run.verdict = run.run.status().message();
        } else if (!first) {
            first = &run;
            run.verdict = "ran; the others are compared with it";
        } else {
            judge(first->kernels, *first->run, run);
        }
    }
    return out;
}

void add_findings(const Sanity& sanity, Diagnosis& out) {
    const auto add = [&out](const std::string& check, Finding finding) {
        out.findings.push_back({kSanityChecks, check, std::move(finding)});
    };
    if (sanity.runs.empty())
        add("sanity", {AFS_CHECK_FAIL, "sanity", "no kernel plugin works here",
                       "one that runs the model", "afs-host plugins list says why not"});
    for (const SanityRun& run : sanity.runs) {
        const bool failed = run.mark == Mark::failed;
        add(run.kernels,
            {failed ? AFS_CHECK_FAIL : AFS_CHECK_OK, "sanity." + run.kernels, run.verdict, "",
             failed ? "look at it alone: afs-host generate --prompt \"" + sanity.prompt +
                          "\" --kernels " + run.kernels
                    : ""});
    }
}

void write_sanity(const Sanity& sanity, report::Section& section, report::Section& timings) {
    report::Table table{{"kernels", "status", "verdict", "text"}, {}};
    report::Table speeds{{"kernels", "load ms", "prompt tok/s", "generated tok/s"}, {}};
    report::Facts facts;
    for (const SanityRun& one : sanity.runs) {
        table.rows.push_back({one.kernels, one.mark, one.verdict, one.run ? one.run->text : ""});
        if (!one.run) continue;
        const RecordedRun& run = *one.run;
        if (facts.rows.empty())
            facts.rows = {
                {"model", run.model}, {"activations", run.dtype}, {"prompt", sanity.prompt}};
        const double prompt = run.prefill_seconds > 0
                                  ? static_cast<double>(run.prompt_ids.size()) / run.prefill_seconds
                                  : 0;
        char text[3][32];
        std::snprintf(text[0], sizeof text[0], "%.0f", run.load_seconds * 1e3);
        std::snprintf(text[1], sizeof text[1], "%.1f", prompt);
        std::snprintf(text[2], sizeof text[2], "%.1f", one.tokens_per_second());
        speeds.rows.push_back({one.kernels, text[0], text[1], text[2]});
    }
    if (!facts.rows.empty()) section.add(std::move(facts));
    section.add(std::move(table));
    if (!speeds.rows.empty()) timings.add(std::move(speeds));
}

std::string sanity_json(const Sanity& sanity) {
    using json::Value;
    Value runs = Value::array();
    for (const SanityRun& one : sanity.runs) {
        Value run = Value::object()
                        .add("kernels", Value::of(one.kernels))
                        .add("status", Value::of(report::mark_word(one.mark)))
                        .add("verdict", Value::of(one.verdict));
        if (one.run) run.add("run", write_record(*one.run));
        runs.add(std::move(run));
    }
    return json::dump(Value::object()
                          .add("made", Value::of(report::time_text()))
                          .add("ok", Value::of(sanity.ok()))
                          .add("prompt", Value::of(sanity.prompt))
                          .add("runs", std::move(runs)),
                      2) +
           "\n";
}

}  // namespace afs
