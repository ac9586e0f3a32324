// The plan's id: FNV-1a over everything that decides what a step computes. Content hashes of the
// plugins are not in it (they are computed on demand only); reports print them beside the id.
#include <algorithm>
#include <string>

#include "planner/context.hpp"

namespace afs {
namespace {

class Hash {
public:
    void bytes(const void* data, size_t n) {
        const auto* p = static_cast<const unsigned char*>(data);
        for (size_t i = 0; i < n; ++i) state_ = (state_ ^ p[i]) * 0x100000001b3ull;
    }
    void number(uint64_t value) {
        unsigned char little[8];
        for (unsigned i = 0; i < 8; ++i) little[i] = static_cast<unsigned char>(value >> (8 * i));
        bytes(little, sizeof little);
    }
    void number(int64_t value) { number(static_cast<uint64_t>(value)); }
    void number(uint32_t value) { number(uint64_t{value}); }
    void number(int32_t value) { number(static_cast<uint64_t>(int64_t{value})); }
    void number(bool value) { number(uint64_t{value}); }
    void text(const std::string& s) {
        number(uint64_t{s.size()});
        bytes(s.data(), s.size());
    }
    std::string hex() const {
        std::string out;
        for (int shift = 60; shift >= 0; shift -= 4)
            out += "0123456789abcdef"[(state_ >> shift) & 15];
        return out;
    }

private:
    uint64_t state_ = 0xcbf29ce484222325ull;
};

void add_graph(Hash& hash, const afs_graph& graph) {
    for (uint32_t v = 0; v < graph.n_values; ++v) {
        const afs_value value = read<afs_value>(graph.values[v]);
        hash.text(value.tag ? value.tag : "");
        for (int32_t field : {value.kind, value.dtype, value.rank, value.kv_group, value.kv_layer})
            hash.number(field);
        for (int32_t i = 0; i < value.rank && i < AFS_MAX_RANK; ++i) hash.number(value.dims[i]);
    }
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        const afs_node node = read<afs_node>(graph.nodes[n]);
        hash.text(node.op);
        for (uint32_t i = 0; i < node.n_inputs; ++i) hash.number(node.inputs[i]);
        hash.number(node.output);
        if (!node.params) continue;
        uint32_t size;  // all parameter structs are made of zeroed storage without padding
        std::memcpy(&size, node.params, sizeof size);
        hash.bytes(node.params, size);
    }
}

void add_layout(Hash& hash, const afs_kv_layout& layout) {
    hash.number(layout.dtype);
    hash.number(layout.block_size);
    for (const int64_t* stride : {layout.k_stride, layout.v_stride})
        for (int i = 0; i < 4; ++i) hash.number(stride[i]);
    hash.number(layout.block_elems);
}

void add_class(Hash& hash, const ClassPlan& c) {
    const afs_limits& l = c.limits;
    for (uint32_t field : {l.step_class, l.max_tokens, l.max_rows, l.max_seqs, l.max_blocks,
                           l.max_context, l.deterministic})
        hash.number(field);
    for (const Unit& unit : c.units) {
        hash.number(static_cast<int32_t>(unit.kind));
        hash.number(unit.backend);
        for (uint32_t node : unit.nodes) hash.number(node);
        for (uint32_t field : {unit.set, unit.set_kind, unit.from, unit.to}) hash.number(field);
        if (unit.kind == UnitKind::copy) hash.number(unit.inputs[0]);
        hash.number(unit.verdict.acc_dtype);
        hash.number(unit.verdict.internal_dtype);
        hash.number(unit.verdict.flags);
    }
    hash.number(c.host_samples);
}

}  // namespace

std::string plan_id(const Plan& plan) {
    Hash hash;
    add_graph(hash, read<afs_graph>(plan.abi));
    for (const Backend& b : plan.backends) {
        for (const std::string* field : {&b.name, &b.plugin, &b.version, &b.domain})
            hash.text(*field);
        hash.number(b.device);
    }
    for (const afs_kv_layout& layout : plan.kv_layouts) add_layout(hash, layout);
    for (const ClassPlan& c : plan.classes) add_class(hash, c);
    for (const WeightUse& use : plan.weights) {
        for (uint32_t field : {use.value, use.backend, use.packing.format, use.packing.keep_raw})
            hash.number(field);
        hash.number(use.packing.bytes);
    }
    hash.number(plan.deterministic);
    return hash.hex();
}

}  // namespace afs
