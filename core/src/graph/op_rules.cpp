#include "op_rules.hpp"

#include <cmath>
#include <cstring>

namespace afs {

namespace {

std::string positive(const char* name, double value) {
    if (std::isfinite(value) && value > 0) return {};
    return std::string(name) + " is " + std::to_string(value) + ", expected a number above 0";
}
std::string flag(const char* name, int32_t value) {
    if (value == 0 || value == 1) return {};
    return std::string(name) + " is " + std::to_string(value) + ", expected 0 or 1";
}
std::string equal(const char* name, int64_t found, int64_t expected) {
    if (found == expected) return {};
    return std::string(name) + " is " + std::to_string(found) + ", expected " +
           std::to_string(expected);
}
// The first of several answers that is a complaint.
std::string first_of(std::initializer_list<std::string> answers) {
    for (const std::string& answer : answers)
        if (!answer.empty()) return answer;
    return {};
}

std::string check_rms_norm(const OpMatch& m) {
    const auto p = read<afs_rms_norm_params>(m.node.params);
    return first_of({positive("eps", static_cast<double>(p.eps)),
                     flag("weight_before_cast", p.weight_before_cast)});
}

std::string check_rope(const OpMatch& m) {
    const auto p = read<afs_rope_params>(m.node.params);
    if (p.head_dim == 0 || p.head_dim % 2 != 0 || m.sizes.at('d') % p.head_dim != 0)
        return "head_dim is " + std::to_string(p.head_dim) + ", expected an even divisor of " +
               std::to_string(m.sizes.at('d'));
    if (p.scaling != AFS_ROPE_PLAIN && p.scaling != AFS_ROPE_LLAMA3)
        return "scaling is " + std::to_string(p.scaling) + ", expected 0 or 1";
    std::string base =
        first_of({positive("theta", p.theta), flag("table_in_act_dtype", p.table_in_act_dtype)});
    if (!base.empty() || p.scaling == AFS_ROPE_PLAIN) return base;
    if (!(p.high_freq_factor > p.low_freq_factor))
        return "high_freq_factor is not above low_freq_factor";
    return first_of({positive("factor", static_cast<double>(p.factor)),
                     positive("low_freq_factor", static_cast<double>(p.low_freq_factor)),
                     positive("high_freq_factor", static_cast<double>(p.high_freq_factor)),
                     positive("original_max_position", p.original_max_position)});
}

std::string check_kv_append(const OpMatch& m) {
    return equal("the width of k and v", m.sizes.at('k'),
                 int64_t{m.group->n_kv_heads} * m.group->head_dim);
}

std::string check_attention(const OpMatch& m) {
    const auto p = read<afs_attention_params>(m.node.params);
    if (p.n_kv_heads == 0 || p.n_heads == 0 || p.n_heads % p.n_kv_heads != 0)
        return "n_heads is " + std::to_string(p.n_heads) + ", expected a multiple of n_kv_heads " +
               std::to_string(p.n_kv_heads);
    return first_of({equal("n_kv_heads", p.n_kv_heads, m.group->n_kv_heads),
                     equal("head_dim", p.head_dim, m.group->head_dim),
                     equal("the width of q", m.sizes.at('q'), int64_t{p.n_heads} * p.head_dim),
                     positive("scale", static_cast<double>(p.scale))});
}

template <class P>
ParamsForm params() {
    return {sizeof(P), [](GraphBuilder& builder, const void* from) {
                return builder.keep_params(read<P>(from));
            }};
}

// clang-format off: a line an op
const std::vector<OpRule>& rules() {
    constexpr ParamsForm none = {0, nullptr};
    constexpr Role act = Role::act, weight = Role::weight, kv = Role::kv, ids = Role::ids;
    static const std::vector<OpRule> kRules = {
        {"embed/1", {{weight, "vd"}}, {act, "td"}, nullptr, none},
        {"rms_norm/1",
         {{act, "nd"}, {weight, "d"}},
         {act, "nd"},
         check_rms_norm,
         params<afs_rms_norm_params>()},
        {"linear/1", {{act, "nk"}, {weight, "mk"}}, {act, "nm"}, nullptr, none},
        {"rope/1", {{act, "td"}}, {act, "td"}, check_rope, params<afs_rope_params>()},
        {"kv_append/1", {{act, "tk"}, {act, "tk"}}, {kv, ""}, check_kv_append, none},
        {"attention/1",
         {{act, "tq"}, {kv, ""}},
         {act, "tq"},
         check_attention,
         params<afs_attention_params>()},
        {"swiglu/1", {{act, "nf"}, {act, "nf"}}, {act, "nf"}, nullptr, none},
        {"add/1", {{act, "nd"}, {act, "nd"}}, {act, "nd"}, nullptr, none},
        {"select_rows/1", {{act, "td"}}, {act, "rd"}, nullptr, none},
        {"sample/1", {{act, "rv"}}, {ids, "r"}, nullptr, none},
    };
    return kRules;
}
// clang-format on

}  // namespace

const OpRule* find_rule(const char* op) {
    for (const OpRule& rule : rules())
        if (std::strcmp(rule.op, op) == 0) return &rule;
    return nullptr;
}

std::string known_ops() {
    std::string all;
    for (const OpRule& rule : rules()) all += (all.empty() ? "" : ", ") + std::string(rule.op);
    return all;
}

}  // namespace afs
