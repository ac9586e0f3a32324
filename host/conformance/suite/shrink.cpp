#include "conformance/suite/shrink.hpp"

#include <algorithm>
#include <set>

#include "conformance/cases/make_case.hpp"

namespace afs::conformance {
namespace {

std::string text_of(const std::vector<std::pair<int32_t, int32_t>>& sequences) {
    std::string text;
    for (const auto& [past, now] : sequences)
        text += (text.empty() ? "" : "_") + std::to_string(past) + "+" + std::to_string(now);
    return text;
}

// Smaller numbers to try for one, the boldest first.
std::vector<int64_t> smaller(int64_t value) {
    std::vector<int64_t> some;
    for (const int64_t each : {int64_t{1}, value / 8, value / 2, value * 3 / 4, value - 1})
        if (each >= 0 && each < value && std::find(some.begin(), some.end(), each) == some.end())
            some.push_back(each);
    return some;
}

std::vector<CaseSpec> sequence_neighbours(const CaseSpec& from) {
    std::vector<CaseSpec> all;
    const auto parsed = parse_sequences(from.text("seqs"));
    if (!parsed) return all;
    const auto with = [&](const auto& sequences) {
        CaseSpec next = from;
        all.push_back(next.set("seqs", text_of(sequences)));
    };
    for (size_t i = 0; i < parsed->size() && parsed->size() > 1; ++i) {
        auto fewer = *parsed;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        with(fewer);
    }
    for (size_t i = 0; i < parsed->size(); ++i) {
        for (const int64_t past : smaller((*parsed)[i].first)) {
            auto less = *parsed;
            less[i].first = static_cast<int32_t>(past);
            with(less);
        }
        for (const int64_t now : smaller((*parsed)[i].second)) {
            auto less = *parsed;
            less[i].second = static_cast<int32_t>(std::max<int64_t>(now, 1));
            if (less != *parsed) with(less);
        }
    }
    return all;
}

std::vector<CaseSpec> neighbours(const CaseSpec& from) {
    std::vector<CaseSpec> all;
    for (const auto& [key, value] : from.params) {
        if (key == "seqs") {
            for (CaseSpec& each : sequence_neighbours(from)) all.push_back(std::move(each));
            continue;
        }
        static const std::set<std::string> sizes = {"n",  "m", "k", "d",  "h",  "kv",
                                                    "hd", "v", "r", "bs", "pad"};
        if (!sizes.count(key)) continue;
        for (const int64_t less : smaller(from.number(key))) {
            CaseSpec next = from;
            next.set(key, less);
            if (key == "kv" && from.number("h"))  // the group stays
                next.set("h", from.number("h") / from.number("kv") * less);
            all.push_back(std::move(next));
        }
    }
    return all;
}

bool same_fault(const CaseResult& a, const CaseResult& b) {
    return a.ending == b.ending;
}

}  // namespace

Shrunk shrink(const CaseSpec& failing, const CaseResult& result, const RunCase& run,
              size_t most_runs, std::chrono::steady_clock::time_point end) {
    Shrunk best{failing, result, 0};
    std::set<std::string> tried = {failing.id()};
    for (bool better = true; better;) {
        better = false;
        for (const CaseSpec& next : neighbours(best.spec)) {
            if (best.n_runs >= most_runs || std::chrono::steady_clock::now() > end) return best;
            if (!tried.insert(next.id()).second || !make_case(next).ok()) continue;
            ++best.n_runs;
            const CaseResult r = run(next.id());
            if (!same_fault(r, result)) continue;
            best.spec = next, best.result = r, better = true;
            break;
        }
    }
    return best;
}

}  // namespace afs::conformance
