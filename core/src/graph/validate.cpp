#include "afs/graph/validate.hpp"

#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "afs/numeric.hpp"
#include "op_rules.hpp"

namespace afs {

namespace {

// No real tensor comes near; products of dims below it never overflow.
constexpr int64_t kMaxElements = int64_t{1} << 50;

bool is_float(int32_t dtype) {
    return dtype == AFS_F32 || dtype == AFS_BF16 || dtype == AFS_F16 || dtype == AFS_F64;
}

std::string dim_text(int64_t dim) {
    if (dim == AFS_DIM_TOKENS) return "n_tokens";
    if (dim == AFS_DIM_ROWS) return "n_rows";
    return std::to_string(dim);
}

constexpr const char* kCut = "is shorter than the contract's struct: struct_size is not set";

// Structs only grow, so one shorter than today's, the first, is cut off somewhere. When a struct
// has grown, its first size stands here instead.
template <class T>
bool too_short(const T* of) {
    return of->struct_size < sizeof(T);
}

const char* role_name(Role role) {
    switch (role) {
        case Role::act: return "an activation";
        case Role::weight: return "a weight";
        case Role::kv: return "a KV value";
        case Role::ids: return "an int32 activation";
    }
    return "";
}

bool has_role(const afs_value& value, Role role) {
    switch (role) {
        case Role::act: return value.kind == AFS_VALUE_ACT && is_float(value.dtype);
        case Role::weight: return value.kind == AFS_VALUE_WEIGHT;
        case Role::kv: return value.kind == AFS_VALUE_KV;
        case Role::ids: return value.kind == AFS_VALUE_ACT && value.dtype == AFS_I32;
    }
    return false;
}

// One pass over a graph; every method's message names its subject.
class Validator {
public:
    explicit Validator(const afs_graph& graph) : graph_(graph) {}

    Status run() {
        if ((graph_.n_values && !graph_.values) || (graph_.n_nodes && !graph_.nodes) ||
            (graph_.n_weights && !graph_.weights) || (graph_.n_kv_groups && !graph_.kv_groups) ||
            (graph_.n_outputs && !graph_.outputs))
            return bad("a list is NULL although its count is not 0");
        for (uint32_t i = 0; i < graph_.n_kv_groups; ++i) AFS_TRY(kv_group(i));
        for (uint32_t i = 0; i < graph_.n_values; ++i) AFS_TRY(value(i));
        for (uint32_t i = 0; i < graph_.n_weights; ++i) AFS_TRY(weight(i));
        written_.assign(graph_.n_values, false);
        for (uint32_t i = 0; i < graph_.n_nodes; ++i) AFS_TRY(node(i));
        return whole();
    }

private:
    static Status bad(const std::string& what) { return invalid("cannot use graph: " + what); }
    static Status bad_of(const std::string& subject, const std::string& what) {
        return bad(subject + " " + what);
    }
    std::string name(uint32_t value) const {
        return std::string("'").append(values_[value].tag).append("'");
    }

    Status kv_group(uint32_t i) {
        const std::string subject = "kv group " + std::to_string(i);
        if (!graph_.kv_groups[i]) return bad_of(subject, "is NULL");
        if (too_short(graph_.kv_groups[i])) return bad_of(subject, kCut);
        const auto group = read<afs_kv_group>(graph_.kv_groups[i]);
        const int64_t limit = 1 << 20;
        for (const int64_t size : {group.n_layers, group.n_kv_heads, group.head_dim})
            if (size < 1 || size > limit)
                return bad_of(subject, "has a size of " + std::to_string(size) +
                                           ", expected 1 to " + std::to_string(limit));
        groups_.push_back(group);
        return {};
    }

