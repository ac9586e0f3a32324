// The launches that a program is made of. A stage stands for one node, or for several fused ones.
#pragma once
#include <memory>
#include <vector>

#include "afs/kernels.hpp"
#include "backend.hpp"
#include "ops/attention/attention.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

constexpr uint32_t kNoValue = 0xffffffffu;

// What a program is bound to: a tensor for each value that is formed or read, with the bucket's
// rows.
struct Bound {
    std::vector<afs_tensor> tensors;  // [values]
    const afs_kv* const* kv = nullptr;
    void* workspace = nullptr;               // of the stages, one after the other
    const uint32_t* turns_before = nullptr;  // of the last stage before that has turns, or NULL

    const afs_kv& cache(const afs_value& v) const { return kv[v.kv_group][v.kv_layer]; }
};

class Stage {
public:
    virtual ~Stage() = default;
    // Once, before the first exec. state: state_bytes of its own, zeroed.
    virtual Status bind(const Bound& bound, void* state) = 0;
    // early: may start before the launch before it is over.
    virtual Status exec(const afs_step& step, bool early, cudaStream_t stream) = 0;

    std::vector<uint32_t> inputs, outputs;  // values read (weights left out) and formed
    uint64_t workspace_bytes = 0, state_bytes = 0;
    bool per_row = false;       // makes only rows of logits: skipped in a step without any
    uint32_t* turns = nullptr;  // from bind on: StreamTurns::own; NULL: none
};

Node node_of(const afs_graph& graph, uint32_t index);

// One node by its op.
Result<std::unique_ptr<Stage>> make_op_stage(const OpEntry& entry, const afs_query& query);

// Products of one input with up to three weights, with what comes before and after them.
struct ProductNodes {
    uint32_t input = kNoValue, residual = kNoValue, sum = kNoValue;  // values
    uint32_t post_norm = kNoValue, norm = kNoValue;                  // nodes
    std::vector<uint32_t> weights, outs;                             // values
    bool gated = false;  // outs has one: the gated unit's
    // The stage before or after it is attention; where that is in one launch with the products of
    // q, k and v (heads/heads.hpp), only over longer contexts.
    bool beside_attention = false, beside_long_attention = false;
    uint32_t n_vectors = 1;  // of the input; 0 in a step without rows of logits
};
// One vector; in_flight: see stream_ring.
std::unique_ptr<Stage> make_stream_stage(const afs_graph& graph, const ProductNodes& nodes,
                                         int32_t in_flight);
// All but the ring, from what the values are bound to.
Status bind_stream(const afs_graph& graph, const ProductNodes& nodes, const Bound& bound,
                   StreamProduct& out);
// Many.
std::unique_ptr<Stage> make_product_stage(const afs_graph& graph, const ProductNodes& nodes);
// Many, through several products: the input of each but the first is what the one before made, as
// it is or, with a residual and a norm, in the residual stream.
std::unique_ptr<Stage> make_chain_stage(const afs_graph& graph,
                                        const std::vector<ProductNodes>& links);
// An error where a value's rows have gaps between them.
Status expect_close_rows(const afs_graph& graph, uint32_t value, const Bound& bound);
// What leads to a product's vectors, from what the values are bound to.
StreamInput lead_in(const afs_graph& graph, const ProductNodes& nodes, const Bound& bound);

// From the products of q, k and v to attention's output; or, where `attends` is false, to what
// attention reads: out is then the turned q.
struct AttentionNodes {
    uint32_t q = kNoValue, k = kNoValue, v = kNoValue, cache = kNoValue, out = kNoValue;   // values
    uint32_t q_norm = kNoValue, k_norm = kNoValue, rope = kNoValue, attention = kNoValue;  // nodes
    bool attends = true;
};
std::unique_ptr<Stage> make_attention_stage(const afs_graph& graph, const AttentionNodes& nodes);
// All but the step and the stream, from what the values are bound to.
Status bind_attention(const afs_graph& graph, const AttentionNodes& nodes, const Bound& bound,
                      AttentionArgs& args, AttentionEntry& entry);

// The products of q, k and v, of one vector, and attention with them.
std::unique_ptr<Stage> make_heads_stage(const afs_graph& graph, const ProductNodes& product,
                                        const AttentionNodes& attention, int32_t in_flight);

}  // namespace afs::cuda
