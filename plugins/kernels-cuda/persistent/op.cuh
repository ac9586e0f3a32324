// What a block of a persistent launch knows: of an op, of the step, and what it keeps in shared
// memory beside pages and x.
#pragma once
#include "kernels/ahead.cuh"
#include "ops/attention/context.cuh"
#include "persistent/persistent.hpp"
#include "persistent/vector.cuh"
#include "stream/multiply.cuh"

namespace afs::cuda {

constexpr int kPersistentThreads = kMakingThreads, kPersistentWarps = kMakingWarps;
constexpr int kPersistentDepth = 12;
constexpr int kPersistentTeams = 2;
constexpr int kPersistentHeadDim = 128;
constexpr uint32_t kKeptBlocks = 128;  // of the sequence's blocks of the cache: where they lie

struct alignas(16) PersistentOp {
    const void* input[kPersistentInputs];  // in memory; NULL: at input_at in the set of vectors
    int32_t input_at[kPersistentInputs];
    int32_t waits_for;  // the op whose arrivals tell that looking pays; -1: none
    uint32_t n_arrivals;
    int32_t attends, product;  // product: its number among the products

    WeightShape shape;
    void* out[kStreamWeights];       // in memory, or NULL
    int32_t out_at[kStreamWeights];  // in the set of vectors, or -1; attention has the first
    StreamInput lead_in;
    int32_t adds_held;

    KvCache cache;
    uint32_t n_heads, n_kv_heads;
    float scale;
    const void *q_norm, *k_norm;
    float q_eps, k_eps;
    int32_t q_before_cast, k_before_cast;
};
// What the thread that asks for a product's weights knows of it.
struct Asked {
    WeightShape shape;
    Ahead ahead;  // the norms' weights of the ops up to the next product
};
constexpr int kOpPieces = sizeof(PersistentOp) / 16;
static_assert(kOpPieces <= kPersistentThreads);

struct PersistentShared {
    uint64_t full[kPersistentDepth], empty[kPersistentDepth];
    uint64_t received;  // what the other block of the pair has summed up
    GroupSums sums;
    SumsOfWarps of_warp;
    float2 squares[kPersistentWarps];
    float2 table[kPersistentHeadDim / 2];
    int32_t blocks[kKeptBlocks];
    alignas(16) float other[kHeads * (kPersistentHeadDim + 2)];
    PersistentOp ops[2];
};

using PersistentKernel = void (*)(PersistentProgram);
template <class T, int kHeadDim>
PersistentKernel persistent_kernel_of();

// The step's only sequence.
struct OnlySequence {
    uint32_t context;  // with the newest position; 0: there is no sequence
    int32_t position;  // of the newest
    uint32_t slot;

    __device__ explicit OnlySequence(const PersistentProgram& p) {
        const int32_t token = p.cu_seqlens[0];
        const bool empty = token >= p.cu_seqlens[1];
        context = empty ? 0 : min(static_cast<uint32_t>(max(p.context_lens[0], 0)), p.max_context);
        position = empty ? 0 : p.positions[token];
        slot = empty ? 0 : static_cast<uint32_t>(p.slots[token]);
    }
};

// The sets of vectors: this launch's, and that of the next, which this one wipes.
struct Vectors {
    char *own, *next;

    // A word of a vector is there now; the next launch will find it unwritten.
    __device__ void put(int64_t at, uint32_t word) const {
        put_word(own + at, word);
        *reinterpret_cast<uint32_t*>(next + at) = 0;
    }
    __device__ const uint4* pieces(const PersistentOp& op, int input) const {
        return reinterpret_cast<const uint4*>(own + op.input_at[input]);
    }
};

}  // namespace afs::cuda
