// linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], rounded once to the activations'
// dtype. Sums are fp32, each in ascending k. Few rows are bound by the reading of the weights, many
// by multiplications.
//
// A weight of a block format is multiplied as the codes that it is (simd/codes.hpp): activations
// are not quantised, and every product of a code is exact.
//
// The weight is read packed (ops/linear/packed.hpp); a plain one is packed block by block on the
// way. Tasks are blocks of columns times blocks of rows: nothing is summed across threads.
#include "backend.hpp"
#include "ops/linear/codes.hpp"
#include "simd/code_layout.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kRowBlock = 96;   // rows of one task
constexpr size_t kCopyRows = 192;  // rows that are widened at a time
constexpr size_t kTileRows = 8;    // from here on tiles are faster than dot products of pairs

bool has_dot(const Context& context, int32_t x, int32_t weight) {
    return x == AFS_BF16 && (weight == AFS_BF16 || coding_of(weight)) &&
           context.kernels.panel_bf16_dot;
}

class Linear final : public Op {
public:
    Linear(const afs_query& query, Context& context)
        : context_(context), deterministic_(read<afs_limits>(query.limits).deterministic != 0) {}

    static void query(OpCheck& check, const Context& context, afs_verdict& out);
    Status run(const afs_run& run) override;

private:
    struct Job {
        const afs_tensor& weight;
        const Packed packed;
        PanelFunction panel;
        Panel rows;  // x, its pitch and rows; out, its dtype and pitch
        size_t x_size, columns;
        char* scratch;  // [threads][thread_bytes]
    };
    // Sums of a row block, a part of a block of codes widened, a block that is packed on the way.
    static constexpr size_t kSums = kRowBlock * kColumns;
    static size_t thread_bytes(const Packed& packed) {
        return (kSums + (packed.coding ? kExpanded : 0)) * sizeof(float) + packed.block_bytes;
    }
    // Of kCopyRows: their elements, and sums of their groups.
    static size_t copy_bytes(const Packed& packed) {
        const size_t n_sums = packed.coding ? packed.padded_depth / kDepth : 0;
        return kCopyRows * (packed.padded_depth + n_sums) * sizeof(float);
    }
    void multiply(const Job& job) const;
    PanelFunction panel_for(const afs_tensor& x, int32_t weight) const;

    Context& context_;
    bool deterministic_;
};

void Linear::query(OpCheck& check, const Context& context, afs_verdict& out) {
    plugin::require_linear(check);
    answer(check, out);
    if (!out.supported) return;
    const afs_value x = check.node().in(0), weight = check.node().in(1);
    if (has_dot(context, x.dtype, weight.dtype)) {
        out.flags |= AFS_FLUSH_SUBNORMALS;
        // Tiles add in another order than dot products of pairs do.
        if (weight.dtype == AFS_BF16 && context.kernels.panel_bf16_tiles &&
            !check.limits().deterministic)
            out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
    }
    const Packed packed(weight.dtype, weight.dims[0], weight.dims[1]);
    out.workspace_bytes = copy_bytes(packed) + context.pool.size() * thread_bytes(packed);
}

PanelFunction Linear::panel_for(const afs_tensor& x, int32_t weight) const {
    const Kernels& kernels = context_.kernels;
    const bool dot = has_dot(context_, x.dtype, weight);
    if (const auto coding = coding_of(weight))
        return dot ? kernels.panel_codes_dot[*coding] : kernels.panel_codes[*coding];
    if (dot) {
        const bool tiles = deterministic_ || static_cast<size_t>(x.dims[0]) >= kTileRows;
        return tiles && kernels.panel_bf16_tiles ? kernels.panel_bf16_tiles
                                                 : kernels.panel_bf16_dot;
    }
    return weight == AFS_F32   ? kernels.panel_fp32
           : weight == AFS_F16 ? kernels.panel_fp16
                               : kernels.panel_bf16;
}