    Status value(uint32_t i) {
        if (!graph_.values[i]) return bad("value " + std::to_string(i) + " is NULL");
        if (too_short(graph_.values[i])) return bad_of("value " + std::to_string(i), kCut);
        const auto v = read<afs_value>(graph_.values[i]);
        if (!v.tag || !*v.tag) return bad("value " + std::to_string(i) + " has no tag");
        const std::string subject = "value '" + std::string(v.tag) + "'";
        if (!tags_.insert(v.tag).second) return bad_of(subject, "shares its tag with another");
        if (v.rank < 0 || v.rank > AFS_MAX_RANK)
            return bad_of(subject, "has rank " + std::to_string(v.rank) + ", expected 0 to 4");
        values_.push_back(v);
        switch (v.kind) {
            case AFS_VALUE_WEIGHT: return weight_value(subject, v);
            case AFS_VALUE_ACT: return act_value(subject, v);
            case AFS_VALUE_KV: return kv_value(subject, v);
            default: return bad_of(subject, "is of unknown kind " + std::to_string(v.kind));
        }
    }
    Status weight_value(const std::string& subject, const afs_value& v) {
        if (v.dtype != AFS_DTYPE_NONE && !stores_weight(v, v.dtype))
            return bad_of(subject, "has dtype " + std::to_string(v.dtype) +
                                       ", expected none, a float type or a block format whose "
                                       "whole blocks its rows are");
        return sizes(subject, v, 0);
    }
    Status act_value(const std::string& subject, const afs_value& v) {
        if (!is_float(v.dtype) && v.dtype != AFS_I32)
            return bad_of(subject, "has dtype " + std::to_string(v.dtype) +
                                       ", expected fp32, bf16, fp16, fp64 or int32");
        if (v.rank < 1 || (v.dims[0] != AFS_DIM_TOKENS && v.dims[0] != AFS_DIM_ROWS))
            return bad_of(subject, "is " + describe(v) + ", expected n_tokens or n_rows first");
        return sizes(subject, v, 1);
    }
    Status kv_value(const std::string& subject, const afs_value& v) {
        const auto group = static_cast<uint32_t>(v.kv_group);
        if (v.kv_group < 0 || group >= groups_.size())
            return bad_of(subject, "is of kv group " + std::to_string(v.kv_group) + " of " +
                                       std::to_string(groups_.size()));
        if (v.kv_layer < 0 || static_cast<uint32_t>(v.kv_layer) >= groups_[group].n_layers)
            return bad_of(subject, "is layer " + std::to_string(v.kv_layer) + " of a kv group of " +
                                       std::to_string(groups_[group].n_layers) + " layers");
        if (!kv_layers_.insert({group, static_cast<uint32_t>(v.kv_layer)}).second)
            return bad_of(subject, "is layer " + std::to_string(v.kv_layer) + " of kv group " +
                                       std::to_string(group) + ", which another value is already");
        return {};
    }
    static Status sizes(const std::string& subject, const afs_value& v, int32_t from) {
        int64_t elements = 1;
        for (int32_t axis = from; axis < v.rank; ++axis) {
            if (v.dims[axis] < 1 || v.dims[axis] > kMaxElements / elements)
                return bad_of(subject, "is " + describe(v) +
                                           ", expected sizes above 0 and below 2^50 in all");
            elements *= v.dims[axis];
        }
        return {};
    }

    Status weight(uint32_t i) {
        const std::string line = "line " + std::to_string(i) + " of the weight table";
        if (!graph_.weights[i]) return bad_of(line, "is NULL");
        if (too_short(graph_.weights[i])) return bad_of(line, kCut);
        const auto w = read<afs_weight>(graph_.weights[i]);
        if (w.value >= values_.size() || values_[w.value].kind != AFS_VALUE_WEIGHT)
            return bad_of(line, "fills value " + std::to_string(w.value) + ", which is no weight");
        const afs_value& v = values_[w.value];
        if (!filled_.insert(w.value).second)
            return bad_of(line, "fills " + name(w.value) + ", which another line fills already");
        if (!w.names || !*w.names) return bad_of(line, "names no tensor for " + name(w.value));
        if (w.split < AFS_SPLIT_NONE || w.split > AFS_SPLIT_HEADS)
            return bad_of(line, "splits along unknown axis " + std::to_string(w.split));
        if (w.transform != AFS_LOAD_AS_IS && w.transform != AFS_LOAD_UNINTERLEAVE_HEADS)
            return bad_of(line, "has unknown transform " + std::to_string(w.transform));
        const bool heads = w.split == AFS_SPLIT_HEADS || w.transform == AFS_LOAD_UNINTERLEAVE_HEADS;
        if (heads && (w.head_dim == 0 || v.rank < 1 || v.dims[0] % w.head_dim != 0))
            return bad_of(line, "splits " + name(w.value) + ", " + describe(v) +
                                    ", into heads of " + std::to_string(w.head_dim));
        if (w.transform == AFS_LOAD_UNINTERLEAVE_HEADS && w.head_dim % 2 != 0)
            return bad_of(line, "pairs the rows of odd heads of " + std::to_string(w.head_dim));
        return {};
    }

