// Attention of one sequence inside a persistent launch: two neighbouring blocks (a cluster) serve a
// kv head with all query heads that share it, or one of them alone where that takes a turn only.
// The second leaves its sums in the first's shared memory. As attention_decode rounds.
#pragma once
#include "kernels/cluster.cuh"
#include "kernels/stream_load.cuh"
#include "ops/attention/enter.cuh"
#include "persistent/op.cuh"

namespace afs::cuda {

// What attention keeps where x lies else.
template <class T, int kHeadDim>
struct AttendShared {
    static constexpr uint32_t kPitch = kHeadDim + 2;
    alignas(16) T q[kHeads][kHeadDim];  // zeros for heads that there are not
    alignas(16) T newest_k[kHeadDim];
    alignas(16) T newest_v[kHeadDim];
    Partial part[kPersistentWarps][kHeads];
    float sum[1];  // [warps][group][kPitch]

    __host__ __device__ static constexpr int bytes(int group) {
        return static_cast<int>(sizeof(AttendShared)) +
               kPersistentWarps * group * static_cast<int>(kPitch * sizeof(float));
    }
    __device__ float* row(uint32_t warp, uint32_t head, uint32_t group) {
        return sum + (warp * group + head) * kPitch;
    }
};

// A float into the shared memory of another block of the cluster; counts towards its barrier.
__device__ inline void push(uint32_t to, uint32_t barrier, float x) {
    asm volatile(
        "st.async.shared::cluster.mbarrier::complete_tx::bytes.f32 [%0], %1, [%2];" ::"r"(to),
        "f"(x), "r"(barrier)
        : "memory");
}
__device__ inline uint32_t address_in(uint32_t rank, const void* own) {
    uint32_t address;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
                 : "=r"(address)
                 : "r"(shared_address(own)), "r"(rank));
    return address;
}
// Until the phase of this parity is over; what other blocks pushed can be read.
__device__ inline void wait_for_pushes(uint32_t barrier, uint32_t parity) {
    for (int tries = 0; tries < (1 << 24); ++tries) {
        uint32_t done;
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2; "
            "selp.u32 %0, 1, 0, p; }"
            : "=r"(done)
            : "r"(barrier), "r"(parity)
            : "memory");
        if (done) return;
    }
    __trap();
}

