// Builds and owns an afs_graph: a family's graph file reads like its paper, one op a line.
//
//   GraphBuilder g(AFS_BF16);
//   g.weight({"embed.weight", "model.embed_tokens.weight", {vocab, d}});
//   auto x = g.embed("embed");
//   g.layer(3);                       // from here on tags begin with "L3."
//   auto q = g.linear("attn.q", x);   // its weight is the value "L3.attn.q.weight"
//   g.layer(GraphBuilder::kOutside);
//
// An op that reads a weight finds it by tag: the op's own and ".weight". The first mistake (an
// unknown weight, a tag twice, an input that is none) is kept and finish() returns it, so that no
// line of a graph needs a check. All addresses stay as they are for the builder's life. C++17.
#pragma once
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "afs/abi/graph.h"
#include "afs/kernels.hpp"  // make, read
#include "afs/status.hpp"

namespace afs {

class GraphBuilder {
public:
    using Value = uint32_t;
    static constexpr Value kNoValue = 0xffffffffu;
    static constexpr int32_t kOutside = -1;  // before or after the layers

    // One line of a weight table. Every "{}" in a name stands for the layer's index.
    struct WeightLine {
        std::string tag, names;
        std::vector<int64_t> dims;
        int32_t split = AFS_SPLIT_NONE;
        uint32_t head_dim = 0;  // for AFS_SPLIT_HEADS
        std::string duplicates = {};
        int32_t transform = AFS_LOAD_AS_IS;
    };

    explicit GraphBuilder(int32_t act_dtype) : act_dtype_(act_dtype) {}
    GraphBuilder(const GraphBuilder&) = delete;
    GraphBuilder& operator=(const GraphBuilder&) = delete;

    void layer(int32_t index) { layer_ = index; }

    Value weight(const WeightLine& line) {
        const Value value =
            add_value(AFS_VALUE_WEIGHT, AFS_DTYPE_NONE, line.dims, full_tag(line.tag));
        afs_weight row = make<afs_weight>();
        const std::string names = in_layer(line.names), duplicates = in_layer(line.duplicates);
        row.value = value;
        row.names = names.c_str();
        row.duplicates = duplicates.empty() ? nullptr : duplicates.c_str();
        row.split = line.split;
        row.head_dim = line.head_dim;
        row.transform = line.transform;
        append_weight(row);
        return value;
    }
    // Returns the group's index.
    uint32_t kv_group(uint32_t n_layers, uint32_t n_kv_heads, uint32_t head_dim) {
        afs_kv_group group = make<afs_kv_group>();
        group.n_layers = n_layers;
        group.n_kv_heads = n_kv_heads;
        group.head_dim = head_dim;
        return append_kv_group(group);
    }
    void ignore_tensors(const std::string& patterns) { ignored_ = keep(patterns.c_str()); }
    void output(Value value) { outputs_.push_back(value); }

    // The value with this full tag ("L3.attn.q").
    Value find(const std::string& tag) {
        const auto it = by_tag_.find(tag);
        if (it != by_tag_.end()) return it->second;
        fail("cannot find value '" + tag + "' in the graph: nothing before has this tag");
        return kNoValue;
    }

