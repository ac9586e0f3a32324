// A stretch of a decode step of one sequence in one launch (sm_90 and later): products with what
// leads to their vectors, and attention, one op after the other on every SM at once. An SM's ring
// of weights (stream/multiply.cuh) goes on from op to op without waiting for anybody: only vectors
// wait.
//
// What an op makes for others lies in vectors whose words tell themselves whether they are written
// (persistent/vector.cuh), so that no fence stands between two ops. The residual stream stays in
// registers, in every block.
#pragma once
#include <vector>

#include "ops/attention/attention.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

constexpr int kPersistentInputs = 3;

// One op: a product, or attention with its entry. Pointers count from persistent_prepare on.
struct PersistentArgs {
    bool attends = false;
    StreamProduct product{};  // without depth and in_flight
    AttentionArgs attention{};
    AttentionEntry entry{};
    // The op before and which of its vectors is the input, or q, k and v; -1: product.input.input.
    int32_t from[kPersistentInputs] = {-1, -1, -1}, part[kPersistentInputs] = {};
    bool adds_held = false;  // the residual is the sum that the last product with one made
    bool is_read[kStreamWeights] = {};  // by ops of this launch; product.out may then be NULL
};

// The kernel's parameters less those of the step.
struct PersistentProgram {
    const void* ops;              // [n_ops] PersistentOp
    const void *asked, *weights;  // [n_products] Asked, [kStreamWeights] CUtensorMap
    const int32_t* first_units;   // [n_products][blocks + 1]
    char* vectors;                // two sets of set_bytes
    uint32_t* counters;           // two sets of n_ops: arrivals; then blocks that left, and the set
    uint32_t set_bytes, max_blocks, max_context;
    int32_t n_ops, n_products, depth, in_flight, x_bytes, table_in_act_dtype;
    const int32_t *cu_seqlens, *context_lens, *block_table, *positions, *slots;
    RopeFrequencies frequencies;
};

struct PreparedPersistent {
    PersistentProgram program;
    int32_t dtype, head_dim, blocks, shared_bytes;
};

// Of steps of one sequence, as one launch where that is possible.
enum class Persistent { where_it_pays, always, never };

// Contexts up to here: beyond, more blocks than two should share a kv head.
constexpr uint32_t kPersistentContext = 512;
// Whether attention's numbers, and the step's sizes, fit a launch on the current device.
bool persistent_attends(const AttentionArgs& args, bool q_is_normed, bool k_is_normed);
// Whether all blocks of a launch of these ops find a place on the current device at the same time.
bool persistent_fits(const std::vector<PersistentArgs>& ops, int32_t dtype);
// Whether they are faster so than as launches that overlap.
bool persistent_pays(const std::vector<PersistentArgs>& ops);
// Of the launch's own, zeroed before persistent_prepare. Needs no pointers.
uint64_t persistent_state_bytes(const std::vector<PersistentArgs>& ops);
// Every attention of the same head_dim and RoPE; every width a multiple of kBlockColumns.
Status persistent_prepare(const std::vector<PersistentArgs>& ops, int32_t dtype, int32_t in_flight,
                          void* state, cudaStream_t stream, PreparedPersistent& out);
// early: see stream_launch. Every block needs a place on the device at the same time.
Status persistent_launch(const PreparedPersistent& prepared, const afs_step& step, bool early,
                         cudaStream_t stream);

}  // namespace afs::cuda
