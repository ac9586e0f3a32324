#include "compare/local_judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "afs/bound/judge.hpp"
#include "compare/weight_rows.hpp"

namespace afs {
namespace {

using bound::Judged;

// What all judgements of one node need.
struct Subject {
    const Plan& plan;
    const WeightSet& weights;
    const afs_node& node;
    const std::vector<int32_t>& ids;
    const TracedValues& values;
    bound::Arithmetic how{};
    double most = 0;

    const afs_value& value(uint32_t id) const { return *plan.abi->values[id]; }
    const TracedValue* traced(uint32_t id) const {
        const auto it = values.find(value(id).tag);
        return it == values.end() ? nullptr : &it->second;
    }
};

std::vector<double> doubles(const TracedValue& value) {
    return {value.data.begin(), value.data.end()};
}

// The output's columns that are judged, with their judgement.
struct Part {
    Judged judged;
    std::vector<double> got;
};

Part whole(Judged judged, const TracedValue& output) {
    return {std::move(judged), doubles(output)};
}

Part linear(const Subject& s, const TracedValue& x, const TracedValue& y, const Weight& weight) {
    const auto n = static_cast<size_t>(x.dims[0]), k = static_cast<size_t>(x.width()),
               m = static_cast<size_t>(y.width());
    const double columns = std::max(1.0, s.most / static_cast<double>(n * k));
    const size_t stride =
        std::max<size_t>(1, static_cast<size_t>(std::ceil(static_cast<double>(m) / columns)));
    std::vector<double> rows;
    Part part;
    std::vector<size_t> chosen;
    for (size_t o = s.node.output % stride; o < m; o += stride) chosen.push_back(o);
    if (chosen.empty() || chosen.back() != m - 1) chosen.push_back(m - 1);  // the last tile's end
    for (const size_t o : chosen) append_weight_row(s.plan, weight, o, rows);
    const int32_t stored = dtype_size(weight.dtype) ? weight.dtype : int32_t{AFS_F32};
    const int32_t act = s.value(s.node.inputs[0]).dtype;
    const int32_t operand = bound::unit_roundoff(stored) < bound::unit_roundoff(act) ? stored : act;
    const std::vector<double> in = doubles(x);
    part.judged = bound::judge_linear(in.data(), rows.data(), n, chosen.size(), k, operand, s.how);
    for (size_t i = 0; i < n; ++i)
        for (const size_t o : chosen) part.got.push_back(y.data[i * m + o]);
    return part;
}

float rounded(float x, int32_t dtype) {
    return dtype == AFS_BF16 ? to_float(to_bf16(x)) : dtype == AFS_F16 ? to_float(to_f16(x)) : x;
}

// Rows of a cache as attention reads them: what kv_append was given, in the cache's dtype.
std::vector<double> cached(const TracedValue& value, int32_t dtype) {
    std::vector<double> rows;
    for (const float x : value.data) rows.push_back(rounded(x, dtype));
    return rows;
}

Result<Part> attention(const Subject& s, const TracedValue& q, const TracedValue& y) {
    const afs_graph& graph = *s.plan.abi;
    const afs_value& kv = s.value(s.node.inputs[1]);
    const TracedValue *k = nullptr, *v = nullptr;
    for (uint32_t n = 0; n < graph.n_nodes; ++n)
        if (graph.nodes[n]->output == s.node.inputs[1]) {
            k = s.traced(graph.nodes[n]->inputs[0]);
            v = s.traced(graph.nodes[n]->inputs[1]);
        }
    if (!k || !v) return unsupported("its keys or values stay inside a program");
    const auto params = read<afs_attention_params>(s.node.params);
    const int32_t dtype = s.plan.kv_layouts[static_cast<size_t>(kv.kv_group)].dtype;
    const std::vector<double> keys = cached(*k, dtype), values = cached(*v, dtype), in = doubles(q);
    const auto width = static_cast<size_t>(q.width());
    Judged judged;
    for (size_t i = 0; i < static_cast<size_t>(q.dims[0]); ++i)
        bound::append(judged, bound::judge_attention(in.data() + i * width, keys.data(),
                                                     values.data(), i + 1, params, s.how));
    return whole(std::move(judged), y);
}

// Gathers and copies: bit for bit, so the bound is nothing.
Part exact(std::vector<double> want, const TracedValue& y, int32_t dtype) {
    Judged judged;
    judged.rows = static_cast<size_t>(y.dims[0]);
    judged.cols = static_cast<size_t>(y.width());
    judged.out_dtype = dtype;
    judged.bound.assign(want.size(), 0.0);
    judged.spread = judged.shared = judged.bound;
    judged.want = std::move(want);
    return whole(std::move(judged), y);
}

Result<Part> embed(const Subject& s, const TracedValue& y) {
    const Weight* table = s.weights.of_value(s.node.inputs[0]);
    if (!table) return unsupported("its table is no weight");
    std::vector<double> want;
    for (const int32_t id : s.ids) append_weight_row(s.plan, *table, static_cast<size_t>(id), want);
    const int32_t dtype = s.value(s.node.output).dtype;
    for (double& x : want) x = rounded(static_cast<float>(x), dtype);
    return exact(std::move(want), y, dtype);
}

Result<Part> judge_op(const Subject& s, const TracedValue& y) {
    const std::string op = s.node.op;
    const int32_t dtype = s.value(s.node.output).dtype;
    if (op == "embed/1") return embed(s, y);
    const TracedValue* a = s.traced(s.node.inputs[0]);
    if (!a) return unsupported("its input stays inside a program");
    const auto n = static_cast<size_t>(y.dims[0]), width = static_cast<size_t>(y.width());
    if (op == "select_rows/1") return exact(doubles(*a), y, dtype);
    if (op == "attention/1") return attention(s, *a, y);
    const std::vector<double> x = doubles(*a);
    if (op == "rope/1") {
        std::vector<int32_t> positions(n);
        for (size_t i = 0; i < n; ++i) positions[i] = static_cast<int32_t>(i);
        return whole(bound::judge_rope(x.data(), positions.data(), n, width,
                                       read<afs_rope_params>(s.node.params), s.how),
                     y);
    }
    if (op == "swiglu/1" || op == "add/1") {
        const TracedValue* b = s.traced(s.node.inputs[1]);
        if (!b) return unsupported("its input stays inside a program");
        const std::vector<double> z = doubles(*b);
        return whole(op == "add/1" ? bound::judge_add(x.data(), z.data(), n, width, s.how)
                                   : bound::judge_swiglu(x.data(), z.data(), n, width, s.how),
                     y);
    }
    if (op != "linear/1" && op != "rms_norm/1") return unsupported("no judge knows this op");
    const Weight* weight = s.weights.of_value(s.node.inputs[1]);
    if (!weight) return unsupported("its second input is no weight");
    if (op == "linear/1") return linear(s, *a, y, *weight);
    std::vector<double> gain;
    append_weight_row(s.plan, *weight, 0, gain);
    return whole(bound::judge_rms_norm(x.data(), gain.data(), n, width,
                                       read<afs_rms_norm_params>(s.node.params), s.how),
                 y);
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

// Rows in which it happens, and whether one factor explains it.
std::string describe(const Part& part) {
    const Judged& j = part.judged;
    long double yr = 0, rr = 0;
    size_t first = j.rows, last = 0, n_bad = 0;
    for (size_t i = 0; i < j.want.size(); ++i) {
        const double got = part.got[i], want = j.want[i];
        if (std::isfinite(got) && std::isfinite(want)) yr += got * want, rr += want * want;
        if (std::abs(got - want) <= j.bound[i]) continue;
        first = std::min(first, i / j.cols), last = i / j.cols, ++n_bad;
    }
    const double scale = rr > 0 ? static_cast<double>(yr / rr) : 1;
    double left = 0, all = 0;  // errors with and without that factor taken out
    for (size_t i = 0; i < j.want.size(); ++i) {
        if (!std::isfinite(part.got[i]) || !std::isfinite(j.want[i])) continue;
        left += std::pow(part.got[i] - scale * j.want[i], 2);
        all += std::pow(part.got[i] - j.want[i], 2);
    }
    if (all > 0 && left < 0.25 * all && std::abs(scale - 1) > 1e-5)
        return "looks scaled by " + number(scale);
    if (n_bad == 0) return "";
    const std::string rows =
        first == last ? "token " + std::to_string(first)
                      : "tokens " + std::to_string(first) + " to " + std::to_string(last);
    return std::to_string(n_bad) + " elements beyond their bound, in " + rows + " of " +
           std::to_string(j.rows);
}

}  // namespace

NodeVerdict judge_node(const Plan& plan, const WeightSet& weights, const Unit& unit,
                       const std::vector<int32_t>& ids, const TracedValues& values, double most) {
    const afs_node& node = *plan.abi->nodes[unit.nodes[0]];
    Subject subject{plan, weights, node, ids, values, {}, most};
    const afs_value& output = subject.value(node.output);
    NodeVerdict made;
    if (output.kind != AFS_VALUE_ACT || output.dtype == AFS_I32) {
        made.skipped = "its output is no activation";
        return made;
    }
    if (output.dtype == AFS_F64) {
        made.skipped = "values are watched in fp32";
        return made;
    }
    const TracedValue* y = subject.traced(node.output);
    if (!y) {
        made.skipped = "its output was not formed";
        return made;
    }
    subject.how = {unit.verdict.acc_dtype, unit.verdict.internal_dtype, output.dtype,
                   unit.verdict.flags};
    const Result<Part> part = judge_op(subject, *y);
    if (!part) {
        made.skipped = part.status().message();
        return made;
    }
    made.judged = true;
    made.n_elements = part->got.size();
    made.verdict = bound::verdict(part->got.data(), part->judged);
    made.ok = made.verdict.ok();
    if (!made.ok) made.looks_like = describe(*part);
    return made;
}

}  // namespace afs
