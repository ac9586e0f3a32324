#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "device/launch.hpp"
#include "persistent/attend.cuh"

namespace afs::cuda {

template <>
PersistentKernel persistent_kernel_of<bf16, 64>();
template <>
PersistentKernel persistent_kernel_of<bf16, 128>();
template <>
PersistentKernel persistent_kernel_of<f16, 64>();
template <>
PersistentKernel persistent_kernel_of<f16, 128>();

namespace {

constexpr int kFewestPages = 4;
constexpr uint64_t kLeastWeights = 64 << 20, kMostWeights = 128 << 20;  // bytes of a layer

int even_blocks() {
    return n_blocks() / 2 * 2;
}
PersistentKernel kernel_of(int32_t dtype, int32_t head_dim) {
    if (dtype == AFS_BF16)
        return head_dim == 64 ? persistent_kernel_of<bf16, 64>()
                              : persistent_kernel_of<bf16, 128>();
    return head_dim == 64 ? persistent_kernel_of<f16, 64>() : persistent_kernel_of<f16, 128>();
}
uint32_t width_of(const PersistentArgs& op, int part) {
    return op.attends ? op.attention.params.n_heads * op.attention.params.head_dim
                      : static_cast<uint32_t>(op.product.rows[part]);
}
// Blocks that tell of an op.
uint32_t arrivals_of(const PersistentArgs& op) {
    if (op.attends) return op.attention.params.n_kv_heads;
    return static_cast<uint32_t>(std::min(WeightShape(op.product).units(), even_blocks()));
}

// Where everything lies in the launch's state.
struct Layout {
    uint64_t asked, weights, first_units, vectors, counters, bytes;
    uint32_t set_bytes = 0;
    std::vector<std::array<int32_t, kStreamWeights>> out_at;

    explicit Layout(const std::vector<PersistentArgs>& ops) {
        const auto aligned = [](uint64_t bytes) { return (bytes + 255) / 256 * 256; };
        for (const PersistentArgs& op : ops) {
            out_at.push_back({-1, -1, -1});
            for (int part = 0; part < kStreamWeights; ++part) {
                if (!op.is_read[part]) continue;
                out_at.back()[static_cast<size_t>(part)] = static_cast<int32_t>(set_bytes);
                set_bytes += static_cast<uint32_t>(aligned(width_of(op, part) * uint64_t{2}));
            }
        }
        const auto n_products = static_cast<uint64_t>(
            std::count_if(ops.begin(), ops.end(), [](const auto& op) { return !op.attends; }));
        asked = aligned(ops.size() * sizeof(PersistentOp));
        weights = aligned(asked + n_products * sizeof(Asked));
        first_units = aligned(weights + n_products * kStreamWeights * sizeof(CUtensorMap));
        vectors = aligned(first_units + n_products * sizeof(int32_t) *
                                            (static_cast<uint64_t>(even_blocks()) + 1));
        counters = vectors + 2 * uint64_t{set_bytes};
        bytes = aligned(counters + (2 * ops.size() + 2) * sizeof(uint32_t));
    }
};

// Which units of each op a block has: as many as the others, or one more, which those get that have
// had the least so far.
class Shares {
public:
    Shares() : pages_(static_cast<size_t>(even_blocks()), 0) {}

