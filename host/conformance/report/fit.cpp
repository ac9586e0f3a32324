// How near known-good kernels come to each limit: the numbers by which the bounds' constants are
// fitted, on whatever machine this runs.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "conformance/report/text.hpp"

namespace afs::conformance {
namespace {

struct Sample {
    std::vector<double> h, s, b;
};

double quantile(std::vector<double> values, double at) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(at * static_cast<double>(values.size() - 1))];
}

}  // namespace

std::string fit_text(const SuiteResult& result) {
    std::map<std::string, Sample> all;
    std::map<std::string, std::string> how;
    for (const CaseResult& r : result.results) {
        const auto spec = parse_case(r.id);
        if (!spec || r.arithmetic.empty()) continue;
        const std::string name = spec->op + " " + r.id.substr(r.id.find(':') + 1);
        const std::string key = name.substr(0, name.find(':', name.find(':') + 1));
        Sample& sample = all[key];
        for (const auto& [value, into] :
             {std::pair(r.h, &sample.h), std::pair(r.s, &sample.s), std::pair(r.b, &sample.b)})
            if (std::isfinite(value)) into->push_back(value);
        how[key] = r.arithmetic;
    }
    std::string text =
        "share of each limit that was used: 1 is the limit, above it a case fails\n\n"
        "op, activations:weights     cases   H 50%  H 99%  H max   S max   B max  declared\n";
    for (const auto& [key, sample] : all) {
        if (quantile(sample.h, 1) == 0 && quantile(sample.s, 1) == 0) continue;  // exact ops
        char row[200];
        std::snprintf(row, sizeof row, "%-27s %5zu  %6.2f %6.2f %6.2f  %6.2f  %6.2f  %.24s\n",
                      key.c_str(), sample.h.size(), quantile(sample.h, 0.5),
                      quantile(sample.h, 0.99), quantile(sample.h, 1), quantile(sample.s, 1),
                      quantile(sample.b, 1), how[key].c_str());
        text += row;
    }
    return text;
}

}  // namespace afs::conformance