    // [n_tokens, d]
    Value embed(const std::string& tag) {
        const Value table = weight_of(tag);
        return node("embed/1", tag, {table}, {AFS_DIM_TOKENS, dim(table, 1)});
    }
    Value rms_norm(const std::string& tag, Value x, const afs_rms_norm_params& params) {
        return node("rms_norm/1", tag, {x, weight_of(tag)}, dims(x), params);
    }
    // x[n, k] -> [n, m]
    Value linear(const std::string& tag, Value x) { return linear(tag, x, weight_of(tag)); }
    Value linear(const std::string& tag, Value x, Value weight) {
        return node("linear/1", tag, {x, weight}, {dim(x, 0), dim(weight, 0)});
    }
    Value rope(const std::string& tag, Value x, const afs_rope_params& params) {
        return node("rope/1", tag, {x}, dims(x), params);
    }
    // The next layer of this group's cache.
    Value kv_append(const std::string& tag, Value k, Value v, uint32_t group) {
        if (group >= kv_groups_.size()) {
            fail("cannot add '" + full_tag(tag) + "': kv group " + std::to_string(group) +
                 " is not declared");
            return kNoValue;
        }
        afs_value kv = make<afs_value>();
        const std::string full = full_tag(tag);
        kv.kind = AFS_VALUE_KV;
        kv.dtype = act_dtype_;
        kv.tag = full.c_str();
        kv.kv_group = static_cast<int32_t>(group);
        kv.kv_layer = kv_layers_[group]++;
        return add_node("kv_append/1", {k, v}, append_value(kv), nullptr);
    }
    Value attention(const std::string& tag, Value q, Value kv, const afs_attention_params& params) {
        return node("attention/1", tag, {q, kv}, dims(q), params);
    }
    Value swiglu(const std::string& tag, Value gate, Value up) {
        return node("swiglu/1", tag, {gate, up}, dims(gate));
    }
    Value add(const std::string& tag, Value a, Value b) {
        return node("add/1", tag, {a, b}, dims(a));
    }
    // [n_tokens, d] -> [n_rows, d]
    Value select_rows(const std::string& tag, Value x) {
        return node("select_rows/1", tag, {x}, {AFS_DIM_ROWS, dim(x, 1)});
    }
    // logits[n_rows, vocab] -> ids[n_rows]
    Value sample(const std::string& tag, Value logits) {
        const Value ids = add_value(AFS_VALUE_ACT, AFS_I32, {dim(logits, 0)}, full_tag(tag));
        return add_node("sample/1", {logits}, ids, nullptr);
    }

    // Any op, its output of the activation dtype.
    Value node(const char* op, const std::string& tag, const std::vector<Value>& inputs,
               const std::vector<int64_t>& out_dims) {
        const Value out = add_value(AFS_VALUE_ACT, act_dtype_, out_dims, full_tag(tag));
        return add_node(op, inputs, out, nullptr);
    }
    template <class P>
    Value node(const char* op, const std::string& tag, const std::vector<Value>& inputs,
               const std::vector<int64_t>& out_dims, const P& params) {
        const Value out = add_value(AFS_VALUE_ACT, act_dtype_, out_dims, full_tag(tag));
        return add_node(op, inputs, out, keep_params(params));
    }

    // The parts one by one, as a copy of another graph needs them. Strings, inputs and parameters
    // are copied (parameters through keep_params first).
    Value append_value(afs_value value) {
        value.tag = keep(value.tag);
        const auto index = static_cast<Value>(values_.size());
        if (!by_tag_.emplace(value.tag, index).second)
            fail("cannot add value '" + std::string(value.tag) + "': the tag is taken");
        values_.push_back(value);
        return index;
    }
    void append_weight(afs_weight row) {
        row.names = keep(row.names);
        if (row.duplicates) row.duplicates = keep(row.duplicates);
        weights_.push_back(row);
    }
    uint32_t append_kv_group(const afs_kv_group& group) {
        kv_groups_.push_back(group);
        kv_layers_.push_back(0);
        return static_cast<uint32_t>(kv_groups_.size() - 1);
    }
    void append_node(afs_node entry) {
        inputs_.emplace_back(entry.inputs, entry.inputs + entry.n_inputs);
        entry.inputs = inputs_.back().data();
        entry.op = keep(entry.op);
        nodes_.push_back(entry);
    }
    template <class P>
    const void* keep_params(const P& params) {
        params_.push_back(std::make_shared<const P>(params));
        return params_.back().get();
    }

