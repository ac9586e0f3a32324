// attention/1: causal attention of grouped query heads over the paged cache. For token t of
// sequence s at context position c, head h and its kv head g = h / (heads / kv_heads):
//   score[p] = scale * (q[t, h] . k[p, g]),  p = 0 .. c
//   out[t, h] = sum over p of exp(score[p] - max) * v[p, g], over the sum of the exponentials,
// rounded once. Sums are fp32. Positions go by in chunks of 64 (ops/attention/chunk.hpp), one after
// the other, so chunks of a prompt, neighbours, block size and threads do not change a bit. Where
// there are fewer tasks than threads, the chunks of one row are shared out and blended afterwards,
// in the same order. Padding tokens are left as they are.
//
// Many rows go by matrix tiles where there are some (ops/attention/tiles.hpp), but not under
// "deterministic": weights are then rounded to bf16, which is what AFS_BF16 says.
#include <algorithm>
#include <vector>

#include "backend.hpp"
#include "ops/attention/chunk.hpp"
#include "ops/attention/tiles.hpp"

namespace afs::cpu {
namespace {

constexpr size_t kTaskRows = 64;                   // query rows (tokens times heads) of one task
constexpr size_t kChunksOfTask = 4;                // where the chunks of a row are shared out
constexpr size_t kSharedFloats = size_t{1} << 20;  // most that may be kept until they are blended

size_t tokens_of_task(const afs_attention_params& p) {
    return std::max<size_t>(1, kTaskRows / (p.n_heads / p.n_kv_heads));
}
size_t rows_of_task(const afs_attention_params& p) {
    return tokens_of_task(p) * (p.n_heads / p.n_kv_heads);
}

// Whether pieces may go by tiles. A decode step's have too few rows.
bool has_tiles(const Kernels& kernels, const Geometry& geometry, const afs_kv_layout& layout,
               const afs_limits& limits) {
    return kernels.multiply_tiles && geometry.dot && layout.k_stride[3] == 1 &&
           layout.v_stride[3] == 1 && !limits.deterministic &&
           limits.step_class != AFS_CLASS_DECODE;
}
size_t thread_bytes(const Geometry& geometry, bool tiles) {
    return tiles ? std::max(geometry.bytes(), attention_tiles_bytes(geometry)) : geometry.bytes();
}

class Attention final : public Op {
public:
    Attention(const afs_query& query, Context& context);

    static void query(OpCheck& check, const Context& context, afs_verdict& out);
    Status run(const afs_run& run) override;

private:
    // Tokens [first, end) of one sequence, for one kv head.
    struct Piece {
        uint32_t sequence, head;
        int32_t first, end;
        size_t context;  // positions that the last of them sees
        size_t n_chunks() const { return (context + kChunk - 1) / kChunk; }
    };
    struct Job {
        const afs_tensor &q, &out;
        const afs_step& step;
        const afs_kv& kv;
        const afs_kv_layout& layout;
        char* scratch;  // [threads][thread_bytes_]
        float* shared;  // [piece, row, chunk][kept]
    };

    Status check_sequence(const afs_step& step, uint32_t s, const afs_kv_layout& layout) const;
    void cut(const afs_step& step);
    bool worth_sharing() const;
    size_t kept() const { return geometry_.width + 2; }  // sums, max, weight
    ChunkScratch scratch_of(const Job& job, unsigned thread) const {
        return {geometry_, job.scratch + thread * thread_bytes_};
    }
    ChunkSource source_of(const Job& job, const Piece& piece) const {
        return {job.kv, job.layout,
                job.step.block_table + size_t{piece.sequence} * job.step.max_blocks, piece.head};
    }
    void gather(const Job& job, const Piece& piece, const ChunkScratch& scratch) const;
    // Calls f(first_row, end_row, n) for rows that see the same n positions of a chunk.
    template <class F>
    void each_span(const Piece& piece, size_t chunk, const F& f) const;
    bool by_tiles(const Job& job, const Piece& piece, unsigned thread) const;
    void whole(const Job& job, const Piece& piece, unsigned thread) const;
    void some_chunks(const Job& job, size_t piece, size_t begin, unsigned thread) const;
    void blend_shared(const Job& job, size_t piece, unsigned thread) const;
    void write(const Job& job, const Piece& piece, const ChunkScratch& scratch) const;
    void run_whole(const Job& job) const;
    void run_shared(const Job& job);

