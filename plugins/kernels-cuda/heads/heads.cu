// A block multiplies its share of the rows of q and k, then of v, as stream.cu does (eight warps
// and one that copies). Eight more warps attend (attend.cuh): they get their head's q as soon as
// all blocks have theirs, go through the cache while k is multiplied, and wait for the last rows of
// v, which are added to the output where they were made. Bound by the weights' bytes.
//
// OLMo-2 norms q and k over all heads: each block tells the sums of its rows' squares with them.
// What runs for the first time here comes from memory, instructions too, since other kernels ran in
// between: so both parts of a block rehearse, and loops are not unrolled without need.
#include "device/launch.hpp"
#include "heads/attend.cuh"
#include "heads/heads.hpp"
#include "stream/multiply.cuh"

namespace afs::cuda {
namespace heads {
namespace {

constexpr int kCopyingWarp = kStreamWarps, kFirstAttending = 32 * (kStreamWarps + 1);
constexpr int kThreads = kFirstAttending + kAttendThreads;
constexpr uint32_t kMinWidth = 1024;  // of q; below, blocks take longer to meet than to multiply

// The groups of 8 rows that a block multiplies: of q and of k as many as every other block, since
// all of them are waited for, and going round the blocks as in stream.cu; of v those of its head's
// dimensions.
struct Groups {
    int first[kStreamWeights], n[kStreamWeights];

