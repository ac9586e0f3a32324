// The shapes, dtypes and parameters of every op of the contract, in one table (op_rules.cpp).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "afs/graph_builder.hpp"

namespace afs {

enum class Role {
    act,     // an activation of the node's dtype T
    weight,  // of any dtype
    kv,      // a layer's cache
    ids      // int32 activation
};

// dims: one letter an axis. t: n_tokens, r: n_rows, n: either; any other letter is a size, the
// same wherever it stands in one rule.
struct Operand {
    Role role;
    const char* dims;
};

// What a rule's own check may look at. sizes: what the letters stand for here.
struct OpMatch {
    const afs_graph& graph;
    const afs_node& node;
    const std::map<char, int64_t>& sizes;
    const afs_kv_group* group;  // of the KV operand; NULL: the op has none
};

// The op's parameter struct; all zero where it has none.
struct ParamsForm {
    uint32_t size;                                           // of its first form
    const void* (*keep)(GraphBuilder&, const void* params);  // makes a copy, the builder's
};

struct OpRule {
    const char* op;
    std::vector<Operand> inputs;
    Operand output;
    // What is wrong beyond the shapes; "" where nothing is. NULL: nothing to check.
    std::string (*check)(const OpMatch&);
    ParamsForm params;
};

// NULL: no such op.
const OpRule* find_rule(const char* op);
// Ids of all ops, for messages.
std::string known_ops();

}  // namespace afs
