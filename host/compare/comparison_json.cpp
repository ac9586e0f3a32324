#include <nlohmann/json.hpp>

#include "compare/comparison.hpp"
#include "planner/backend_form.hpp"
#include "report/json_list.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const LogitVerdict& v) {
    return {{"ok", v.ok},
            {"why", v.why},
            {"max", v.error.max},
            {"rms", v.error.rms},
            {"p999", v.p999},
            {"kl", v.kl},
            {"reference",
             {{"max", v.error.their_max},
              {"rms", v.error.their_rms},
              {"p999", v.their_p999},
              {"kl", v.their_kl}}},
            {"slack", v.error.slack},
            {"tokens", v.n_tokens},
            {"decided", v.n_decided},
            {"wrong_top1", v.n_wrong},
            {"first_divergent_token", v.first_divergent},
            {"margin", v.margin}};
}

Json as_json(const WrongTag& w) {
    return {{"tag", w.tag},         {"op", w.op},
            {"kernels", w.backend}, {"inside_program", w.inside_program},
            {"text", w.text},       {"looks_like", w.looks_like}};
}

Json as_json(const ClassJudgement& c) {
    return {{"steps", c.step_class},
            {"ok", c.ok()},
            {"nodes_judged", c.n_judged},
            {"nodes_in_programs", c.n_in_programs},
            {"nodes_skipped", c.n_skipped},
            {"skipped", c.skipped},
            {"worst_ratio", c.worst_ratio},
            {"worst_tag", c.worst_tag},
            {"logits", as_json(c.verdict)},
            {"wrong", json_list(c.wrong, [](const WrongTag& w) { return as_json(w); })}};
}

Json as_json(const SideFacts& side) {
    Json json = {{"name", side.name},
                 {"kernels", side.kernels},
                 {"plan", side.plan},
                 {"dtype", side.dtype},
                 {"launches", side.n_launches},
                 {"copies", side.n_copies},
                 {"fallback_nodes", side.n_fallback},
                 {"plugins", json_list(side.backends, backend_form)}};
    if (!side.judgement) return json;
    json["right"] = side.judgement->ok();
    json["judgement"] =
        json_list(side.judgement->classes, [](const ClassJudgement& c) { return as_json(c); });
    return json;
}

const char* outcome_name(const SpeedVerdict& v) {
    return v.outcome == SpeedVerdict::Outcome::faster   ? "faster"
           : v.outcome == SpeedVerdict::Outcome::slower ? "slower"
                                                        : "no difference shown";
}

Json as_json(const std::vector<SpeedVerdict>& verdicts) {
    return json_list(verdicts, [](const SpeedVerdict& v) -> Json {
        return {{"what", v.what},
                {"verdict", outcome_name(v)},
                {"base_tokens_per_second", v.base_rate},
                {"test_tokens_per_second", v.test_rate},
                {"log_time_ratio", v.change.estimate},
                {"low", v.change.low},
                {"high", v.change.high},
                {"noise_floor", v.floor}};
    });
}

Json as_json(const SideTimes& side) {
    return {{"name", side.name},
            {"prompt_seconds", side.prompt.seconds},
            {"prompt_change", side.prompt.change},
            {"token_seconds", side.token.seconds},
            {"token_change", side.token.change}};
}

Json as_json(const Timing& timing) {
    return {
        {"prompt", timing.prompt},
        {"generate", timing.generate},
        {"rounds", timing.n_rounds},
        {"sessions", timing.n_sessions},
        {"sides", json_list(timing.sides, [](const SideTimes& side) { return as_json(side); })}};
}

Json as_json(const Attribution& a) {
    return {{"tags", a.tags},
            {"op", a.op},
            {"base_on", a.base_on},
            {"test_on", a.test_on},
            {"base_seconds", a.base_seconds},
            {"test_seconds", a.test_seconds},
            {"share", a.share}};
}

}  // namespace

std::string comparison_json(const Comparison& c) {
    Json json = {{"afs", c.single ? "run" : "comparison"},
                 {"made", c.made},
                 {"model", c.model},
                 {"model_origin", c.model_origin},
                 {"machine", c.machine},
                 {"right", c.right()},
                 {"wrong_side", c.wrong_side},
                 {"changed", c.changed},
                 {"same_kernels", c.same_kernels},
                 {"tokens", c.n_tokens},
                 {"base", as_json(c.base)}};
    if (!c.single) json["test"] = as_json(c.test);
    if (c.single) json["settings"] = c.settings;
    if (!c.right()) {
        if (c.smallest)
            json["smallest_set"] = {{"tags", c.smallest_tags},
                                    {"minimal", c.smallest->minimal},
                                    {"runs", c.smallest->n_runs}};
        if (!c.case_folder.empty()) json["case"] = c.case_folder;
    } else if (!c.measurement_error.empty()) {
        json["measurement_error"] = c.measurement_error;
    } else if (c.timing) {
        json["timing"] = as_json(*c.timing);
        json["speed"] = as_json(c.speed);
        if (c.n_cut) {
            json["cut_nodes"] = c.n_cut;
            json["price_of_cut"] = as_json(c.price_of_cut);
            json["overall"] = as_json(c.overall);
        }
        json["attribution"] =
            json_list(c.attribution, [](const Attribution& a) { return as_json(a); });
    }
    json["notes"] = c.notes;
    json["rerun"] = c.rerun;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace afs