// q's heads of one kv head, and where `newest` the newest k and v, in the cache too.
template <class T, int kHeadDim, class Wait>
__device__ void take_rows(const PersistentProgram& p, const PersistentOp& op,
                          const Vectors& vectors, uint32_t kv_head, bool newest, uint32_t slot,
                          PersistentShared& small, AttendShared<T, kHeadDim>& s, const Wait& turn) {
    constexpr uint32_t kHalf = kHeadDim / 2, kPieces = kHalf / 8, kRowPieces = kHeadDim / 8;
    constexpr uint32_t kFirstK = kHeads * kPieces, kFirstV = 96;
    static_assert(kFirstK + kPieces <= kFirstV && kFirstV + kRowPieces <= kPersistentThreads);
    constexpr int kOfRow = 3,
                  kTakes = 2 + 2 * kOfRow;  // of q's and k's whole rows, for their norms
    static_assert(8 * kOfRow * kPersistentThreads == kStreamMaxNormed);
    const uint32_t t = threadIdx.x, piece = t % kPieces, head = t / kPieces;
    const uint32_t group = op.n_heads / op.n_kv_heads;
    const bool is_q = t < kFirstK, is_head = is_q && head < group;
    const bool is_k = newest && t >= kFirstK && t < kFirstK + kPieces;
    const bool is_v = newest && t >= kFirstV && t < kFirstV + kRowPieces;
    const uint4 *q = vectors.pieces(op, 0), *k = vectors.pieces(op, 1), *v = vectors.pieces(op, 2);
    const uint4* from[kTakes] = {};
    uint32_t at = 0;  // of the low half, in pieces of its row
    if (is_head) {
        at = (kv_head * group + head) * kRowPieces + piece;
        from[0] = q + at, from[1] = q + at + kPieces;
    } else if (is_k) {
        at = kv_head * kRowPieces + piece;
        from[0] = k + at, from[1] = k + at + kPieces;
    } else if (is_v) {
        from[0] = v + kv_head * kRowPieces + t - kFirstV;
    }
#pragma unroll
    for (int i = 0; i < kOfRow; ++i) {
        const uint32_t chunk = t + i * kPersistentThreads;
        if (op.q_norm && chunk < op.n_heads * kRowPieces) from[2 + i] = q + chunk;
        if (newest && op.k_norm && chunk < op.n_kv_heads * kRowPieces)
            from[2 + kOfRow + i] = k + chunk;
    }
    Pairs<T> pairs = {};
    const T* const norm = static_cast<const T*>(is_k ? op.k_norm : op.q_norm);
    if (norm && (is_head || is_k)) {
        pairs.low_norm.raw = stream_load16(reinterpret_cast<const uint4*>(norm) + at);
        pairs.high_norm.raw = stream_load16(reinterpret_cast<const uint4*>(norm) + at + kPieces);
    }
    turn.wait();
    uint4 taken[kTakes];
    take_pieces(from, taken);
    float2 r = {};
    if (op.q_norm || op.k_norm) {
        const auto squares = [&](int first) {
            float sum = 0;
#pragma unroll
            for (int i = 0; i < kOfRow; ++i) {
                float x[8];
                unpack<T>(taken[first + i], x);
#pragma unroll
                for (const float each : x) sum += each * each;
            }
            return warp_sum(sum);
        };
        const float2 own = {squares(2), squares(2 + kOfRow)};
        if (t % 32 == 0) small.squares[t / 32] = own;
        sync_makers();
#pragma unroll
        for (int w = 0; w < kPersistentWarps; ++w)
            r.x += small.squares[w].x, r.y += small.squares[w].y;
        const auto width = [](uint32_t heads) { return static_cast<float>(heads * kHeadDim); };
        r = {1.0f / sqrtf(r.x / width(op.n_heads) + op.q_eps),
             1.0f / sqrtf(r.y / width(op.n_kv_heads) + op.k_eps)};
    }
    pairs.low.raw = taken[0], pairs.high.raw = taken[1];
    if (is_head || is_k)
        pairs.enter(norm != nullptr, is_k ? r.y : r.x,
                    (is_k ? op.k_before_cast : op.q_before_cast) != 0, small.table + piece * 8,
                    p.table_in_act_dtype != 0);
    const auto put = [](void* to, uint32_t at_piece, const uint4& x) {
        static_cast<uint4*>(to)[at_piece] = x;
    };
    if (is_q) {
        put(s.q[head], piece, pairs.low.raw);
        put(s.q[head], piece + kPieces, pairs.high.raw);
    }
    const KvCache& cache = op.cache;
    const uint32_t block = cache.block_of(slot), inside = cache.slot_of(slot);
    if (is_k) {
        T* const stored = static_cast<T*>(cache.k) + cache.k_stride.at(block, kv_head, inside);
        put(s.newest_k, piece, pairs.low.raw);
        put(s.newest_k, piece + kPieces, pairs.high.raw);
        put(stored, piece, pairs.low.raw);
        put(stored, piece + kPieces, pairs.high.raw);
    }
    if (is_v) {
        T* const stored = static_cast<T*>(cache.v) + cache.v_stride.at(block, kv_head, inside);
        put(s.newest_v, t - kFirstV, taken[0]);
        put(stored, t - kFirstV, taken[0]);
    }
    sync_makers();
}

