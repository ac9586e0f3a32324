#include "conformance/diagnose/diagnose.hpp"

#include <cmath>

namespace afs::conformance {

bool fits(const Outcome& o, const bound::Judged& judged) {
    if (judged.want.empty()) return false;
    const bound::Verdict v = bound::verdict(o.output.doubles().data(), judged);
    return !v.over() && v.shape < 2 * v.shape_limit;
}

std::string looks_like(const OpCase& c, const Outcome& o, const Judgement& j) {
    if (!o.clean) return o.touched;
    if (c.op == "kv_append/1") return wrong_cache(c, o);
    if (c.op == "sample/1") return wrong_draw(c, o, j);
    if (j.judged.want.empty()) return {};
    std::string text = known_mistake(c, o, j);
    if (text.empty()) text = wrong_scale_or_rounding(c, o, j);
    if (text.empty()) text = wrong_places(c, o, j);
    return text;
}

}  // namespace afs::conformance