    // The graph, the builder's own; the first mistake made while building.
    Result<const afs_graph*> finish() {
        if (!status_.ok()) return status_;
        graph_ = make<afs_graph>();
        graph_.values = list(values_, value_list_, graph_.n_values);
        graph_.nodes = list(nodes_, node_list_, graph_.n_nodes);
        graph_.weights = list(weights_, weight_list_, graph_.n_weights);
        graph_.kv_groups = list(kv_groups_, kv_group_list_, graph_.n_kv_groups);
        graph_.outputs = outputs_.data();
        graph_.n_outputs = static_cast<uint32_t>(outputs_.size());
        graph_.ignored_tensors = ignored_;
        return static_cast<const afs_graph*>(&graph_);
    }

private:
    void fail(const std::string& message) {
        if (status_.ok()) status_ = Status(Code::internal, message);
    }
    const char* keep(const char* text) {
        strings_.emplace_back(text);
        return strings_.back().c_str();
    }
    std::string full_tag(const std::string& tag) const {
        if (layer_ < 0) return tag;
        std::string full = "L";
        return full.append(std::to_string(layer_)).append(".").append(tag);
    }
    std::string in_layer(std::string name) const {
        for (size_t at; (at = name.find("{}")) != std::string::npos;)
            name.replace(at, 2, std::to_string(layer_));
        return name;
    }
    Value weight_of(const std::string& tag) { return find(full_tag(tag) + ".weight"); }
    int64_t dim(Value value, int axis) const {
        return value < values_.size() ? values_[value].dims[axis] : 0;
    }
    std::vector<int64_t> dims(Value value) const {
        if (value >= values_.size()) return {};
        const afs_value& of = values_[value];
        return std::vector<int64_t>(of.dims, of.dims + of.rank);
    }
    Value add_value(int32_t kind, int32_t dtype, const std::vector<int64_t>& of,
                    const std::string& tag) {
        afs_value value = make<afs_value>();
        value.kind = kind;
        value.dtype = dtype;
        value.tag = tag.c_str();
        for (int64_t& extent : value.dims) extent = 1;
        if (of.size() > AFS_MAX_RANK)
            fail("cannot add '" + tag + "': rank " + std::to_string(of.size()) +
                 ", at most 4 is possible");
        else
            for (const int64_t extent : of) value.dims[value.rank++] = extent;
        return append_value(value);
    }
    Value add_node(const char* op, const std::vector<Value>& inputs, Value out,
                   const void* params) {
        for (const Value input : inputs)
            if (input >= values_.size())
                fail("cannot add '" + std::string(values_[out].tag) + "': an input is missing");
        afs_node entry = make<afs_node>();
        entry.n_inputs = static_cast<uint32_t>(inputs.size());
        entry.inputs = inputs.data();
        entry.output = out;
        entry.layer = layer_;
        entry.op = op;
        entry.params = params;
        append_node(entry);
        return out;
    }
    template <class T>
    static const T* const* list(const std::deque<T>& from, std::vector<const T*>& to,
                                uint32_t& count) {
        to.clear();
        for (const T& entry : from) to.push_back(&entry);
        count = static_cast<uint32_t>(to.size());
        return to.data();
    }

    int32_t act_dtype_;
    int32_t layer_ = kOutside;
    Status status_;
    const char* ignored_ = nullptr;
    std::map<std::string, Value> by_tag_;
    // Deques: an element never moves.
    std::deque<std::string> strings_;
    std::deque<std::vector<uint32_t>> inputs_;
    std::deque<afs_value> values_;
    std::deque<afs_node> nodes_;
    std::deque<afs_weight> weights_;
    std::deque<afs_kv_group> kv_groups_;
    std::vector<int32_t> kv_layers_;  // layers appended to each group so far
    std::vector<std::shared_ptr<const void>> params_;
    std::vector<uint32_t> outputs_;
    std::vector<const afs_value*> value_list_;
    std::vector<const afs_node*> node_list_;
    std::vector<const afs_weight*> weight_list_;
    std::vector<const afs_kv_group*> kv_group_list_;
    afs_graph graph_ = {};
};

}  // namespace afs