// scratch: AttendShared::bytes. n_received: how often this block was pushed to in this launch.
template <class T, int kHeadDim, class Wait>
__device__ void attend(const PersistentProgram& p, const PersistentOp& op,
                       const OnlySequence& sequence, const Vectors& vectors, uint32_t* arrivals,
                       PersistentShared& small, char* scratch, uint32_t& n_received,
                       const Wait& turn) {
    constexpr uint32_t kPitch = AttendShared<T, kHeadDim>::kPitch;
    auto& s = *reinterpret_cast<AttendShared<T, kHeadDim>*>(scratch);
    const uint32_t kv_head = blockIdx.x / 2, rank = cluster_rank();
    const uint32_t group = op.n_heads / op.n_kv_heads;
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t context = min(sequence.context, p.max_blocks * op.cache.block_size);
    const uint32_t stored = context > 0 ? context - 1 : 0;
    const uint32_t n_parts = stored > kPersistentWarps * kTile ? 2 : 1;
    if (kv_head >= op.n_kv_heads || rank >= n_parts) return turn.pass();
    const uint32_t received = shared_address(&small.received);
    const bool takes_pushes = rank == 0 && n_parts == 2;
    if (takes_pushes && threadIdx.x == 0) barrier_expect(received, group * kPitch * sizeof(float));
    const uint32_t share = (stored + n_parts - 1) / n_parts;
    const uint32_t begin = min(rank * share, stored), end = min(begin + share, stored);
    ContextWalk<T, kHeadDim, kPersistentWarps> walk(
        op.cache, p.max_blocks <= kKeptBlocks ? small.blocks : p.block_table, kv_head, begin, end);
    const bool newest = rank == n_parts - 1 && context > 0;
    take_rows<T, kHeadDim>(p, op, vectors, kv_head, newest, sequence.slot, small, s, turn);
    Sums<T, kHeadDim> own;
    own.clear();
    walk.run(own, &s.q[lane / 4][lane % 4 * 8], newest ? s.newest_k : nullptr, s.newest_v,
             op.scale * 1.44269504f, false);
    own.put(
        group, [&](uint32_t h) -> Partial& { return s.part[warp][h]; },
        [&](uint32_t h) { return s.row(warp, h, group); });
    sync_makers();

    // Two neighbouring dimensions a thread: of the block's warps, then of both blocks.
    for (uint32_t i = threadIdx.x; i < group * kHeadDim / 2; i += kPersistentThreads) {
        const uint32_t h = i / (kHeadDim / 2), d = i % (kHeadDim / 2) * 2;
        Partial whole = {-INFINITY, 0};
        float2 sum = {};
#pragma unroll
        for (int w = 0; w < kPersistentWarps; ++w) whole.m = fmaxf(whole.m, s.part[w][h].m);
#pragma unroll
        for (int w = 0; w < kPersistentWarps; ++w) {
            const float weight = worth(s.part[w][h].m, whole.m);
            const float2 of = *reinterpret_cast<const float2*>(s.row(w, h, group) + d);
            whole.l += s.part[w][h].l * weight;
            sum.x += of.x * weight, sum.y += of.y * weight;
        }
        if (rank == 1) {
            const uint32_t barrier = address_in(0, &small.received);
            const auto leave = [&](uint32_t at, float x) {
                push(address_in(0, small.other + h * kPitch + at), barrier, x);
            };
            leave(d, sum.x), leave(d + 1, sum.y);
            if (d == 0) leave(kHeadDim, whole.m), leave(kHeadDim + 1, whole.l);
            continue;
        }
        if (takes_pushes) {
            wait_for_pushes(received, n_received % 2);
            const float* const other = small.other + h * kPitch;
            const float m = other[kHeadDim], top = fmaxf(whole.m, m);
            const float keep = worth(whole.m, top), more = worth(m, top);
            whole.l = whole.l * keep + other[kHeadDim + 1] * more;
            sum.x = sum.x * keep + other[d] * more, sum.y = sum.y * keep + other[d + 1] * more;
        }
        vectors.put(op.out_at[0] + ((kv_head * group + h) * kHeadDim + d) * int64_t{sizeof(T)},
                    pack<T>(sum.x / whole.l, sum.y / whole.l));
    }
    if (takes_pushes) ++n_received;
    if (rank == 0 && threadIdx.x == 0) arrive(arrivals);
}

}  // namespace afs::cuda
