// linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], rounded once to the activations'
// dtype. Sums are fp32, each in ascending k. Few rows are bound by the reading of the weights, many
// by multiplications.
//
// A weight of a block format is multiplied as the codes that it is, and every product of a code is
// exact: with x in fp32 (simd/codes.hpp), by tiles with x in bf16 (simd/tile_codes.hpp), else with
// bf16 as whole numbers of 16 bits (simd/words.hpp), which is what AFS_I16 says.
//
// The weight is read packed (ops/linear/packed.hpp); a plain one is packed block by block on the
// way. Tasks are blocks of columns times blocks of rows: nothing is summed across threads. With
// tiles a task has several blocks, so that the next is on its way while one is multiplied.
#include "backend.hpp"
#include "ops/linear/codes.hpp"
#include "simd/code_layout.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kRowBlock = 96;       // rows of one task
constexpr size_t kTileRowBlock = 512;  // with tiles: then weights are read from memory once
constexpr size_t kCopyRows = 192;      // rows that are widened at a time
constexpr size_t kKeptRows = std::max(kCopyRows, kTileRowBlock);
constexpr size_t kTileRows = 8;  // from here on tiles are faster than dot products of pairs
constexpr size_t kTasks = 4;     // of a thread, where there is enough for all

// How x is read: its elements as they are, widened, or as whole numbers.
enum class Reads { pairs, wide, words };

Reads reads(const Context& context, int32_t x, int32_t weight) {
    if (x != AFS_BF16) return Reads::wide;
    if (coding_of(weight)) return context.kernels.whole_row ? Reads::words : Reads::wide;
    return weight == AFS_BF16 && context.kernels.panel_bf16_dot ? Reads::pairs : Reads::wide;
}
// Tiles add in another order than dot products do.
bool has_tiles(const Context& context, int32_t x, int32_t weight) {
    return context.kernels.panel_bf16_tiles && reads(context, x, weight) != Reads::wide;
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
        bool tiles;
        PanelFunction panel;
        Panel rows;  // x, its pitch and rows; out, its dtype and pitch
        size_t x_size, columns;
        char* copy;     // rows of x as they are read: [kCopyRows, depth], in tiles [kTileRowBlock]
        float* groups;  // of these rows: units, sums, bases, each [kKeptRows, depth / 32]
        bool* finite;   // [kKeptRows]
        char* scratch;  // [threads][thread_bytes]
    };
    // Sums of a row block, a part of a block of codes widened, a block that is packed on the way.
    static constexpr size_t kSums = std::max(kRowBlock, kTileRowBlock) * kColumns;
    static size_t thread_bytes(const Packed& packed) {
        return (kSums + (packed.coding ? kExpanded : 0)) * sizeof(float) + packed.block_bytes;
    }
    // Of the rows at a time: their elements, what stands for each 32 of them (units, sums, bases),
    // and whether they are finite.
    static size_t copy_bytes(const Packed& packed) {
        const size_t n_groups = packed.coding ? packed.padded_depth / kDepth : 0;
        const size_t row = std::max(kCopyRows * sizeof(float), kTileRowBlock * sizeof(bf16));
        return packed.padded_depth * row + kKeptRows * (3 * n_groups * sizeof(float) + 1);
    }
    Job job_of(const afs_run& run) const;
    PanelFunction panel_for(const Job& job) const;
    void copy_row(const Job& job, const afs_tensor& x, int64_t row, size_t to) const;
    void copy_to_tiles(const Job& job, const afs_tensor& x, int64_t row, size_t to) const;
    void multiply(const Job& job) const;
    void multiply_block(const Job& job, size_t row, size_t column, size_t unit, const void* w_end,
                        bool fetched, unsigned thread) const;
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
    if (has_tiles(context, x.dtype, weight.dtype) && !check.limits().deterministic)
        out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
    const Packed packed(weight.dtype, weight.dims[0], weight.dims[1]);
    out.workspace_bytes = copy_bytes(packed) + context.pool.size() * thread_bytes(packed);
}

