#include "step/persistent_run.hpp"

#include <algorithm>
#include <cstring>

namespace afs::cuda {
namespace {

constexpr size_t kFewestOps = 4;

class Runner {
public:
    Runner(const afs_query& query, const afs_region& region, const afs_step& sizes)
        : graph_(*query.graph), region_(region), sizes_(sizes) {}

    PersistentRun run(const std::vector<const Fused*>& stages, bool always) {
        for (const Fused* f : stages)
            if (!(f->is_attention ? take_attention(*f) : take_product(*f))) break;
        std::vector<PersistentArgs> args;
        for (const PersistentRun::Op& op : run_.ops) args.push_back(op.args);
        const bool wanted = attention_ && args.size() >= kFewestOps &&
                            (always || persistent_pays(args)) && persistent_fits(args, dtype_);
        return wanted && store_what_others_read() ? std::move(run_) : PersistentRun{};
    }

private:
    afs_value value(uint32_t id) const { return read<afs_value>(graph_.values[id]); }
    // The op that makes a value, as an index of run_.ops; -1: none here.
    int32_t maker(uint32_t id, int32_t& part) const {
        for (size_t i = run_.ops.size(); i-- > 0;) {
            const Fused& f = run_.ops[i].fused;
            if (f.is_attention && f.attention.out == id) return static_cast<int32_t>(i);
            for (size_t w = 0; !f.is_attention && w < f.product.outs.size(); ++w)
                if (f.product.outs[w] == id) {
                    part = static_cast<int32_t>(w);
                    return static_cast<int32_t>(i);
                }
        }
        return -1;
    }
    // Reads a vector of an op here; false where it is none.
    bool link(uint32_t id, size_t input, PersistentRun::Op& op) {
        op.args.from[input] = maker(id, op.args.part[input]);
        if (op.args.from[input] < 0) return false;
        run_.ops[static_cast<size_t>(op.args.from[input])].args.is_read[op.args.part[input]] = true;
        return true;
    }
    bool is_sum(uint32_t id) const {
        return std::any_of(run_.ops.begin(), run_.ops.end(), [id](const PersistentRun::Op& op) {
            return !op.fused.is_attention && op.fused.product.sum == id;
        });
    }
    bool same_dtype(uint32_t id) {
        if (run_.ops.empty()) dtype_ = value(id).dtype;
        return value(id).dtype == dtype_;
    }

    bool take_product(const Fused& f) {
        const ProductNodes& p = f.product;
        if (!f.is_streamed || p.n_vectors != 1 || !same_dtype(p.input)) return false;
        PersistentRun::Op op;
        op.fused = f;
        for (size_t w = 0; w < p.weights.size(); ++w)
            op.args.product.rows[w] = static_cast<int32_t>(value(p.weights[w]).dims[0]);
        op.args.product.columns = static_cast<int32_t>(value(p.weights[0]).dims[1]);
        op.args.product.gated = p.gated;
        op.args.adds_held = p.residual != kNoValue && p.residual == held_;
        if (p.residual != kNoValue && !op.args.adds_held) {
            int32_t part = 0;
            if (is_sum(p.residual) || maker(p.residual, part) >= 0) return false;
        }
        if (!link(p.input, 0, op) && is_sum(p.input)) return false;
        if (p.residual != kNoValue) held_ = p.sum;
        run_.ops.push_back(std::move(op));
        return true;
    }
    bool take_attention(const Fused& f) {
        const AttentionNodes& a = f.attention;
        if (run_.ops.empty() || !a.attends || !same_dtype(a.q)) return false;
        PersistentRun::Op op;
        op.fused = f;
        op.args.attends = true;
        attention_numbers(graph_, a, op.args.attention, op.args.entry);
        op.args.attention.step = sizes_;
        if (!persistent_attends(op.args.attention, a.q_norm != kNoValue, a.k_norm != kNoValue))
            return false;
        const AttentionEntry& entry = op.args.entry;
        if (attention_ &&
            (attention_->params.head_dim != op.args.attention.params.head_dim ||
             table_in_act_dtype_ != entry.table_in_act_dtype ||
             std::memcmp(&frequencies_, &entry.frequencies, sizeof frequencies_) != 0))
            return false;
        if (!link(a.q, 0, op) || !link(a.k, 1, op) || !link(a.v, 2, op)) return false;
        attention_ = std::make_unique<AttentionArgs>(op.args.attention);
        frequencies_ = entry.frequencies;
        table_in_act_dtype_ = entry.table_in_act_dtype;
        run_.ops.push_back(std::move(op));
        return true;
    }

    // False where that is attention's output, which only lies in a vector.
    bool store_what_others_read() {
        std::set<uint32_t> nodes, outside;
        for (const PersistentRun::Op& op : run_.ops)
            nodes.insert(op.fused.nodes.begin(), op.fused.nodes.end());
        outside.insert(region_.outputs, region_.outputs + region_.n_outputs);
        for (uint32_t n = 0; n < graph_.n_nodes; ++n) {
            if (nodes.count(n)) continue;
            const afs_node node = read<afs_node>(graph_.nodes[n]);
            outside.insert(node.inputs, node.inputs + node.n_inputs);
        }
        for (PersistentRun::Op& op : run_.ops) {
            if (op.fused.is_attention && outside.count(op.fused.attention.out)) return false;
            for (const uint32_t out : op.fused.product.outs)
                op.is_stored.push_back(outside.count(out) ? 1 : 0);
            op.stores_sum = outside.count(op.fused.product.sum) > 0;
        }
        return true;
    }

    const afs_graph& graph_;
    const afs_region& region_;
    afs_step sizes_;
    PersistentRun run_;
    int32_t dtype_ = AFS_DTYPE_NONE;
    uint32_t held_ = kNoValue;  // the sum that blocks keep
    std::unique_ptr<AttentionArgs> attention_;
    RopeFrequencies frequencies_{};
    int32_t table_in_act_dtype_ = 0;
};

}  // namespace

PersistentRun find_persistent(const afs_query& query, const afs_region& region,
                              const afs_step& sizes, const std::vector<const Fused*>& stages,
                              Persistent wanted) {
    if (wanted == Persistent::never ||
        read<afs_limits>(query.limits).step_class != AFS_CLASS_DECODE || sizes.n_seqs != 1)
        return {};
    return Runner(query, region, sizes).run(stages, wanted == Persistent::always);
}

}  // namespace afs::cuda
