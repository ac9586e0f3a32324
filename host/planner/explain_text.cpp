// The explanation as text of at most 100 columns.
#include <algorithm>
#include <string>

#include "planner/context.hpp"
#include "planner/explain.hpp"

namespace afs {
namespace {

constexpr size_t kColumns = 100;

// Breaks a long line at spaces; what follows is indented by `indent`.
void add_line(std::string& out, std::string line, size_t indent) {
    while (line.size() > kColumns) {
        size_t at = line.rfind(' ', kColumns);
        if (at == std::string::npos || at <= indent) at = kColumns;
        out += line.substr(0, at) + "\n";
        const size_t next = line.find_first_not_of(' ', at);
        if (next == std::string::npos) return;
        line = std::string(indent, ' ') + line.substr(next);
    }
    out += line + "\n";
}

std::string padded(const std::string& text, size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
}

std::string count_text(uint64_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string mib(uint64_t bytes) {
    const uint64_t tenths = (bytes * 10 + (1u << 19)) >> 20;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

void add_rows(std::string& out, const std::vector<ExplainRow>& rows) {
    size_t tags = 4, ops = 2, names = 7;
    for (const ExplainRow& r : rows) {
        tags = std::max(tags, r.tags.size());
        ops = std::max(ops, r.op.size());
        names = std::max(names, r.backend.size());
    }
    for (const ExplainRow& r : rows)
        add_line(out,
                 "  " + padded(r.tags, std::min<size_t>(tags, 40) + 2) +
                     padded(r.op, std::min<size_t>(ops, 20) + 2) +
                     padded(r.backend, std::min<size_t>(names, 20) + 2) + r.why,
                 8);
}

void add_class(std::string& out, const ExplainClass& c) {
    const afs_limits& l = c.limits;
    add_line(out,
             "class " + c.name + ": up to " + count_text(l.max_tokens, "token") + ", " +
                 count_text(l.max_seqs, "sequence") + ", " + count_text(l.max_rows, "logit row") +
                 ", context " + std::to_string(l.max_context),
             4);
    if (c.like_general)
        add_line(out, "  placed as class general", 4);
    else
        add_rows(out, c.rows);
    std::string line =
        "  " + std::to_string(c.n_launches) + (c.n_launches == 1 ? " launch:" : " launches:");
    for (size_t i = 0; i < c.counts.size(); ++i)
        line += (i ? ", " : " ") + c.counts[i].first + " " + count_text(c.counts[i].second, "node");
    line += ", " + (c.copies.empty() ? std::string("no copies")
                                     : std::to_string(c.copies.size()) + " copies");
    if (c.host_samples) line += ", the host samples";
    add_line(out, line, 4);
    for (const std::string& copy : c.copies) add_line(out, "    copy " + copy, 8);
}

void add_node(std::string& out, const Plan& plan, uint32_t n) {
    const afs_node node = read<afs_node>(plan.abi->nodes[n]);
    const afs_value made = read<afs_value>(plan.abi->values[node.output]);
    add_line(out, std::string(made.tag) + "  " + node.op + "  " + shape_text(made), 4);
    for (uint32_t i = 0; i < node.n_inputs; ++i) {
        const afs_value input = read<afs_value>(plan.abi->values[node.inputs[i]]);
        std::string line = std::string("  reads ") + input.tag + "  " + shape_text(input);
        for (const WeightUse& use : plan.weights)
            if (use.value == node.inputs[i])
                line += ", for " + plan.backends[use.backend].name +
                        (use.packing.bytes
                             ? " packed in " + std::to_string(use.packing.bytes) + " bytes"
                             : std::string(" as in the file"));
        add_line(out, line, 8);
    }
    for (const ClassPlan& c : plan.classes) {
        const Placement& p = c.placements[n];
        const std::string where = p.backend == kHostOwned
                                      ? "the host samples"
                                      : plan.backends[p.backend].name + ", " + p.why;
        add_line(out, std::string("  ") + class_name(c.limits.step_class) + ": " + where, 8);
        for (const Unit& unit : c.units)
            if (unit.kind == UnitKind::op && unit.nodes[0] == n)
                add_line(out,
                         "    workspace " + std::to_string(unit.verdict.workspace_bytes) +
                             " bytes, state " + std::to_string(unit.verdict.state_bytes) +
                             " bytes, flags " + std::to_string(unit.verdict.flags),
                         8);
            else if (unit.kind == UnitKind::program &&
                     std::count(unit.nodes.begin(), unit.nodes.end(), n))
                add_line(out,
                         "    in set " + std::to_string(unit.set) + " of " +
                             count_text(unit.nodes.size(), "node"),
                         8);
        for (const Unit& unit : c.units)
            if (unit.kind == UnitKind::copy && unit.inputs[0] == node.output)
                add_line(out,
                         "    copied from " + plan.memories[unit.from].domain + " to " +
                             plan.memories[unit.to].domain,
                         8);
        for (const Refusal& r : p.refusals)
            add_line(out, "    refused by " + plan.backends[r.backend].name + ": " + r.reason, 8);
    }
}

}  // namespace

std::string explain_text(const Plan& plan) {
    const Explanation e = explain(plan);
    std::string out;
    add_line(out, "plan " + e.id + (e.deterministic ? ", deterministic" : ""), 4);
    for (const ExplainBackend& b : e.backends) add_line(out, b.name + ": " + b.about, 4);
    for (const ExplainClass& c : e.classes) add_class(out, c);
    for (size_t g = 0; g < e.kv.size(); ++g) {
        add_line(out,
                 "kv cache " + std::to_string(g) + ": " + count_text(e.kv[g].n_layers, "layer") +
                     ", " + std::to_string(e.kv[g].bytes_per_token) + " bytes a token; " +
                     e.kv[g].layout,
                 4);
        add_line(out, "  chosen: " + e.kv[g].note, 4);
    }
    for (const ExplainWeights& w : e.weights)
        add_line(out,
                 "weights of " + w.backend + ": " + std::to_string(w.n_as_is) +
                     " as in the file (" + mib(w.bytes_as_is) + "), " + std::to_string(w.n_packed) +
                     " packed (" + mib(w.bytes_packed) + "); " + w.dtypes,
                 4);
    for (const ExplainRefusal& r : e.refusals)
        add_line(out,
                 "refused by " + r.backend + ": " + r.op + " x " + std::to_string(r.n_nodes) +
                     ": " + r.reason,
                 4);
    for (const std::string& warning : e.warnings) add_line(out, "warning: " + warning, 4);
    return out;
}

Result<std::string> explain_node(const Plan& plan, const std::string& tag) {
    constexpr int kMostNodes = 20;
    std::string out, tags;
    int found = 0;
    for (uint32_t n = 0; n < plan.abi->n_nodes; ++n) {
        const std::string name = plan.abi->values[plan.abi->nodes[n]->output]->tag;
        if (n < 24) tags += (tags.empty() ? "" : ", ") + name;
        if (!tag_matches(tag, name) || ++found > kMostNodes) continue;
        add_node(out, plan, n);
    }
    if (found > kMostNodes)
        add_line(out, ".. and " + std::to_string(found - kMostNodes) + " more nodes", 4);
    if (found == 0)
        return not_found("cannot explain '" + tag + "': no node has this tag; the first are " +
                         tags);
    return out;
}

}  // namespace afs
