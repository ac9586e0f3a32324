// The kernel of a persistent launch: one block an SM, all at the same time, in pairs (clusters).
// Eight warps make vectors and multiply, one thread more asks for weights, of all ops in order, as
// far as its ring has room: it waits for nobody.
#pragma once
#include "persistent/attend.cuh"

namespace afs::cuda {
namespace persistent {

// Between two ops: until the vectors of the op before are there, and the next op's description.
class Turn {
public:
    // i: this op's number.
    __device__ Turn(const PersistentProgram& p, const uint32_t* counters, PersistentShared& small,
                    int i)
        : op_(small.ops[i % 2]), counters_(counters), next_(&small.ops[(i + 1) % 2]) {
        const uint32_t t = threadIdx.x;
        brings_ = i + 1 < p.n_ops && t < kOpPieces;
        if (brings_)
            piece_ = __ldg(
                reinterpret_cast<const uint4*>(static_cast<const PersistentOp*>(p.ops) + i + 1) +
                t);
    }
    // Exactly one of the two, once, by all threads that multiply.
    __device__ void wait() const {
        if (threadIdx.x == 0 && op_.waits_for >= 0)
            wait_for_arrivals(counters_ + op_.waits_for, op_.n_arrivals);
        pass();
    }
    __device__ void pass() const {
        sync_makers();  // nobody reads the op before any more
        if (brings_) reinterpret_cast<uint4*>(next_)[threadIdx.x] = piece_;
    }

private:
    const PersistentOp& op_;
    const uint32_t* counters_;
    PersistentOp* next_;
    uint4 piece_ = {};
    bool brings_;
};

// A product's input, in memory or of an op before.
template <class T>
struct OpInput {
    const PersistentOp& op;
    const Vectors& vectors;
    const Turn& turn;

    __device__ void wait() const { turn.wait(); }
    template <int kHeld>
    __device__ void take(Held<T, kHeld>& to, int first, int chunks) const {
        if (op.input[0])
            return to.load_from(op.input[0], first, chunks,
                                [](const uint4* from) { return fresh_load16(from); });
        const uint4* pieces = vectors.pieces(op, 0);
        const uint4* from[kHeld];
#pragma unroll
        for (int i = 0; i < kHeld; ++i) {
            const int c = first + i * kMakingThreads;
            from[i] = c < chunks ? pieces + c : nullptr;
        }
        take_pieces(from, to.at);
    }
};

// A product's description and this block's share; fetched while the weights of the product before
// are asked for.
struct Task {
    Asked asked;
    const CUtensorMap* weights;
    int32_t first, end;