Status Linear::run(const afs_run& run) {
    const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
    AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
    afs_tensor shape = weight;
    shape.format = weight.format == kPackedFormat ? 0 : weight.format;
    AFS_TRY(check_matrix("weight", shape, kAny, x.dims[1]));
    AFS_TRY(check_rows("output", out, x.dims[0], weight.dims[0]));
    if (x.dims[0] == 0 || weight.dims[0] == 0) return {};
    Job job = {weight,
               Packed(weight.dtype, weight.dims[0], weight.dims[1]),
               panel_for(x, weight.dtype),
               Panel{},
               has_dot(context_, x.dtype, weight.dtype) ? sizeof(bf16) : sizeof(float),
               static_cast<size_t>(weight.dims[0]),
               nullptr};
    const bool dot = job.x_size == sizeof(bf16);
    const size_t depth = job.packed.padded_depth, n_sums = depth / kDepth;
    auto* copy = static_cast<char*>(run.workspace);
    auto* x_sums = reinterpret_cast<float*>(copy + kCopyRows * depth * sizeof(float));
    job.scratch = copy + copy_bytes(job.packed);
    job.rows.depth = depth;
    job.rows.out_dtype = out.dtype;
    job.rows.out_pitch = out.strides[0];
    job.rows.x_sums = x_sums;
    job.rows.x_sums_pitch = static_cast<ptrdiff_t>(n_sums);
    const bool summed = job.packed.coding && kCodeLayouts[*job.packed.coding].minimum;
    const bool as_it_is = (dot || x.dtype == AFS_F32) && static_cast<size_t>(x.dims[1]) == depth;
    const int64_t n = x.dims[0];
    const int64_t at_once = as_it_is && !summed ? n : static_cast<int64_t>(kCopyRows);
    for (int64_t first = 0; first < n; first += at_once) {
        job.rows.rows = static_cast<size_t>(std::min(at_once, n - first));
        job.rows.x = as_it_is ? row_of(x, first) : copy;
        job.rows.x_pitch = as_it_is ? x.strides[0] : static_cast<ptrdiff_t>(depth);
        job.rows.out = row_of(out, first);
        if (!as_it_is || summed)
            context_.pool.run(job.rows.rows, [&](size_t i, unsigned) {
                const void* from = row_of(x, first + static_cast<int64_t>(i));
                if (summed) context_.kernels.sum_groups(x_sums + i * n_sums, from, x.dtype, depth);
                if (as_it_is) return;
                const auto width = static_cast<size_t>(x.dims[1]);
                char* to = copy + i * depth * job.x_size;
                if (dot)
                    std::memcpy(to, from, width * job.x_size);
                else
                    context_.kernels.widen(reinterpret_cast<float*>(to), from, x.dtype, width);
                std::memset(to + width * job.x_size, 0, (depth - width) * job.x_size);
            });
        multiply(job);
    }
    return {};
}

void Linear::multiply(const Job& job) const {
    const size_t n_row_blocks = (job.rows.rows + kRowBlock - 1) / kRowBlock;
    // Narrow weights are cut finer, so that every thread has something to do.
    size_t unit = kColumns;
    while (unit > 16 && n_row_blocks * job.columns / unit < 4 * context_.pool.size()) unit /= 2;
    const size_t n_units = (job.columns + unit - 1) / unit;
    context_.pool.run(n_units * n_row_blocks, [&](size_t task, unsigned thread) {
        const size_t column = task / n_row_blocks * unit, row = task % n_row_blocks * kRowBlock;
        const size_t block = column / kColumns;
        char* scratch = job.scratch + thread * thread_bytes(job.packed);
        Panel panel = job.rows;
        panel.sums = reinterpret_cast<float*>(scratch);
        panel.rows = std::min(kRowBlock, job.rows.rows - row);
        panel.columns = std::min(unit, job.columns - column);
        panel.expanded = panel.sums + kSums;
        panel.first_column = column % kColumns;
        panel.x_sums += static_cast<ptrdiff_t>(row) * panel.x_sums_pitch;
        panel.x = static_cast<const char*>(job.rows.x) +
                  static_cast<ptrdiff_t>(row * job.x_size) * job.rows.x_pitch;
        panel.out =
            element(job.rows.out, job.rows.out_dtype,
                    static_cast<int64_t>(row) * job.rows.out_pitch + static_cast<int64_t>(column));
        const char* w = static_cast<const char*>(job.weight.data) + block * job.packed.block_bytes;
        if (job.weight.format != kPackedFormat) {
            char* packed = scratch + thread_bytes(job.packed) - job.packed.block_bytes;
            pack_block(job.packed, job.weight, block, packed);
            w = packed;
        }
        panel.w = w + column % kColumns * job.packed.column_bytes;
        job.panel(panel);
    });
}

}  // namespace

constexpr OpEntry kLinear = entry<Linear>("linear/1");

}  // namespace afs::cpu