    Context& context_;
    afs_attention_params params_;
    size_t max_context_, group_;
    Geometry geometry_;
    bool tiles_;
    size_t thread_bytes_;
    std::vector<Piece> pieces_;
    std::vector<size_t> shared_at_;                      // [pieces]: floats
    std::vector<std::pair<uint32_t, uint32_t>> shares_;  // piece, first chunk
};

Attention::Attention(const afs_query& query, Context& context)
    : context_(context),
      params_(Node(query).params<afs_attention_params>()),
      max_context_(read<afs_limits>(query.limits).max_context),
      group_(params_.n_heads / params_.n_kv_heads),
      geometry_(context.kernels, Node(query).in(0).dtype,
                read<afs_kv_layout>(query.kv_layouts[Node(query).in(1).kv_group]),
                rows_of_task(params_)),
      tiles_(has_tiles(context.kernels, geometry_,
                       read<afs_kv_layout>(query.kv_layouts[Node(query).in(1).kv_group]),
                       read<afs_limits>(query.limits))),
      thread_bytes_(thread_bytes(geometry_, tiles_)) {
    const auto limits = read<afs_limits>(query.limits);
    pieces_.reserve(size_t{limits.max_tokens} * params_.n_kv_heads);
    shared_at_.reserve(size_t{2} * context.pool.size());
    shares_.reserve(size_t{2} * context.pool.size() *
                    (max_context_ / (kChunk * kChunksOfTask) + 1));
}

void Attention::query(OpCheck& check, const Context& context, afs_verdict& out) {
    const afs_kv_layout layout = plugin::require_attention(check);
    answer(check, out);
    if (!out.supported) return;
    const auto p = check.node().params<afs_attention_params>();
    const Geometry geometry(context.kernels, check.node().in(0).dtype, layout, rows_of_task(p));
    const bool tiles = has_tiles(context.kernels, geometry, layout, check.limits());
    if (geometry.dot) out.flags |= AFS_FLUSH_SUBNORMALS;
    if (tiles) out.internal_dtype = AFS_BF16, out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
    out.workspace_bytes =
        context.pool.size() * thread_bytes(geometry, tiles) + kSharedFloats * sizeof(float);
}

// Refuses numbers that would read outside the cache's own arrays.
Status Attention::check_sequence(const afs_step& step, uint32_t s,
                                 const afs_kv_layout& layout) const {
    const int64_t first = step.cu_seqlens[s], end = step.cu_seqlens[s + 1];
    const int64_t context = step.context_lens[s];
    if (first < 0 || end < first || end > static_cast<int64_t>(step.n_tokens))
        return invalid("attention: sequence " + std::to_string(s) + " has tokens " +
                       std::to_string(first) + " to " + std::to_string(end) + " of " +
                       std::to_string(step.n_tokens));
    const auto room = std::min<int64_t>(static_cast<int64_t>(max_context_),
                                        int64_t{step.max_blocks} * layout.block_size);
    if (end > first && (context < end - first || context > room))
        return invalid("attention: sequence " + std::to_string(s) + " has a context of " +
                       std::to_string(context) + ", expected " + std::to_string(end - first) +
                       " to " + std::to_string(room));
    return {};
}

Status Attention::run(const afs_run& run) {
    const afs_tensor &q = run.inputs[0], &out = *run.output;
    const afs_step step = read<afs_step>(run.step);
    const int64_t width = static_cast<int64_t>(params_.n_heads) * params_.head_dim;
    AFS_TRY(check_rows("q", q, step.n_tokens, width));
    AFS_TRY(check_rows("output", out, step.n_tokens, width));
    const auto layout = read<afs_kv_layout>(run.kv->layout);
    for (uint32_t s = 0; s < step.n_seqs; ++s) AFS_TRY(check_sequence(step, s, layout));
    cut(step);
    auto* scratch = static_cast<char*>(run.workspace);
    const Job job = {q,
                     out,
                     step,
                     *run.kv,
                     layout,
                     scratch,
                     reinterpret_cast<float*>(scratch + context_.pool.size() * thread_bytes_)};
    if (worth_sharing())
        run_shared(job);
    else
        run_whole(job);
    return {};
}

// Longest first, so that no thread is left with the longest at the end.
void Attention::cut(const afs_step& step) {
    pieces_.clear();
    const auto tokens = static_cast<int32_t>(tokens_of_task(params_));
    for (uint32_t s = 0; s < step.n_seqs; ++s)
        for (int32_t first = step.cu_seqlens[s]; first < step.cu_seqlens[s + 1]; first += tokens) {
            const int32_t end = std::min(first + tokens, step.cu_seqlens[s + 1]);
            const auto context =
                static_cast<size_t>(step.context_lens[s] - (step.cu_seqlens[s + 1] - end));
            for (uint32_t head = 0; head < params_.n_kv_heads; ++head)
                pieces_.push_back({s, head, first, end, context});
        }
    std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) {
        if (a.context != b.context) return a.context > b.context;
        return a.first != b.first ? a.first < b.first : a.head < b.head;
    });
}