    __device__ Task(const PersistentProgram& p, int product)
        : asked(static_cast<const Asked*>(p.asked)[product]),
          weights(static_cast<const CUtensorMap*>(p.weights) + product * kStreamWeights) {
        const int32_t* const share = p.first_units + product * (gridDim.x + 1) + blockIdx.x;
        first = share[0], end = share[1];
    }
};

__device__ inline void copy_weights(const PersistentProgram& p, const StreamRing& ring) {
    PageCopies copies(ring, p.in_flight);
    Task now(p, 0);
    for (int i = 0; i < p.n_products; ++i) {
        const Task next(p, min(i + 1, p.n_products - 1));
        for (int unit = now.first; unit < now.end; ++unit) {
            copies.ask(now.weights, now.asked.shape, unit);
            if (unit > now.first) continue;
            fetch_ahead(now.asked.ahead, blockIdx.x, gridDim.x);
#pragma unroll
            for (int w = 0; w < kStreamWeights; ++w)
                if (next.asked.shape.rows[w]) prefetch(next.weights[w]);
        }
        now = next;
    }
}

template <class T>
__device__ void multiply(const PersistentOp& op, int first, int end, const StreamRing& ring,
                         const T* x, const Vectors& vectors, uint32_t* arrivals,
                         PageTurns<kPersistentTeams>& turns, PersistentShared& small) {
    const auto store = [&](int w, int row, T result, bool is_last) {
        const uint32_t lane = threadIdx.x % 32;
        const uint32_t own = *reinterpret_cast<const uint16_t*>(&result);
        const uint32_t word = own | __shfl_down_sync(~0u, own, 1) << 16;
        if (lane < kPageRows && row < op.shape.rows[w]) {
            if (op.out[w]) static_cast<T*>(op.out[w])[row] = result;
            if (op.out_at[w] >= 0 && lane % 2 == 0)
                vectors.put(op.out_at[w] + row * int64_t{sizeof(T)}, word);
        }
        if (is_last && lane == 0) arrive(arrivals);
    };
    multiply_units<T, kPersistentTeams>(ring, op.shape, first, end, x, turns, small.sums, store);
}

template <class T, int kHeadDim>
__device__ void run_ops(const PersistentProgram& p, const StreamRing& ring, char* x,
                        PersistentShared& small) {
    const uint32_t t = threadIdx.x;
    if (t < kOpPieces)
        reinterpret_cast<uint4*>(small.ops)[t] = __ldg(static_cast<const uint4*>(p.ops) + t);
    wait_for_previous();
    const uint32_t set = __ldcg(p.counters + 2 * p.n_ops + 1);
    const Vectors vectors = {p.vectors + set * p.set_bytes, p.vectors + (1 - set) * p.set_bytes};
    uint32_t* const counters = p.counters + set * p.n_ops;
    if (blockIdx.x == 0)
        for (uint32_t i = t; i < static_cast<uint32_t>(p.n_ops); i += kPersistentThreads)
            p.counters[(1 - set) * p.n_ops + i] = 0;
    const OnlySequence sequence(p);
    if (t < kHeadDim / 2)
        small.table[t] = rope_cos_sin<T>(sequence.position, p.frequencies.inv_freq[t],
                                         p.table_in_act_dtype != 0);
    for (uint32_t i = t; i < min(p.max_blocks, kKeptBlocks); i += kPersistentThreads)
        small.blocks[i] = p.block_table[i];
    PageTurns<kPersistentTeams> turns(ring.depth);
    uint32_t n_received = 0;
    Held<T, kMostHeld> residual;
    for (int i = 0; i < p.n_ops; ++i) {
        sync_makers();
        const PersistentOp& op = small.ops[i % 2];
        const Turn turn(p, counters, small, i);
        if (i + 1 == p.n_ops && t == 0) let_next_start();
        if (op.attends) {
            attend<T, kHeadDim>(p, op, sequence, vectors, counters + i, small, x, n_received, turn);
            continue;
        }
        const int32_t* const share = p.first_units + op.product * (gridDim.x + 1) + blockIdx.x;
        const int first = share[0], end = share[1];
        make_x<T, kMostHeld, 7>(op.lead_in, op.shape.columns, op.shape.padded_columns(),
                                reinterpret_cast<T*>(x), blockIdx.x == 0, small.of_warp,
                                OpInput<T>{op, vectors, turn}, residual, op.adds_held != 0);
        multiply(op, first, end, ring, reinterpret_cast<const T*>(x), vectors, counters + i, turns,
                 small);
    }
    sync_makers();
    // The last block to leave makes everything ready for the next launch.
    uint32_t* const left = p.counters + 2 * p.n_ops;
    if (t == 0 && atomicAdd(left, 1) == gridDim.x - 1) {
        left[0] = 0, left[1] = 1 - set;
    }
}

template <class T, int kHeadDim>
__global__ void __launch_bounds__(kPersistentThreads + 32, 1)
    persistent_kernel(const __grid_constant__ PersistentProgram p) {
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char shared[];
    char* const x = shared + p.depth * kPageBytes;
    auto& small = *reinterpret_cast<PersistentShared*>(x + p.x_bytes);
    const StreamRing ring(shared, small.full, small.empty, p.depth);
    if (threadIdx.x == 0) {
        barrier_init(shared_address(&small.received), 1);
        ring.init(kPersistentTeams);
    }
    cluster_sync();
    if (threadIdx.x < kPersistentThreads)
        run_ops<T, kHeadDim>(p, ring, x, small);
    else if (threadIdx.x == kPersistentThreads)
        copy_weights(p, ring);
#endif
}

}  // namespace persistent

// One for each dtype and head_dim, in persistent/instances/.
#define AFS_PERSISTENT_INSTANCE(T, head_dim)                                                       \
    template <>                                                                                    \
    PersistentKernel persistent_kernel_of<T, head_dim>() {                                         \
        return persistent::persistent_kernel<T, head_dim>;                                         \
    }

}  // namespace afs::cuda
