// Generation settings: in range, and in agreement with config.json.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "checks.hpp"

namespace env_model {
namespace {

struct Range {
    const char* key;
    double least, most;
};

std::string decimal(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

std::string list_of(const std::vector<int64_t>& numbers) {
    std::string out;
    for (const int64_t n : numbers) out += (out.empty() ? "" : ", ") + std::to_string(n);
    return out;
}

void check_stops(const Json* config, const Json* generation, Findings& out) {
    const std::vector<int64_t> of_model = ids(config, "eos_token_id"),
                               of_run = ids(generation, "eos_token_id");
    if (of_model.empty() && of_run.empty()) {
        out.push_back({AFS_CHECK_WARN, "generation.stop", "no eos_token_id is stated",
                       "an id at which a text ends",
                       "a text ends only at --max-tokens; state eos_token_id in "
                       "generation_config.json"});
        return;
    }
    const bool differ = !of_model.empty() && !of_run.empty() &&
                        !std::all_of(of_model.begin(), of_model.end(), [&](int64_t id) {
                            return std::find(of_run.begin(), of_run.end(), id) != of_run.end();
                        });
    out.push_back({differ ? AFS_CHECK_INFO : AFS_CHECK_OK, "generation.stop",
                   differ ? "generation_config.json: " + list_of(of_run) +
                                "; config.json: " + list_of(of_model)
                          : list_of(of_run.empty() ? of_model : of_run),
                   "", differ ? "a text ends at any of them" : ""});
}

}  // namespace

Findings check_generation(const Look& look) {
    const ActiveModel& model = look.model;
    if (!model.there || model.gguf || !model.facts()) return {};
    Findings out;
    const Json* generation = model.generation.value ? &*model.generation.value : nullptr;
    if (!generation)
        out.push_back({AFS_CHECK_INFO, "generation", "no generation_config.json: greedy", "", ""});
    for (const Range& range : {Range{"temperature", 0, 100},
                               {"top_p", 0, 1},
                               {"min_p", 0, 1},
                               {"top_k", 0, 1e9},
                               {"repetition_penalty", 0.01, 100}})
        if (const auto value = number(generation, range.key);
            value && !(*value >= range.least && *value <= range.most))
            out.push_back({AFS_CHECK_FAIL, std::string("generation.") + range.key, decimal(*value),
                           "from " + decimal(range.least) + " to " + decimal(range.most),
                           "correct generation_config.json, or set sampling." +
                               std::string(range.key) + " in the configuration"});
    const Json* samples = member(generation, "do_sample");
    if (number(generation, "temperature") && (!samples || *samples == false))
        out.push_back({AFS_CHECK_INFO, "generation.temperature",
                       "stated, but do_sample is not true: greedy", "",
                       "set sampling.temperature (--temperature) to draw"});
    check_stops(model.facts(), generation, out);
    return out;
}

}  // namespace env_model
