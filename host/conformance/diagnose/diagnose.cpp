#include "conformance/diagnose/diagnose.hpp"

#include <map>

namespace afs::conformance {

bool fits(const Outcome& o, const bound::Judged& judged) {
    if (judged.want.empty()) return false;
    const bound::Verdict v = bound::verdict(o.output.doubles().data(), judged);
    return !v.over() && v.shape < 1.3 * v.shape_limit && v.bias < 1.5;
}

std::string looks_like(const OpCase& c, const Outcome& o, const Judgement& j) {
    // Guessing takes dozens of judgements: the first failures of an op and rule speak for the rest.
    const size_t most_guesses = c.op == "attention/1" ? 3 : 6;
    constexpr double kMostWork =
        4e6;  // of attention: a shrunk case says it sooner than a large one
    static std::map<std::string, size_t> guesses;
    if (!o.clean) return o.touched;
    if (c.op == "attention/1" &&
        static_cast<double>(c.inputs[0].size()) * c.step.max_context > kMostWork)
        return {};
    if (guesses[c.op + j.rules]++ >= most_guesses) return {};
    if (c.op == "kv_append/1") return wrong_cache(c, o);
    if (c.op == "sample/1") return wrong_draw(c, o, j);
    if (j.judged.want.empty()) return {};
    std::string text = known_mistake(c, o);
    if (text.empty()) text = undeclared_flushing(c, o);
    if (text.empty()) text = wrong_scale_or_rounding(c, o, j);
    if (text.empty()) text = wrong_precision(c, o);
    if (text.empty()) text = wrong_places(c, o, j);
    return text;
}

}  // namespace afs::conformance
