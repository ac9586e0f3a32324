#include "compare/side_judge.hpp"

#include <algorithm>
#include <cstdio>

#include "afs/parallel.hpp"
#include "compare/sides.hpp"
#include "trace/unit_cost.hpp"
#include "trace/workload.hpp"

namespace afs {
namespace {

struct Evidence {
    std::vector<float> logits;
    TracedValues values;
};

Result<Evidence> run_prompt(Engine& engine, const Plan& plan, const std::vector<int32_t>& ids,
                            uint32_t chunk, bool with_values) {
    Evidence evidence;
    if (with_values) {
        AFS_ASSIGN(evidence.values,
                   trace_values(engine, matching_tags(plan, "all"), ids, chunk, &evidence.logits));
    } else {
        AFS_ASSIGN(evidence.logits, engine.logits(ids, chunk));
    }
    return evidence;
}

std::string tag_of(const Plan& plan, uint32_t node) {
    return plan.abi->values[plan.abi->nodes[node]->output]->tag;
}

WrongTag wrong_tag(const Plan& plan, const Unit& unit, uint32_t node,
                   const std::string& step_class) {
    WrongTag wrong;
    wrong.node = node;
    wrong.tag = tag_of(plan, node);
    wrong.op = plan.abi->nodes[node]->op;
    wrong.backend = plan.backends[unit.backend].name;
    wrong.step_class = step_class;
    wrong.inside_program = unit.kind == UnitKind::program;
    return wrong;
}

// Every single node, by as many threads as there are processors.
void judge_nodes(const Runtime& side, const ClassPlan& plan, const std::vector<int32_t>& ids,
                 const TracedValues& values, const JudgeOptions& options, ClassJudgement& made) {
    std::vector<const Unit*> units;
    for (const Unit& unit : plan.units)
        if (unit.kind == UnitKind::op)
            units.push_back(&unit);
        else
            made.n_in_programs += static_cast<uint32_t>(unit.nodes.size());
    std::vector<NodeVerdict> verdicts(units.size());
    parallel_for(units.size(), 0, [&](size_t i) {
        if (options.stop && options.stop()) return;
        const uint32_t node = units[i]->nodes[0];
        const bool thorough = options.thorough.empty() || options.thorough[node];
        verdicts[i] = judge_node(side.plan(), side.weights(), *units[i], ids, values,
                                 thorough ? options.most_thorough : options.most);
    });
    for (size_t i = 0; i < units.size(); ++i) {
        const NodeVerdict& verdict = verdicts[i];
        made.n_judged += verdict.judged;
        if (verdict.judged && verdict.verdict.worst_ratio > made.worst_ratio) {
            made.worst_ratio = verdict.verdict.worst_ratio;
            made.worst_tag = tag_of(side.plan(), units[i]->nodes[0]);
        }
        if (!verdict.judged) {
            ++made.n_skipped;
            const std::string reason =
                tag_of_all_layers(tag_of(side.plan(), units[i]->nodes[0])) + ": " + verdict.skipped;
            if (std::find(made.skipped.begin(), made.skipped.end(), reason) == made.skipped.end())
                made.skipped.push_back(reason);
        }
        if (verdict.ok) continue;
        WrongTag wrong = wrong_tag(side.plan(), *units[i], units[i]->nodes[0], made.step_class);
        wrong.text = verdict.verdict.text();
        wrong.looks_like = verdict.looks_like;
        made.wrong.push_back(std::move(wrong));
    }
}

// Where the logits are wrong and no single node is: the first value of a program that is farther
// from fp64's than the reference's own rounding takes it.
void search_programs(const Runtime& side, const ClassPlan& plan, const Truth& truth,
                     const TracedValues& values, ClassJudgement& made) {
    std::vector<std::pair<uint32_t, const Unit*>> nodes;
    for (const Unit& unit : plan.units)
        if (unit.kind == UnitKind::program)
            for (const uint32_t node : unit.nodes) nodes.push_back({node, &unit});
    std::sort(nodes.begin(), nodes.end());
    for (const auto& [node, unit] : nodes) {
        const std::string tag = tag_of(side.plan(), node);
        const auto got = values.find(tag), exact = truth.exact_values.find(tag),
                   rounded = truth.rounded_values.find(tag);
        if (got == values.end() || exact == truth.exact_values.end() ||
            rounded == truth.rounded_values.end() ||
            got->second.data.size() != exact->second.data.size())
            continue;
        const ErrorRatio error =
            error_ratio(got->second.data, exact->second.data, &rounded->second.data,
                        static_cast<size_t>(exact->second.width()));
        if (error.holds(side.dtype() == "fp32" ? kOrderOfSums : 1)) continue;
        WrongTag wrong = wrong_tag(side.plan(), *unit, node, made.step_class);
        char text[160];
        std::snprintf(text, sizeof text,
                      "from fp64: max %.3g, RMS %.3g; the reference's own %.3g, %.3g", error.max,
                      error.rms, error.their_max, error.their_rms);
        wrong.text = text;
        made.wrong.push_back(std::move(wrong));
        return;
    }
}

}  // namespace

bool SideJudgement::ok() const {
    return std::all_of(classes.begin(), classes.end(), [](const auto& c) { return c.ok(); });
}

const ClassJudgement* SideJudgement::first_bad() const {
    for (const ClassJudgement& each : classes)
        if (!each.ok()) return &each;
    return nullptr;
}

const WrongTag* SideJudgement::first_wrong() const {
    for (const ClassJudgement& each : classes)
        if (!each.wrong.empty()) return &each.wrong.front();
    return nullptr;
}

Result<Truth> find_truth(const Config& config, const Runtime& weights_of,
                         const std::string& random_weights, const std::vector<int32_t>& ids,
                         bool with_values) {
    Truth truth;
    truth.n_valid = static_cast<size_t>(valid_ids(weights_of));
    RuntimeOptions options;
    options.tokenizer = false;
    options.random_weights = random_weights;
    options.weights_of = &weights_of;
    for (const bool exact : {true, false}) {
        AFS_ASSIGN(const Config judge, judge_config(config, exact ? "fp64" : ""));
        auto runtime = Runtime::open(judge, options);
        if (!runtime) return runtime.status().context("cannot open the judge");
        AFS_ASSIGN(Evidence evidence,
                   run_prompt((*runtime)->engine(), (*runtime)->plan(), ids, 0, with_values));
        (exact ? truth.exact : truth.rounded) = std::move(evidence.logits);
        (exact ? truth.exact_values : truth.rounded_values) = std::move(evidence.values);
    }
    return truth;
}

Result<SideJudgement> judge_side(Runtime& side, const Truth& truth, const std::vector<int32_t>& ids,
                                 const JudgeOptions& options) {
    SideJudgement judgement;
    for (const uint32_t chunk : {0u, 1u}) {
        ClassJudgement made;
        made.step_class = chunk ? "decode steps" : "prompt steps";
        const ClassPlan& plan = side.plan().class_for(chunk == 1);
        AFS_ASSIGN(Evidence evidence,
                   run_prompt(side.engine(), side.plan(), ids, chunk, options.local));
        if (options.local) judge_nodes(side, plan, ids, evidence.values, options, made);
        if (options.stop && options.stop()) return Status(Code::cancelled, "interrupted");
        made.verdict =
            judge_logits(evidence.logits, truth.exact, truth.rounded,
                         truth.exact.size() / ids.size(), truth.n_valid, side.dtype() == "fp32");
        if (!made.verdict.ok && made.wrong.empty())
            search_programs(side, plan, truth, evidence.values, made);
        made.logits = std::move(evidence.logits);
        judgement.classes.push_back(std::move(made));
    }
    return judgement;
}

}  // namespace afs