    Status node(uint32_t i) {
        std::string subject = "node " + std::to_string(i);
        if (!graph_.nodes[i]) return bad_of(subject, "is NULL");
        if (too_short(graph_.nodes[i])) return bad_of(subject, kCut);
        const auto n = read<afs_node>(graph_.nodes[i]);
        if (n.output >= values_.size())
            return bad_of(subject, "writes value " + std::to_string(n.output) + " of " +
                                       std::to_string(values_.size()));
        subject += " " + name(n.output);
        if (!n.op) return bad_of(subject, "has no op");
        subject += " (" + std::string(n.op) + ")";
        const OpRule* rule = find_rule(n.op);
        if (!rule) return bad_of(subject, "is of an unknown op; known: " + known_ops());
        if (n.layer < -1) return bad_of(subject, "is of layer " + std::to_string(n.layer));
        if (n.n_inputs != rule->inputs.size() || !n.inputs)
            return bad_of(subject, "has " + std::to_string(n.inputs ? n.n_inputs : 0) +
                                       " inputs, expected " + std::to_string(rule->inputs.size()));
        for (uint32_t k = 0; k < n.n_inputs; ++k) AFS_TRY(input(subject, n.inputs[k]));
        if (values_[n.output].kind == AFS_VALUE_WEIGHT) return bad_of(subject, "writes a weight");
        if (written_[n.output]) return bad_of(subject, "writes what another node wrote before");
        AFS_TRY(fits(subject, n, *rule));
        written_[n.output] = true;
        return {};
    }
    Status input(const std::string& subject, uint32_t value) const {
        if (value >= values_.size())
            return bad_of(subject, "reads value " + std::to_string(value) + " of " +
                                       std::to_string(values_.size()));
        if (values_[value].kind != AFS_VALUE_WEIGHT && !written_[value])
            return bad_of(subject, "reads " + name(value) + " before any node has written it");
        return {};
    }

    Status fits(const std::string& subject, const afs_node& n, const OpRule& rule) const {
        std::map<char, int64_t> letters = {{'t', AFS_DIM_TOKENS}, {'r', AFS_DIM_ROWS}};
        int32_t dtype = AFS_DTYPE_NONE;
        const afs_kv_group* group = nullptr;
        const auto operand = [&](const std::string& what, uint32_t index,
                                 const Operand& expected) -> Status {
            const afs_value& v = values_[index];
            const auto wrong = [&](const std::string& needed) {
                return bad_of(subject, what + " " + name(index) + " is " + describe(v) +
                                           ", expected " + needed);
            };
            if (!has_role(v, expected.role)) return wrong(role_name(expected.role));
            if (expected.role == Role::kv) group = &groups_[static_cast<size_t>(v.kv_group)];
            if (expected.role == Role::act && dtype != AFS_DTYPE_NONE && v.dtype != dtype)
                return wrong(dtype_name(dtype));
            if (expected.role == Role::act) dtype = v.dtype;
            return shape(v, expected.dims, letters) ? Status() : wrong(text(expected, letters));
        };
        for (uint32_t k = 0; k < n.n_inputs; ++k)
            AFS_TRY(operand("input " + std::to_string(k), n.inputs[k], rule.inputs[k]));
        AFS_TRY(operand("output", n.output, rule.output));
        if (rule.params.size && !n.params) return bad_of(subject, "has no parameters");
        if (rule.params.size && *static_cast<const uint32_t*>(n.params) < rule.params.size)
            return bad_of(subject, std::string("has parameters whose struct_size ") + kCut);
        if (!rule.check) return {};
        const std::string complaint = rule.check({graph_, n, letters, group});
        return complaint.empty() ? Status() : bad_of(subject, "does not fit: " + complaint);
    }
    // Binds the letters that are still free, if the value fits.
    static bool shape(const afs_value& v, const std::string& dims,
                      std::map<char, int64_t>& letters) {
        if (v.kind == AFS_VALUE_KV) return true;
        if (static_cast<size_t>(v.rank) != dims.size()) return false;
        std::map<char, int64_t> bound = letters;
        for (size_t axis = 0; axis < dims.size(); ++axis)
            if (bound.emplace(dims[axis], v.dims[axis]).first->second != v.dims[axis]) return false;
        letters = std::move(bound);
        return true;
    }
    static std::string text(const Operand& operand, const std::map<char, int64_t>& letters) {
        std::string out;
        for (const char* letter = operand.dims; *letter; ++letter) {
            const auto bound = letters.find(*letter);
            out += (out.empty() ? "" : ", ") +
                   (bound == letters.end() ? std::string(1, *letter) : dim_text(bound->second));
        }
        return "[" + out + "]";
    }