bool Attention::worth_sharing() const {
    const unsigned threads = context_.pool.size();
    if (threads == 1 || pieces_.empty() || pieces_.size() >= 2 * size_t{threads}) return false;
    size_t floats = 0;
    for (const Piece& p : pieces_)
        floats += static_cast<size_t>(p.end - p.first) * group_ * p.n_chunks() * kept();
    return pieces_[0].n_chunks() > kChunksOfTask && floats <= kSharedFloats;
}

// The query rows of a piece: token by token, the heads of the group in each.
void Attention::gather(const Job& job, const Piece& piece, const ChunkScratch& scratch) const {
    const size_t hd = geometry_.head_dim, row_bytes = geometry_.depth * geometry_.q_elements;
    char* to = scratch.q;
    for (int32_t token = piece.first; token < piece.end; ++token)
        for (size_t h = 0; h < group_; ++h, to += row_bytes) {
            const char* from = element(row_of(job.q, token), job.q.dtype,
                                       static_cast<int64_t>((piece.head * group_ + h) * hd));
            if (geometry_.dot)
                std::memcpy(to, from, hd * sizeof(bf16));
            else
                context_.kernels.widen(reinterpret_cast<float*>(to), from, job.q.dtype, hd);
            std::memset(to + hd * geometry_.q_elements, 0, row_bytes - hd * geometry_.q_elements);
        }
}

template <class F>
void Attention::each_span(const Piece& piece, size_t chunk, const F& f) const {
    const size_t n_tokens = static_cast<size_t>(piece.end - piece.first), begin = chunk * kChunk;
    const size_t loaded = std::min(kChunk, piece.context - begin);
    for (size_t t = 0; t < n_tokens;) {
        const size_t sees = piece.context - (n_tokens - 1 - t);  // positions, itself counted
        if (sees >= begin + loaded) return f(t * group_, n_tokens * group_, loaded);
        if (sees > begin) f(t * group_, (t + 1) * group_, sees - begin);
        ++t;
    }
}

// False where the piece is not fit for it.
bool Attention::by_tiles(const Job& job, const Piece& piece, unsigned thread) const {
    const auto size = static_cast<ptrdiff_t>(dtype_size(job.out.dtype));
    const auto n_tokens = static_cast<size_t>(piece.end - piece.first);
    const auto column = static_cast<int64_t>(piece.head * group_ * geometry_.head_dim);
    const TilePiece rows = {
        .q = element(row_of(job.q, piece.first), job.q.dtype, column),
        .q_step = job.q.strides[0] * static_cast<ptrdiff_t>(sizeof(bf16)),
        .out = element(row_of(job.out, piece.first), job.out.dtype, column),
        .out_step = job.out.strides[0] * size,
        .out_dtype = job.out.dtype,
        .n_tokens = n_tokens,
        .group = group_,
        .context = piece.context,
        .scale = params_.scale,
    };
    const ChunkSource source = source_of(job, piece);
    if (rows.rows() < kTile || !hidden_values_are_finite(geometry_, source, rows)) return false;
    attend_by_tiles(context_.kernels, geometry_, source, rows,
                    job.scratch + thread * thread_bytes_);
    return true;
}

void Attention::whole(const Job& job, const Piece& piece, unsigned thread) const {
    if (tiles_ && by_tiles(job, piece, thread)) return;
    const ChunkScratch scratch = scratch_of(job, thread);
    const size_t rows = static_cast<size_t>(piece.end - piece.first) * group_;
    const ChunkSource source = source_of(job, piece);
    gather(job, piece, scratch);
    std::fill(scratch.sums, scratch.sums + rows * geometry_.width, 0.0f);
    std::fill(scratch.max, scratch.max + rows, -INFINITY);
    std::fill(scratch.weight, scratch.weight + rows, 0.0f);
    for (size_t chunk = 0; chunk < piece.n_chunks(); ++chunk) {
        load_chunk(context_.kernels, geometry_, source, chunk,
                   std::min(kChunk, piece.context - chunk * kChunk), scratch);
        each_span(piece, chunk, [&](size_t first, size_t end, size_t n) {
            attend_chunk(context_.kernels, geometry_, scratch, first, end, n, params_.scale);
            for (size_t r = first; r < end; ++r)
                blend_chunk(context_.kernels, geometry_.head_dim, scratch.part_max[r],
                            scratch.part_weight[r], scratch.part + r * geometry_.width,
                            scratch.max[r], scratch.weight[r], scratch.sums + r * geometry_.width);
        });
    }
    write(job, piece, scratch);
}

