// linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], rounded once to the activations'
// dtype. Sums are fp32, each in ascending k. Few rows are bound by the reading of the weights, many
// by multiplications.
//
// A weight of a block format is multiplied as the codes that it is, and every product of a code is
// exact: with x in fp32 (simd/codes.hpp), else with bf16 as whole numbers of 16 bits
// (simd/words.hpp), which is what AFS_I16 says. Many rows go by tiles where there are some
// (ops/linear/tiles.hpp), to which a code is the bf16 nearest to its weight.
//
// The weight is read packed (ops/linear/packed.hpp); a plain one is packed block by block on the
// way. Tasks are blocks of columns times blocks of rows: nothing is summed across threads.
#include "backend.hpp"
#include "ops/linear/codes.hpp"
#include "ops/linear/tiles.hpp"
#include "simd/code_layout.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kRowBlock = 96;   // rows of one task
constexpr size_t kCopyRows = 192;  // rows that are widened at a time
constexpr size_t kTileRows = 8;    // from here on tiles are faster than dot products of pairs
constexpr size_t kTasks = 4;       // of a thread, where there is enough for all

// How x is read: its elements as they are, widened, or as whole numbers.
enum class Reads { pairs, wide, words };

Reads reads(const Context& context, int32_t x, int32_t weight) {
    if (x != AFS_BF16) return Reads::wide;
    if (coding_of(weight)) return context.kernels.whole_row ? Reads::words : Reads::wide;
    return weight == AFS_BF16 && context.kernels.panel_bf16_dot ? Reads::pairs : Reads::wide;
}
// Tiles add in another order than dot products do.
bool has_tiles(const Context& context, int32_t x, int32_t weight) {
    return context.kernels.multiply_tiles && reads(context, x, weight) != Reads::wide;
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
        Reads reads;
        PanelFunction panel;
        Panel rows;  // x, its pitch and rows; out, its dtype and pitch
        size_t x_size, columns;
        char* copy;     // rows of x as they are read: [kCopyRows, depth]
        float* groups;  // of these rows: units, sums, bases, each [kCopyRows, depth / 32]
        bool* finite;   // [kCopyRows]
        char* scratch;  // [threads][thread_bytes]
    };
    // Sums of a row block, a part of a block of codes widened, a block that is packed on the way.
    static constexpr size_t kSums = kRowBlock * kColumns;
    static size_t thread_bytes(const Packed& packed) {
        return (kSums + (packed.coding ? kExpanded : 0)) * sizeof(float) + packed.block_bytes;
    }
    // Of the rows at a time: their elements, what stands for each 32 of them (units, sums, bases),
    // and whether they are finite.
    static size_t copy_bytes(const Packed& packed) {
        const size_t n_groups = packed.coding ? packed.padded_depth / kDepth : 0;
        return kCopyRows * (packed.padded_depth * sizeof(float) + 3 * n_groups * sizeof(float) + 1);
    }
    Job job_of(const afs_run& run) const;
    bool goes_by_tiles(const Packed& packed, const afs_tensor& x) const;
    PanelFunction panel_for(const Job& job) const;
    void copy_row(const Job& job, const afs_tensor& x, int64_t row, size_t to) const;
    void multiply(const Job& job) const;
    void multiply_block(const Job& job, size_t row, size_t column, size_t unit,
                        unsigned thread) const;
    void multiply_infinite(Job job, const afs_tensor& x, int64_t first) const;

    Context& context_;
    bool deterministic_;
};

void Linear::query(OpCheck& check, const Context& context, afs_verdict& out) {
    plugin::require_linear(check);
    answer(check, out);
    if (!out.supported) return;
    const afs_value x = check.node().in(0), weight = check.node().in(1);
    const Reads how = reads(context, x.dtype, weight.dtype);
    if (how != Reads::wide) out.flags |= AFS_FLUSH_SUBNORMALS;
    if (how == Reads::words) out.internal_dtype = AFS_I16;
    const Packed packed(weight.dtype, weight.dims[0], weight.dims[1]);
    const size_t threads = context.pool.size();
    out.workspace_bytes = copy_bytes(packed) + threads * thread_bytes(packed);
    if (!has_tiles(context, x.dtype, weight.dtype)) return;
    out.workspace_bytes = std::max(out.workspace_bytes, tile_workspace(packed, threads));
    if (check.limits().deterministic) return;
    out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
    if (packed.coding) out.flags |= AFS_ROUNDED_WEIGHTS;
}

