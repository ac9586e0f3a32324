// What kind of bug a wrong output looks like, in words for its author: the output is compared with
// what well-known mistakes would give, then with the pattern of where it is wrong.
#pragma once
#include <string>

#include "conformance/judge/judgement.hpp"

namespace afs::conformance {

// Empty: it looks like nothing known, or enough of its like have been looked at in this process.
// The outcome's status is OK and the judgement is not.
std::string looks_like(const OpCase& c, const Outcome& o, const Judgement& j);

// Its parts, of which the first that knows something speaks.
std::string known_mistake(const OpCase& c, const Outcome& o);
std::string undeclared_flushing(const OpCase& c, const Outcome& o);
std::string wrong_scale_or_rounding(const OpCase& c, const Outcome& o, const Judgement& j);
std::string wrong_precision(const OpCase& c, const Outcome& o);
std::string wrong_places(const OpCase& c, const Outcome& o, const Judgement& j);
std::string wrong_cache(const OpCase& c, const Outcome& o);                     // kv_append/1
std::string wrong_draw(const OpCase& c, const Outcome& o, const Judgement& j);  // sample/1

// Whether an output would be right if this were.
bool fits(const Outcome& o, const bound::Judged& judged);

}  // namespace afs::conformance