// Codes: tiles only where the bits may depend on the number of rows. Plain weights: where they may
// not, tiles for every number of rows.
PanelFunction Linear::panel_for(const Job& job) const {
    const Kernels& kernels = context_.kernels;
    if (const auto coding = job.packed.coding) {
        if (job.tiles) return kernels.panel_code_tiles[*coding];
        return job.reads == Reads::words ? kernels.panel_words[*coding]
                                         : kernels.panel_codes[*coding];
    }
    if (job.tiles) return kernels.panel_bf16_tiles;
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
               false,
               nullptr,
               Panel{},
               sizeof(float),
               static_cast<size_t>(weight.dims[0]),
               static_cast<char*>(run.workspace),
               nullptr,
               nullptr,
               nullptr};
    const bool many = static_cast<size_t>(x.dims[0]) >= kTileRows;
    job.tiles = has_tiles(context_, x.dtype, weight.dtype) &&
                (job.packed.coding ? many && !deterministic_ : many || deterministic_);
    if (job.tiles) job.reads = Reads::pairs;
    job.panel = panel_for(job);
    if (job.reads != Reads::wide) job.x_size = sizeof(bf16);  // and of whole numbers
    const size_t depth = job.packed.padded_depth, n_groups = depth / kDepth;
    job.groups = reinterpret_cast<float*>(
        job.copy + depth * std::max(kCopyRows * sizeof(float), kTileRowBlock * sizeof(bf16)));
    job.finite = reinterpret_cast<bool*>(job.groups + 3 * kKeptRows * n_groups);
    job.scratch = job.copy + copy_bytes(job.packed);
    job.rows.depth = depth;
    job.rows.out_dtype = out.dtype;
    job.rows.out_pitch = out.strides[0];
    job.rows.x_units = job.groups;
    job.rows.x_sums = job.groups + kKeptRows * n_groups;
    job.rows.x_bases = reinterpret_cast<const int32_t*>(job.groups + 2 * kKeptRows * n_groups);
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
    const bool summed = job.packed.coding && kCodeLayouts[*job.packed.coding].minimum;
    const bool in_tiles = job.tiles;
    const bool as_it_is = !in_tiles && (job.reads == Reads::pairs || x.dtype == AFS_F32) &&
                          static_cast<size_t>(x.dims[1]) == job.packed.padded_depth;
    const int64_t n = x.dims[0];
    const int64_t at_once =
        as_it_is && !summed ? n : static_cast<int64_t>(in_tiles ? kTileRowBlock : kCopyRows);
    for (int64_t first = 0; first < n; first += at_once) {
        job.rows.rows = static_cast<size_t>(std::min(at_once, n - first));
        job.rows.x = as_it_is ? row_of(x, first) : job.copy;
        job.rows.x_pitch =
            as_it_is ? x.strides[0] : static_cast<ptrdiff_t>(job.packed.padded_depth);
        job.rows.out = row_of(out, first);
        if (!as_it_is || summed)
            context_.pool.run(job.rows.rows, [&](size_t i, unsigned) {
                const int64_t row = first + static_cast<int64_t>(i);
                if (in_tiles)
                    copy_to_tiles(job, x, row, i);
                else if (!as_it_is)
                    return copy_row(job, x, row, i);
                if (!summed) return;
                const size_t depth = job.packed.padded_depth, n_groups = depth / kDepth;
                context_.kernels.sum_groups(job.groups + (kKeptRows + i) * n_groups, row_of(x, row),
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
    float* sums = units + kKeptRows * n_groups;
    if (job.reads == Reads::words) {  // codes: there is no padding
        auto* bases = reinterpret_cast<int32_t*>(sums + kKeptRows * n_groups);
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

// Row `row` of x to row `to` of the copy in tiles: simd/tile_panel.hpp.
void Linear::copy_to_tiles(const Job& job, const afs_tensor& x, int64_t row, size_t to) const {
    constexpr size_t kTile = 16, kLine = kDepth * sizeof(bf16);
    const size_t bytes = static_cast<size_t>(x.dims[1]) * sizeof(bf16);
    const char* from = static_cast<const char*>(row_of(x, row));
    char* line =
        job.copy + to / kTile * kTile * job.packed.padded_depth * sizeof(bf16) + to % kTile * kLine;
    size_t at = 0;
    for (; at + kLine <= bytes; at += kLine, line += kTile * kLine)
        std::memcpy(line, from + at, kLine);
    if (at == bytes) return;
    std::memcpy(line, from + at, bytes - at);
    std::memset(line + (bytes - at), 0, kLine - (bytes - at));
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
    const size_t row_block = job.tiles ? kTileRowBlock : kRowBlock;
    const size_t n_row_blocks = (job.rows.rows + row_block - 1) / row_block;
    // Narrow weights are cut finer, so that every thread has something to do.
    const size_t least = job.tiles ? 32 : 16;
    size_t unit = kColumns;
    const size_t enough = context_.pool.size() == 1 ? 1 : kTasks * context_.pool.size();
    while (unit > least && n_row_blocks * job.columns / unit < enough) unit /= 2;
    const size_t n_units = (job.columns + unit - 1) / unit;
    const size_t of_task = job.tiles && unit == kColumns
                               ? std::max<size_t>(1, n_units / (kTasks * context_.pool.size()))
                               : 1;
    const size_t n_tasks = (n_units + of_task - 1) / of_task;
    const char* weights = static_cast<const char*>(job.weight.data);
    context_.pool.run(n_tasks * n_row_blocks, [&](size_t task, unsigned thread) {
        const size_t first = task / n_row_blocks * of_task, row = task % n_row_blocks * row_block;
        const size_t end = std::min(n_units, first + of_task);
        const void* w_end = weights + ((end - 1) * unit / kColumns + 1) * job.packed.block_bytes;
        for (size_t i = first; i < end; ++i)
            multiply_block(job, row, i * unit, unit, w_end, i > first, thread);
    });
}

// Rows from `row` on times `unit` columns; w_end, fetched: of Panel, for packed weights.
void Linear::multiply_block(const Job& job, size_t row, size_t column, size_t unit,
                            const void* w_end, bool fetched, unsigned thread) const {
    const size_t row_block = job.tiles ? kTileRowBlock : kRowBlock;
    const size_t block = column / kColumns;
    char* scratch = job.scratch + thread * thread_bytes(job.packed);
    Panel panel = job.rows;
    panel.sums = reinterpret_cast<float*>(scratch);
    panel.rows = std::min(row_block, job.rows.rows - row);
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
    panel.w_end = w_end, panel.w_fetched = fetched;
    if (job.weight.format != kPackedFormat) {
        char* packed = scratch + thread_bytes(job.packed) - job.packed.block_bytes;
        pack_block(job.packed, job.weight, block, packed);
        w = packed;
        panel.w_end = packed, panel.w_fetched = true;
    }
    panel.w = w + column % kColumns * job.packed.column_bytes;
    job.panel(panel);
}

}  // namespace

constexpr OpEntry kLinear = entry<Linear>("linear/1");

}  // namespace afs::cpu