// Codes: only where the bits may depend on the number of rows. Plain weights: where they may not,
// for every number of rows.
bool Linear::goes_by_tiles(const Packed& packed, const afs_tensor& x) const {
    const bool many = static_cast<size_t>(x.dims[0]) >= kTileRows;
    return has_tiles(context_, x.dtype, packed.dtype) &&
           (packed.coding ? many && !deterministic_ : many || deterministic_);
}

PanelFunction Linear::panel_for(const Job& job) const {
    const Kernels& kernels = context_.kernels;
    if (const auto coding = job.packed.coding)
        return job.reads == Reads::words ? kernels.panel_words[*coding]
                                         : kernels.panel_codes[*coding];
    if (job.reads == Reads::pairs) return kernels.panel_bf16_dot;
    return job.packed.dtype == AFS_F32   ? kernels.panel_fp32
           : job.packed.dtype == AFS_F16 ? kernels.panel_fp16
                                         : kernels.panel_bf16;
}

Linear::Job Linear::job_of(const afs_run& run) const {
    const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
    Job job = {weight,
               Packed(weight.dtype, weight.dims[0], weight.dims[1]),
               reads(context_, x.dtype, weight.dtype),
               nullptr,
               Panel{},
               sizeof(float),
               static_cast<size_t>(weight.dims[0]),
               static_cast<char*>(run.workspace),
               nullptr,
               nullptr,
               nullptr};
    job.panel = panel_for(job);
    if (job.reads != Reads::wide) job.x_size = sizeof(bf16);  // and of whole numbers
    const size_t depth = job.packed.padded_depth, n_groups = depth / kDepth;
    job.groups = reinterpret_cast<float*>(job.copy + depth * kCopyRows * sizeof(float));
    job.finite = reinterpret_cast<bool*>(job.groups + 3 * kCopyRows * n_groups);
    job.scratch = job.copy + copy_bytes(job.packed);
    job.rows.depth = depth;
    job.rows.out_dtype = out.dtype;
    job.rows.out_pitch = out.strides[0];
    job.rows.x_units = job.groups;
    job.rows.x_sums = job.groups + kCopyRows * n_groups;
    job.rows.x_bases = reinterpret_cast<const int32_t*>(job.groups + 2 * kCopyRows * n_groups);
    job.rows.x_sums_pitch = static_cast<ptrdiff_t>(n_groups);
    return job;
}

Status Linear::run(const afs_run& run) {
    const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
    AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
    afs_tensor shape = weight;
    shape.format = weight.format == kPackedFormat ? 0 : weight.format;
    AFS_TRY(check_matrix("weight", shape, kAny, x.dims[1]));
    AFS_TRY(check_rows("output", out, x.dims[0], weight.dims[0]));
    if (x.dims[0] == 0 || weight.dims[0] == 0) return {};
    Job job = job_of(run);
    if (goes_by_tiles(job.packed, x)) {
        multiply_by_tiles(context_.kernels, context_.pool, job.packed, x, weight, out,
                          run.workspace);
        return {};
    }
    const bool summed = job.packed.coding && kCodeLayouts[*job.packed.coding].minimum;
    const bool as_it_is = (job.reads == Reads::pairs || x.dtype == AFS_F32) &&
                          static_cast<size_t>(x.dims[1]) == job.packed.padded_depth;
    const int64_t n = x.dims[0];
    const int64_t at_once = as_it_is && !summed ? n : static_cast<int64_t>(kCopyRows);
    for (int64_t first = 0; first < n; first += at_once) {
        job.rows.rows = static_cast<size_t>(std::min(at_once, n - first));
        job.rows.x = as_it_is ? row_of(x, first) : job.copy;
        job.rows.x_pitch =
            as_it_is ? x.strides[0] : static_cast<ptrdiff_t>(job.packed.padded_depth);
        job.rows.out = row_of(out, first);
        if (!as_it_is || summed)
            context_.pool.run(job.rows.rows, [&](size_t i, unsigned) {
                const int64_t row = first + static_cast<int64_t>(i);
                if (!as_it_is) return copy_row(job, x, row, i);
                if (!summed) return;
                const size_t depth = job.packed.padded_depth, n_groups = depth / kDepth;
                context_.kernels.sum_groups(job.groups + (kCopyRows + i) * n_groups, row_of(x, row),
                                            x.dtype, depth);
            });
        multiply(job);
        if (job.reads == Reads::words) multiply_infinite(job, x, first);
    }
    return {};
}