    Status whole() const {
        for (uint32_t i = 0; i < values_.size(); ++i) {
            const bool is_weight = values_[i].kind == AFS_VALUE_WEIGHT;
            if (is_weight && filled_.count(i) == 0)
                return bad("weight " + name(i) + " is on no line of the weight table");
            if (!is_weight && !written_[i]) return bad("no node writes value " + name(i));
        }
        for (uint32_t g = 0; g < groups_.size(); ++g)
            for (uint32_t layer = 0; layer < groups_[g].n_layers; ++layer)
                if (kv_layers_.count({g, layer}) == 0)
                    return bad("layer " + std::to_string(layer) + " of kv group " +
                               std::to_string(g) + " is nobody's");
        for (uint32_t i = 0; i < graph_.n_outputs; ++i) {
            const uint32_t value = graph_.outputs[i];
            if (value >= values_.size() || values_[value].kind != AFS_VALUE_ACT)
                return bad("output " + std::to_string(i) + " is value " + std::to_string(value) +
                           ", which is no activation");
        }
        return {};
    }

    const afs_graph& graph_;
    std::vector<afs_kv_group> groups_;
    std::vector<afs_value> values_;
    std::unordered_set<std::string> tags_;
    std::unordered_set<uint32_t> filled_;                // weights with a line of the table
    std::set<std::pair<uint32_t, uint32_t>> kv_layers_;  // (group, layer) with a value
    std::vector<bool> written_;
};

}  // namespace

Status validate(const afs_graph& graph) {
    if (too_short(&graph)) return invalid(std::string("cannot use graph: it ") + kCut);
    const afs_graph known = read<afs_graph>(&graph);
    return Validator(known).run();
}

bool stores_weight(const afs_value& value, int32_t dtype) {
    const BlockFormat* format = block_format(dtype);
    if (!format) return is_float(dtype);
    return value.rank > 0 && value.dims[value.rank - 1] % format->elements == 0;
}

std::string describe(const afs_value& value) {
    if (value.kind == AFS_VALUE_KV) return "a KV value";
    std::string dims;
    for (int32_t axis = 0; axis < value.rank && axis < AFS_MAX_RANK; ++axis)
        dims += (axis ? ", " : "") + dim_text(value.dims[axis]);
    std::string dtype = value.dtype >= AFS_BLOCK && !block_format(value.dtype)
                            ? "block format " + std::to_string(value.dtype - AFS_BLOCK)
                            : std::string(dtype_name(value.dtype));
    if (value.kind == AFS_VALUE_WEIGHT && value.dtype == AFS_DTYPE_NONE) dtype.clear();
    return (value.kind == AFS_VALUE_WEIGHT ? "weight " : "activation ") + dtype +
           (dtype.empty() ? "" : " ") + "[" + dims + "]";
}

}  // namespace afs