    void divide(const WeightShape& shape, int32_t* first) {
        const auto blocks = pages_.size();
        const auto units = static_cast<size_t>(shape.units());
        const auto pages = static_cast<uint64_t>(shape.pages) * (shape.gated ? 2 : 1);
        std::vector<size_t> order(blocks);
        std::iota(order.begin(), order.end(), size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [this](size_t a, size_t b) { return pages_[a] < pages_[b]; });
        std::vector<size_t> count(blocks, units / blocks);
        for (size_t i = 0; i < units % blocks; ++i) ++count[order[i]];
        first[0] = 0;
        for (size_t b = 0; b < blocks; ++b) {
            first[b + 1] = first[b] + static_cast<int32_t>(count[b]);
            pages_[b] += count[b] * pages;
        }
    }

private:
    std::vector<uint64_t> pages_;  // of a block
};

PersistentOp describe(const std::vector<PersistentArgs>& ops, size_t i, const Layout& layout) {
    const PersistentArgs& from = ops[i];
    const StreamProduct& product = from.product;
    PersistentOp op = {{},
                       {},
                       -1,
                       0,
                       from.attends,
                       0,
                       WeightShape(product),
                       {},
                       {},
                       product.input,
                       from.adds_held,
                       kv_cache(from.attention),
                       from.attention.params.n_heads,
                       from.attention.params.n_kv_heads,
                       from.attention.params.scale,
                       from.entry.q_norm,
                       from.entry.k_norm,
                       from.entry.q_eps,
                       from.entry.k_eps,
                       from.entry.q_before_cast,
                       from.entry.k_before_cast};
    op.input[0] = product.input.input;
    for (int k = 0; k < kPersistentInputs; ++k) {
        if (from.from[k] < 0) continue;
        op.input[k] = nullptr;
        const auto maker = static_cast<size_t>(from.from[k]);
        op.input_at[k] = layout.out_at[maker][static_cast<size_t>(from.part[k])];
        if (from.from[k] <= op.waits_for) continue;
        op.waits_for = from.from[k];
        op.n_arrivals = arrivals_of(ops[maker]);
    }
    for (int w = 0; w < kStreamWeights; ++w) {
        op.out[w] = product.out[w];
        op.out_at[w] = layout.out_at[i][static_cast<size_t>(w)];
    }
    return op;
}

// The weights of the norms that come after op i, up to the next product's.
Ahead norms_after(const std::vector<PersistentArgs>& ops, size_t i) {
    Ahead ahead{};
    int n = 0;
    const auto add = [&](const void* weight, uint64_t elements) {
        if (!weight || n == kAheadRanges) return;
        ahead.at[n] = static_cast<const char*>(weight);
        ahead.bytes[n++] = static_cast<uint32_t>(elements * 2);
    };
    for (size_t next = i + 1; next < ops.size(); ++next) {
        const PersistentArgs& op = ops[next];
        const afs_attention_params& a = op.attention.params;
        add(op.entry.q_norm, uint64_t{a.n_heads} * a.head_dim);
        add(op.entry.k_norm, uint64_t{a.n_kv_heads} * a.head_dim);
        if (op.attends) continue;
        add(op.product.input.post.weight, static_cast<uint64_t>(op.product.columns));
        add(op.product.input.norm.weight, static_cast<uint64_t>(op.product.columns));
        break;
    }
    return ahead;
}

int x_bytes_of(const std::vector<PersistentArgs>& ops) {
    int most = 0;
    for (const PersistentArgs& op : ops) {
        const afs_attention_params& a = op.attention.params;
        const int own =
            !op.attends ? WeightShape(op.product).padded_columns() * 2
            : a.head_dim == 64
                ? AttendShared<bf16, 64>::bytes(static_cast<int>(a.n_heads / a.n_kv_heads))
                : AttendShared<bf16, 128>::bytes(static_cast<int>(a.n_heads / a.n_kv_heads));
        most = std::max(most, own);
    }
    return (most + 127) / 128 * 128;
}

// How a launch of these ops uses an SM's shared memory; a depth of 0: they do not fit.
void divide_shared(const std::vector<PersistentArgs>& ops, int32_t in_flight,
                   PreparedPersistent& made) {
    PersistentProgram& p = made.program;
    p.x_bytes = x_bytes_of(ops);
    const int rest = p.x_bytes + static_cast<int>(sizeof(PersistentShared));
    const int room = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) - rest;
    p.depth = std::min(kPersistentDepth, room / kPageBytes) / kPersistentTeams * kPersistentTeams;
    if (room < 0 || p.depth < kFewestPages) p.depth = 0;
    p.in_flight = std::max(1, std::min(p.depth, in_flight));
    made.shared_bytes = p.depth * kPageBytes + rest;
}

int32_t head_dim_of(const std::vector<PersistentArgs>& ops) {
    for (const PersistentArgs& op : ops)
        if (op.attends) return static_cast<int32_t>(op.attention.params.head_dim);
    return 128;
}

// Whether every block finds a place at the same time on a device that runs nothing else.
bool all_find_a_place(PersistentKernel kernel, int shared_bytes) {
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = 2;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(static_cast<unsigned>(even_blocks()));
    config.blockDim = dim3(kPersistentThreads + 32);
    config.dynamicSmemBytes = static_cast<size_t>(shared_bytes);
    config.attrs = &cluster;
    config.numAttrs = 1;
    int clusters = 0;
    const bool known = prefer_shared(kernel, shared_bytes).ok() &&
                       cudaOccupancyMaxActiveClusters(&clusters, kernel, &config) == cudaSuccess;
    if (!known) cudaGetLastError();  // it shall not turn up elsewhere
    return known && clusters >= even_blocks() / 2;
}

}  // namespace

