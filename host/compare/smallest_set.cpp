#include "compare/smallest_set.hpp"

#include <algorithm>

namespace afs {
namespace {

std::string backend_name(const Plan& plan, const Placement& placement) {
    return placement.backend == kHostOwned ? "" : plan.backends[placement.backend].name;
}

std::string node_tag(const Plan& plan, uint32_t node) {
    return plan.abi->values[plan.abi->nodes[node]->output]->tag;
}

}  // namespace

std::vector<uint32_t> differing_nodes(const Plan& base, const Plan& test) {
    std::vector<uint32_t> nodes;
    for (uint32_t n = 0; n < base.abi->n_nodes && n < test.abi->n_nodes; ++n)
        for (const bool decode : {false, true}) {
            const Placement &a = base.class_for(decode).placements[n],
                            &b = test.class_for(decode).placements[n];
            if (a.claimed == b.claimed && backend_name(base, a) == backend_name(test, b)) continue;
            nodes.push_back(n);
            break;
        }
    return nodes;
}

Result<SmallestSet> smallest_set(
    const std::vector<uint32_t>& all,
    const std::function<Result<bool>(const std::vector<uint32_t>&)>& wrong, uint32_t most) {
    SmallestSet found{all, 0, false};
    size_t parts = 2;
    while (found.nodes.size() > 1) {
        const size_t n = found.nodes.size();
        parts = std::min(parts, n);
        bool shrunk = false;
        // Each part alone, then everything but it.
        for (const bool alone : {true, false}) {
            for (size_t p = 0; p < parts && !shrunk; ++p) {
                if (found.n_runs == most) return found;
                const auto from = static_cast<std::ptrdiff_t>(n * p / parts),
                           to = static_cast<std::ptrdiff_t>(n * (p + 1) / parts);
                std::vector<uint32_t> tried;
                if (alone) {
                    tried.assign(found.nodes.begin() + from, found.nodes.begin() + to);
                } else {
                    tried.assign(found.nodes.begin(), found.nodes.begin() + from);
                    tried.insert(tried.end(), found.nodes.begin() + to, found.nodes.end());
                }
                if (tried.empty() || tried.size() == n) continue;
                ++found.n_runs;
                AFS_ASSIGN(const bool still, wrong(tried));
                if (!still) continue;
                found.nodes = std::move(tried);
                parts = alone ? 2 : std::max<size_t>(2, parts - 1);
                shrunk = true;
            }
            if (shrunk) break;
        }
        if (shrunk) continue;
        if (parts == n) break;
        parts *= 2;
    }
    found.minimal = true;
    return found;
}

std::vector<std::pair<std::string, std::string>> pins_for(const Plan& base, const Plan& test,
                                                          const std::vector<uint32_t>& differing,
                                                          const std::vector<uint32_t>& nodes) {
    std::vector<std::pair<std::string, std::string>> pins;
    for (const uint32_t n : differing) {
        const bool kept = std::find(nodes.begin(), nodes.end(), n) != nodes.end();
        const Plan& from = kept ? test : base;
        const std::string backend = backend_name(from, from.class_for(false).placements[n]);
        if (!backend.empty()) pins.push_back({node_tag(from, n), backend});
    }
    return pins;
}

}  // namespace afs