void Attention::write(const Job& job, const Piece& piece, const ChunkScratch& scratch) const {
    const size_t hd = geometry_.head_dim;
    size_t r = 0;
    for (int32_t token = piece.first; token < piece.end; ++token)
        for (size_t h = 0; h < group_; ++h, ++r) {
            context_.kernels.divide(element(row_of(job.out, token), job.out.dtype,
                                            static_cast<int64_t>((piece.head * group_ + h) * hd)),
                                    job.out.dtype, scratch.sums + r * geometry_.width,
                                    scratch.weight[r], hd);
        }
}

void Attention::run_whole(const Job& job) const {
    context_.pool.run(pieces_.size(),
                      [&](size_t i, unsigned thread) { whole(job, pieces_[i], thread); });
}

void Attention::some_chunks(const Job& job, size_t index, size_t begin, unsigned thread) const {
    const Piece& piece = pieces_[index];
    const ChunkScratch scratch = scratch_of(job, thread);
    const ChunkSource source = source_of(job, piece);
    gather(job, piece, scratch);
    const size_t n_chunks = piece.n_chunks();
    for (size_t chunk = begin; chunk < std::min(n_chunks, begin + kChunksOfTask); ++chunk) {
        load_chunk(context_.kernels, geometry_, source, chunk,
                   std::min(kChunk, piece.context - chunk * kChunk), scratch);
        each_span(piece, chunk, [&](size_t first, size_t end, size_t n) {
            attend_chunk(context_.kernels, geometry_, scratch, first, end, n, params_.scale);
            for (size_t r = first; r < end; ++r) {
                float* to = job.shared + shared_at_[index] + (r * n_chunks + chunk) * kept();
                std::memcpy(to, scratch.part + r * geometry_.width,
                            geometry_.head_dim * sizeof(float));
                to[geometry_.width] = scratch.part_max[r];
                to[geometry_.width + 1] = scratch.part_weight[r];
            }
        });
    }
}

void Attention::blend_shared(const Job& job, size_t index, unsigned thread) const {
    const Piece& piece = pieces_[index];
    const ChunkScratch scratch = scratch_of(job, thread);
    const size_t n_tokens = static_cast<size_t>(piece.end - piece.first);
    for (size_t r = 0; r < n_tokens * group_; ++r) {
        float* sums = scratch.sums + r * geometry_.width;
        std::fill(sums, sums + geometry_.width, 0.0f);
        scratch.max[r] = -INFINITY, scratch.weight[r] = 0;
        const size_t sees = piece.context - (n_tokens - 1 - r / group_);
        for (size_t chunk = 0; chunk * kChunk < sees; ++chunk) {
            const float* part =
                job.shared + shared_at_[index] + (r * piece.n_chunks() + chunk) * kept();
            blend_chunk(context_.kernels, geometry_.head_dim, part[geometry_.width],
                        part[geometry_.width + 1], part, scratch.max[r], scratch.weight[r], sums);
        }
    }
    write(job, piece, scratch);
}

void Attention::run_shared(const Job& job) {
    shared_at_.clear(), shares_.clear();
    size_t floats = 0;
    for (uint32_t i = 0; i < pieces_.size(); ++i) {
        const Piece& p = pieces_[i];
        shared_at_.push_back(floats);
        floats += static_cast<size_t>(p.end - p.first) * group_ * p.n_chunks() * kept();
        for (size_t chunk = 0; chunk < p.n_chunks(); chunk += kChunksOfTask)
            shares_.push_back({i, static_cast<uint32_t>(chunk)});
    }
    context_.pool.run(shares_.size(), [&](size_t i, unsigned thread) {
        some_chunks(job, shares_[i].first, shares_[i].second, thread);
    });
    context_.pool.run(pieces_.size(),
                      [&](size_t i, unsigned thread) { blend_shared(job, i, thread); });
}

}  // namespace

constexpr OpEntry kAttention = entry<Attention>("attention/1");

}  // namespace afs::cpu