bool persistent_attends(const AttentionArgs& args, bool q_is_normed, bool k_is_normed) {
    const afs_attention_params& p = args.params;
    const auto fits = [&p](uint32_t heads) { return heads * p.head_dim <= kStreamMaxNormed; };
    return p.n_kv_heads <= static_cast<uint32_t>(even_blocks()) / 2 &&
           args.step.max_context <= kPersistentContext && (!q_is_normed || fits(p.n_heads)) &&
           (!k_is_normed || fits(p.n_kv_heads));
}

bool persistent_fits(const std::vector<PersistentArgs>& ops, int32_t dtype) {
    PreparedPersistent made{};
    divide_shared(ops, kStreamInFlight, made);
    return made.program.depth > 0 &&
           all_find_a_place(kernel_of(dtype, head_dim_of(ops)), made.shared_bytes);
}

// Of a layer, that is for each attention: below, waiting costs more than the ends of launches;
// above, launches that overlap hide theirs as well. Measured on an H200 (docs/PERFORMANCE.md).
bool persistent_pays(const std::vector<PersistentArgs>& ops) {
    uint64_t weights = 0, attentions = 0;
    for (const PersistentArgs& op : ops) {
        attentions += op.attends ? 1 : 0;
        for (const int32_t rows : op.product.rows)
            weights += 2 * static_cast<uint64_t>(rows) * static_cast<uint64_t>(op.product.columns);
    }
    return weights >= attentions * kLeastWeights && weights < attentions * kMostWeights;
}

uint64_t persistent_state_bytes(const std::vector<PersistentArgs>& ops) {
    return Layout(ops).bytes;
}

Status persistent_prepare(const std::vector<PersistentArgs>& ops, int32_t dtype, int32_t in_flight,
                          void* state, cudaStream_t stream, PreparedPersistent& made) {
    const Layout layout(ops);
    const auto blocks = static_cast<size_t>(even_blocks());
    std::vector<char> image(layout.vectors);
    const auto put = [&image](uint64_t at, const auto& what) {
        std::memcpy(image.data() + at, &what, sizeof what);
    };
    Shares shares;
    size_t n_products = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
        const StreamProduct& product = ops[i].product;
        PersistentOp op = describe(ops, i, layout);
        op.product = static_cast<int32_t>(n_products);
        put(i * sizeof op, op);
        if (ops[i].attends) continue;
        put(layout.asked + n_products * sizeof(Asked), Asked{op.shape, norms_after(ops, i)});
        put(layout.weights + n_products * sizeof product.weights, product.weights);
        shares.divide(op.shape, reinterpret_cast<int32_t*>(image.data() + layout.first_units) +
                                    n_products++ * (blocks + 1));
    }
    AFS_CUDA_TRY(
        cudaMemcpyAsync(state, image.data(), image.size(), cudaMemcpyHostToDevice, stream));
    AFS_CUDA_TRY(cudaStreamSynchronize(stream));

    made = {};
    char* const base = static_cast<char*>(state);
    PersistentProgram& p = made.program;
    p.ops = base;
    p.asked = base + layout.asked;
    p.weights = base + layout.weights;
    p.first_units = reinterpret_cast<const int32_t*>(base + layout.first_units);
    p.vectors = base + layout.vectors;
    p.counters = reinterpret_cast<uint32_t*>(base + layout.counters);
    p.set_bytes = layout.set_bytes;
    p.n_ops = static_cast<int32_t>(ops.size());
    p.n_products = static_cast<int32_t>(n_products);
    divide_shared(ops, in_flight, made);
    made.dtype = dtype;
    made.head_dim = head_dim_of(ops);
    made.blocks = even_blocks();
    for (const PersistentArgs& op : ops) {
        if (!op.attends) continue;
        p.frequencies = op.entry.frequencies;
        p.table_in_act_dtype = op.entry.table_in_act_dtype;
    }
    return prefer_shared(kernel_of(dtype, made.head_dim), made.shared_bytes);
}

Status persistent_launch(const PreparedPersistent& prepared, const afs_step& step, bool early,
                         cudaStream_t stream) {
    PersistentProgram p = prepared.program;
    p.cu_seqlens = step.cu_seqlens;
    p.context_lens = step.context_lens;
    p.block_table = step.block_table;
    p.positions = step.positions;
    p.slots = step.slots;
    p.max_blocks = step.max_blocks;
    p.max_context = step.max_context;
    Launch how = {dim3(static_cast<unsigned>(prepared.blocks)), kPersistentThreads + 32,
                  static_cast<size_t>(prepared.shared_bytes), stream};
    how.overlaps = early;
    how.cluster = 2;
    return launch(how, kernel_of(prepared.dtype, prepared.head_dim), p);
}

}  // namespace afs::cuda