// Row `row` of x to row `to` of the copy, padded with zeros, and what its groups need.
void Linear::copy_row(const Job& job, const afs_tensor& x, int64_t row, size_t to) const {
    const Kernels& kernels = context_.kernels;
    const auto width = static_cast<size_t>(x.dims[1]);
    const size_t depth = job.packed.padded_depth, n_groups = depth / kDepth;
    char* copy = job.copy + to * depth * job.x_size;
    const void* from = row_of(x, row);
    float* units = job.groups + to * n_groups;
    float* sums = units + kCopyRows * n_groups;
    if (job.reads == Reads::words) {  // codes: there is no padding
        auto* bases = reinterpret_cast<int32_t*>(sums + kCopyRows * n_groups);
        const WholeRow whole = {reinterpret_cast<int16_t*>(copy), units, sums, bases};
        job.finite[to] = kernels.whole_row(whole, from, depth);
        return;
    }
    if (job.packed.coding) kernels.sum_groups(sums, from, x.dtype, depth);
    if (job.reads == Reads::pairs)
        std::memcpy(copy, from, width * job.x_size);
    else
        kernels.widen(reinterpret_cast<float*>(copy), from, x.dtype, width);
    std::memset(copy + width * job.x_size, 0, (depth - width) * job.x_size);
}

// Rows with an infinity or NaN are no whole numbers: once more, in fp32.
void Linear::multiply_infinite(Job job, const afs_tensor& x, int64_t first) const {
    const size_t n = job.rows.rows;
    char* out = static_cast<char*>(job.rows.out);
    job.reads = Reads::wide;
    job.x_size = sizeof(float);
    job.panel = panel_for(job);
    job.rows.rows = 1;
    for (size_t i = 0; i < n; ++i) {
        if (job.finite[i]) continue;
        copy_row(job, x, first + static_cast<int64_t>(i), 0);
        job.rows.out =
            element(out, job.rows.out_dtype, static_cast<int64_t>(i) * job.rows.out_pitch);
        multiply(job);
    }
}

void Linear::multiply(const Job& job) const {
    const size_t n_row_blocks = (job.rows.rows + kRowBlock - 1) / kRowBlock;
    // Narrow weights are cut finer, so that every thread has something to do.
    constexpr size_t least = 16;
    size_t unit = kColumns;
    const size_t enough = context_.pool.size() == 1 ? 1 : kTasks * context_.pool.size();
    while (unit > least && n_row_blocks * job.columns / unit < enough) unit /= 2;
    const size_t n_units = (job.columns + unit - 1) / unit;
    // Neighbours together: what is asked for ahead (simd/panel.hpp) is then read by the same
    // thread.
    const size_t run = std::max<size_t>(1, n_units * n_row_blocks / enough);
    const size_t n_runs = (n_units + run - 1) / run;
    context_.pool.run(n_runs * n_row_blocks, [&](size_t task, unsigned thread) {
        const size_t first = task / n_row_blocks * run, row = task % n_row_blocks * kRowBlock;
        for (size_t i = first; i < std::min(n_units, first + run); ++i)
            multiply_block(job, row, i * unit, unit, thread);
    });
}

// Rows from `row` on times `unit` columns.
void Linear::multiply_block(const Job& job, size_t row, size_t column, size_t unit,
                            unsigned thread) const {
    const size_t block = column / kColumns;
    char* scratch = job.scratch + thread * thread_bytes(job.packed);
    Panel panel = job.rows;
    panel.sums = reinterpret_cast<float*>(scratch);
    panel.rows = std::min(kRowBlock, job.rows.rows - row);
    panel.columns = std::min(unit, job.columns - column);
    panel.expanded = panel.sums + kSums;
    panel.first_column = column % kColumns;
    const ptrdiff_t groups = static_cast<ptrdiff_t>(row) * panel.x_sums_pitch;
    panel.x_sums += groups, panel.x_units += groups, panel.x_bases += groups;
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
}

}  // namespace

constexpr OpEntry kLinear = entry<Linear>("linear/1");

}  // namespace afs::cpu