    template <class T, int kHeadDim>
    __device__ Groups(const Params<T>& p, const Serving<kHeadDim>& serving) {
        constexpr int kOfHead = kHeadDim / kPageRows;
        const int all = static_cast<int>(p.n_heads) * kOfHead;
        const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
        // Who has one group less of q has not also one less of k.
        first[0] = block;
        first[1] = (block + blocks / 2) % blocks;
        for (int w = 0; w < 2; ++w) n[w] = max(0, (all - first[w] + blocks - 1) / blocks);
        first[2] = static_cast<int>(serving.head) * kOfHead + serving.first;
        n[2] = serving.end - serving.first;
    }
    __device__ int all() const { return n[0] + n[1] + n[2]; }
    __device__ int group(int w, int nth) const {
        return first[w] + nth * (w < 2 ? static_cast<int>(gridDim.x) : 1);
    }
};

// Two rows a lane, in the even ones of 0 to 7. By a warp.
template <class T>
__device__ uint32_t paired(T row) {
    static_assert(sizeof(T) == 2);
    const uint32_t bits = *reinterpret_cast<const uint16_t*>(&row);
    return bits | __shfl_down_sync(0xffffffffu, bits, 1) << 16;
}

// Warp w adds up the rows of weight w.
template <class T, int kHeadDim>
__device__ void multiply(const Params<T>& p, const Groups& groups, Multiplying<T>& multiplying,
                         Shared<T, kHeadDim>& s) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll 1
    for (int w = 0; w < kStreamWeights; ++w) {
        float squares = 0;
#pragma unroll 1
        for (int nth = 0; nth < groups.n[w]; ++nth) {
            const T row = narrow<T>(multiplying.sums(w));
            if (warp != w) continue;
            const int at = groups.group(w, nth) * kPageRows + lane;
            const uint32_t pair = paired(row);
            if (lane < kPageRows) {
                static_cast<T*>(p.product.out[w])[at] = row;
                squares += widen(row) * widen(row);
                if (w < 2 && lane % 2 == 0) s.words.put(p.told.rows[w] + at / 2, pair);
                if (w == 2) {
                    s.newest_v[nth * kPageRows + lane] = row;
                    barrier_arrive(shared_address(&s.values));
                }
            }
            __syncwarp();
        }
        if (warp != w || w == 2) continue;
        squares = warp_sum(squares);
        if (lane != 0) continue;
        s.words.put(p.told.squares[w] + blockIdx.x, squares);
        Words::count(p.told.count + w);
    }
}

// With 72 registers a block fits beside one of the product before or after it.
template <class T, int kHeadDim, int kHeld>
__global__ void __maxnreg__(72) heads_kernel(const __grid_constant__ Params<T> p) {
#if __CUDA_ARCH__ >= 900
    extern __shared__ __align__(1024) char shared[];
    const StreamProduct& product = p.product;
    const int padded = padded_columns(product.columns), tid = static_cast<int>(threadIdx.x);
    T* x = reinterpret_cast<T*>(shared + product.depth * kPageBytes);
    StreamShared& small = *reinterpret_cast<StreamShared*>(x + padded);
    static_assert(sizeof(StreamShared) % alignof(Shared<T, kHeadDim>) == 0);
    auto& s = *reinterpret_cast<Shared<T, kHeadDim>*>(&small + 1);
    const StreamRing ring = {shared_address(shared), shared_address(small.full),
                             shared_address(small.empty), product.depth, product.in_flight};
    const Serving<kHeadDim> serving(p, blockIdx.x);
    const Groups groups(p, serving);
    if (tid == 0) {
        let_next_start();
        ring.init();
        barrier_init(shared_address(&s.values), max(1, serving.end - serving.first) * kPageRows);
        barrier_fence();
    }
    if (tid == kFirstAttending) s.words.launch = Words::next_launch(p.told.squares[0] + blockIdx.x);
    __syncthreads();
    if (tid / 32 == kCopyingWarp) {  // weights wait for nobody
        if (tid % 32 != 0) return;
        const int of_group = padded / kPageColumns;
        copy_pages(product, ring, groups.all() * of_group, [&](int i) -> Page {
            int w = 0, nth = i / of_group;
            while (nth >= groups.n[w]) nth -= groups.n[w++];
            return {w, groups.group(w, nth), i % of_group};
        });
        return;
    }
    if (tid >= kFirstAttending) {
        if (serving.head < p.n_heads) attend<T, kHeadDim>(p, serving, s);
        return;
    }
    Multiplying<T> multiplying(ring, shared, x, product.columns, small);
#pragma unroll 1
    for (bool rehearsal = p.rehearse && groups.all() > 0;; rehearsal = false) {
        make_x<T, kHeld>(product.input, product.columns, padded, x, blockIdx.x == 0, small.of_warp,
                         rehearsal);
        if (!rehearsal) break;
        multiplying.rehearse();
        sync_makers();  // all have read that x
    }
    multiply(p, groups, multiplying, s);
#endif
}

// Behind the pages: x, the ring's barriers, what attention keeps.
int rest_bytes(int columns) {
    return padded_columns(columns) * 2 +
           static_cast<int>(sizeof(StreamShared) + sizeof(Shared<bf16, 128>));
}

uint32_t blocks_of_head(const afs_attention_params& p) {
    const uint32_t groups = p.head_dim / kPageRows;
    return std::min(
        {static_cast<uint32_t>(n_blocks()) / p.n_heads, groups, static_cast<uint32_t>(kMaxBlocks)});
}

// The words of a state, one kind after the other. Returns the bytes.
uint64_t lay_out(const afs_attention_params& p, void* state, Told& told) {
    char* const begin = static_cast<char*>(state);
    uint64_t at = 0;
    const auto take = [&](uint64_t n) {
        auto* const words = reinterpret_cast<uint64_t*>(begin + at);
        at += n * sizeof(uint64_t);
        return words;
    };
    for (auto& rows : told.rows) rows = take(uint64_t{p.n_heads} * p.head_dim / 2);
    for (auto& squares : told.squares) squares = take(static_cast<uint64_t>(n_blocks()));
    told.parts = take(uint64_t{p.n_heads} * blocks_of_head(p) * (p.head_dim + kPartial));
    told.count = reinterpret_cast<uint32_t*>(take(1));
    return at;
}

template <class T>
Params<T> params_of(const HeadsArgs& h, bool rehearse) {
    const AttentionArgs& a = h.attention;
    const AttentionEntry& e = h.entry;
    Params<T> p = {
        .product = h.product,
        .out = static_cast<T*>(a.out.data),
        .k_cache = static_cast<T*>(const_cast<void*>(a.k)),
        .v_cache = static_cast<T*>(const_cast<void*>(a.v)),
        .k_stride = CacheStride(a.layout.k_stride),
        .v_stride = CacheStride(a.layout.v_stride),
        .cu_seqlens = a.step.cu_seqlens,
        .context_lens = a.step.context_lens,
        .block_table = a.step.block_table,
        .positions = a.step.positions,
        .slots = a.step.slots,
        .n_heads = a.params.n_heads,
        .of_head = blocks_of_head(a.params),
        .max_context = std::min(a.step.max_context, a.step.max_blocks * a.layout.block_size),
        .block_shift = shift_of(a.layout.block_size),
        .scale = a.params.scale,
        .rehearse = rehearse,
        .norm = {{static_cast<const T*>(e.q_norm), e.q_eps, e.q_before_cast != 0},
                 {static_cast<const T*>(e.k_norm), e.k_eps, e.k_before_cast != 0}},
        .table_in_act_dtype = e.table_in_act_dtype != 0,
        .frequencies = e.frequencies,
        .told = {},
    };
    lay_out(a.params, h.state, p.told);
    return p;
}

template <class T, int kHeadDim>
Status launch_as(const HeadsArgs& args, bool early) {
    const StreamProduct& p = args.product;
    const bool few = p.columns <= 8 * kFewHeld * kMakingThreads || !p.input.is_made();
    const auto kernel =
        few ? heads_kernel<T, kHeadDim, kFewHeld> : heads_kernel<T, kHeadDim, kMostHeld>;
    AFS_TRY(prefer_shared(kernel, kStreamSharedBytes));
    Launch how = {dim3(static_cast<unsigned>(n_blocks())), kThreads,
                  static_cast<size_t>(p.depth * kPageBytes + rest_bytes(p.columns)),
                  args.attention.stream};
    how.overlaps = early;
    return launch(how, kernel, params_of<T>(args, early && args.entry.rehearse));
}

}  // namespace
}  // namespace heads

using namespace heads;

bool heads_fit(const afs_attention_params& p, uint32_t block_size) {
    return has_hopper() && shift_of(block_size) < 32 && p.n_heads == p.n_kv_heads &&
           (p.head_dim == 64 || p.head_dim == 128) && p.n_heads * p.head_dim >= kMinWidth &&
           blocks_of_head(p) > 0;
}

uint64_t heads_state_bytes(const afs_attention_params& params) {
    Told told;
    return lay_out(params, nullptr, told);
}

void heads_ring(HeadsArgs& args, int32_t in_flight) {
    StreamProduct& p = args.product;
    p.depth = std::min(kMaxPages, (kStreamSharedBytes - rest_bytes(p.columns)) / kPageBytes);
    p.in_flight = std::clamp(in_flight, 1, p.depth);
}

Status heads_launch(const HeadsArgs& args, bool early) {
    const bool wide = args.attention.params.head_dim == 128;
    if (args.attention.out.dtype == AFS_BF16)
        return wide ? launch_as<bf16, 128>(args, early) : launch_as<bf16, 64>(args, early);
    return wide ? launch_as<f16, 128>(args, early) : launch_as<f16, 64>(args, early);
}

}  // namespace afs::cuda
