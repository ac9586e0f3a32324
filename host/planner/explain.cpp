#include "planner/explain.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "afs/numeric.hpp"

namespace afs {
namespace {

struct RowGroup {
    std::string rest;  // the tag without "L<k>."
    int32_t first = -1, last = -1;
    ExplainRow row;
};

std::string backend_name(const Plan& plan, const Placement& p) {
    return p.backend == kHostOwned ? "host" : plan.backends[p.backend].name;
}

// "L17.attn.q" -> "attn.q" for a node of layer 17; else the tag as it is.
std::string rest_of(const std::string& tag, int32_t layer) {
    const std::string lead = std::string("L").append(std::to_string(layer)).append(".");
    return layer >= 0 && tag.compare(0, lead.size(), lead) == 0 ? tag.substr(lead.size()) : tag;
}

std::vector<ExplainRow> rows_of(const Plan& plan, const ClassPlan& c) {
    std::vector<RowGroup> groups;
    for (uint32_t n = 0; n < c.placements.size(); ++n) {
        const afs_node node = read<afs_node>(plan.abi->nodes[n]);
        const std::string tag = plan.abi->values[node.output]->tag,
                          backend = backend_name(plan, c.placements[n]);
        const std::string rest = rest_of(tag, node.layer);
        const int32_t layer = rest == tag ? -1 : node.layer;
        const std::string why = c.placements[n].backend == kHostOwned
                                    ? "the host samples: no backend offers it"
                                    : c.placements[n].why;
        RowGroup* open = nullptr;
        for (RowGroup& g : groups)
            if (layer >= 0 && g.last == layer - 1 && g.first >= 0 && g.rest == rest &&
                g.row.op == node.op && g.row.backend == backend && g.row.why == why)
                open = &g;
        if (open) {
            open->last = layer;
            ++open->row.n_nodes;
        } else {
            groups.push_back({rest, layer, layer, {tag, node.op, backend, why, 1}});
        }
    }
    std::vector<ExplainRow> rows;
    for (RowGroup& g : groups) {
        if (g.first != g.last)
            g.row.tags =
                "L" + std::to_string(g.first) + "..L" + std::to_string(g.last) + "." + g.rest;
        rows.push_back(std::move(g.row));
    }
    return rows;
}

bool same_placement(const ClassPlan& a, const ClassPlan& b) {
    for (size_t n = 0; n < a.placements.size(); ++n)
        if (a.placements[n].backend != b.placements[n].backend ||
            a.placements[n].claimed != b.placements[n].claimed)
            return false;
    return a.n_copies == b.n_copies;
}

ExplainClass explain_class(const Plan& plan, uint32_t index) {
    const ClassPlan& c = plan.classes[index];
    ExplainClass out;
    out.name = c.limits.step_class == AFS_CLASS_DECODE ? "decode" : "general";
    out.limits = c.limits;
    out.like_general = index > 0 && same_placement(plan.classes[0], c);
    out.rows = rows_of(plan, c);
    out.host_samples = c.host_samples;
    out.n_launches = static_cast<uint32_t>(c.units.size());
    std::vector<uint32_t> counts(plan.backends.size(), 0);
    for (const Placement& p : c.placements)
        if (p.backend != kHostOwned) ++counts[p.backend];
    for (size_t b = 0; b < counts.size(); ++b)
        if (counts[b]) {
            std::string name = plan.backends[b].name;
            for (const Placement& p : c.placements)
                if (p.backend == b && p.fallback) {
                    name += " (fallback)";
                    break;
                }
            out.counts.emplace_back(name, counts[b]);
        }
    for (const Unit& unit : c.units)
        if (unit.kind == UnitKind::copy)
            out.copies.push_back(std::string(plan.abi->values[unit.inputs[0]]->tag) + ": " +
                                 plan.memories[unit.from].domain + " -> " +
                                 plan.memories[unit.to].domain);
    return out;
}

std::vector<ExplainRefusal> refusals_of(const Plan& plan) {
    std::vector<ExplainRefusal> all;
    for (const ClassPlan& c : plan.classes)
        for (uint32_t n = 0; n < c.placements.size(); ++n)
            for (const Refusal& r : c.placements[n].refusals) {
                const std::string op = plan.abi->nodes[n]->op;
                const std::string& name = plan.backends[r.backend].name;
                const auto same = std::find_if(all.begin(), all.end(), [&](const auto& e) {
                    return e.backend == name && e.op == op && e.reason == r.reason;
                });
                if (same != all.end())
                    ++same->n_nodes;
                else
                    all.push_back({name, op, r.reason, 1});
            }
    return all;
}

uint64_t plain_bytes(const afs_value& value) {
    uint64_t elements = 1;
    for (int32_t i = 0; i < value.rank && i < AFS_MAX_RANK; ++i)
        elements *= static_cast<uint64_t>(value.dims[i]);
    return dtype_bytes(value.dtype, elements);
}

std::vector<ExplainWeights> weights_of(const Plan& plan) {
    std::vector<ExplainWeights> all;
    for (uint32_t b = 0; b < plan.backends.size(); ++b) {
        ExplainWeights sum;
        sum.backend = plan.backends[b].name;
        std::map<int32_t, uint32_t, std::greater<>> dtypes;  // block formats first
        for (const WeightUse& use : plan.weights) {
            if (use.backend != b) continue;
            ++dtypes[read<afs_value>(plan.abi->values[use.value]).dtype];
            if (use.packing.bytes) ++sum.n_packed, sum.bytes_packed += use.packing.bytes;
            if (!use.needs_raw) continue;
            ++sum.n_as_is;
            sum.bytes_as_is += plain_bytes(read<afs_value>(plan.abi->values[use.value]));
        }
        for (const auto& [dtype, n] : dtypes)
            sum.dtypes +=
                (sum.dtypes.empty() ? "" : ", ") + std::to_string(n) + " " + dtype_name(dtype);
        if (sum.n_as_is || sum.n_packed) all.push_back(std::move(sum));
    }
    return all;
}

std::string strides_text(const int64_t* stride) {
    std::string text;
    for (int i = 0; i < 4; ++i) text.append(i ? "," : "").append(std::to_string(stride[i]));
    return text;
}

std::vector<ExplainKv> kv_of(const Plan& plan) {
    std::vector<ExplainKv> all;
    for (size_t g = 0; g < plan.kv_layouts.size(); ++g) {
        const afs_kv_layout& l = plan.kv_layouts[g];
        ExplainKv kv;
        kv.n_layers = plan.abi->kv_groups[g]->n_layers;
        kv.layout = std::string(dtype_name(l.dtype)) + ", " + std::to_string(l.block_size) +
                    " slots a block, " + std::to_string(l.n_kv_heads) +
                    (l.n_kv_heads == 1 ? " head x " : " heads x ") + std::to_string(l.head_dim) +
                    ", strides (block, head, slot, dim) k " + strides_text(l.k_stride);
        if (!std::equal(l.k_stride, l.k_stride + 4, l.v_stride))
            kv.layout += " v " + strides_text(l.v_stride);
        kv.note = plan.kv_notes[g];
        kv.bytes_per_token = uint64_t{2} * kv.n_layers * static_cast<uint64_t>(l.block_elems) *
                             dtype_size(l.dtype) / l.block_size;
        all.push_back(std::move(kv));
    }
    return all;
}

}  // namespace

Explanation explain(const Plan& plan) {
    Explanation out;
    out.id = plan.id;
    out.deterministic = plan.deterministic;
    for (const Backend& backend : plan.backends) {
        if (!backend.chosen.empty()) out.backends.push_back({backend.name, backend.chosen});
        if (std::string about = backend.api->about(); !about.empty())
            out.backends.push_back({backend.name, std::move(about)});
    }
    for (uint32_t c = 0; c < plan.classes.size(); ++c)
        out.classes.push_back(explain_class(plan, c));
    out.refusals = refusals_of(plan);
    out.kv = kv_of(plan);
    out.weights = weights_of(plan);
    out.warnings = plan.warnings;
    return out;
}

}  // namespace afs
