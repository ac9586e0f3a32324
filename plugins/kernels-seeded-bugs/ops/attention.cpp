// attention/1: scores of all keys, softmax, sum.
#include <algorithm>

#include "backend.hpp"

namespace afs::seeded {
namespace {

struct Query {
    const afs_run& run;
    const OpState& s;
    afs_kv_layout layout;
    const int32_t* blocks;  // of its sequence
    int32_t context;        // keys that it should see
    int32_t longest;        // keys that its sequence has
    int32_t other_block;    // one of another sequence

    int64_t place(const int64_t (&stride)[4], int32_t t, uint32_t head) const {
        const auto size =
            s.bug == Bug::assumes_16_slots ? 16 : static_cast<int32_t>(layout.block_size);
        int32_t block = blocks[t / size];
        if (s.bug == Bug::stale_block && t / size == (context - 1) / size && t / size > 0)
            block = other_block;
        return block * stride[0] + head * stride[1] + t % size * stride[2];
    }
    bool leaves_out(int32_t t) const {
        const auto size = static_cast<int32_t>(layout.block_size);
        switch (s.bug) {
            case Bug::drops_last_key: return t == context - 1 && context > 1;
            case Bug::drops_first_key: return t == 0 && context > 1;
            case Bug::drops_page_edge: return t > 0 && t % size == 0;
            case Bug::drops_part_block: return context > size && t >= context / size * size;
            case Bug::only_512_keys: return t >= 512;
            case Bug::full_tile_edge: return context % 128 == 0 && t == context - 1;
            default: return false;
        }
    }
};

float exponential(float x, Bug bug) {
    const float e = std::exp(x);
    return bug == Bug::rough_exp ? bits_float(float_bits(e) & 0xffffc000u) : e;
}

// Scores -> weights that sum to 1.
void softmax(Row& scores, const std::vector<int32_t>& keys, const OpState& s) {
    float max = -INFINITY, sum = 0;
    for (const float x : scores) max = std::max(max, x);
    if (std::any_of(scores.begin(), scores.end(), [](float x) { return std::isnan(x); })) max = NAN;
    if (s.bug == Bug::no_max) max = 0;
    float early = -INFINITY;  // the largest of the first tile
    for (size_t i = 0; i < scores.size(); ++i)
        if (keys[i] < 64) early = std::max(early, scores[i]);
    for (size_t i = 0; i < scores.size(); ++i) {
        const bool stays = s.bug == Bug::no_rescale && keys[i] < 64 && keys.back() >= 64;
        sum += scores[i] = exponential(scores[i] - (stays ? early : max), s.bug);
    }
    for (float& p : scores) {
        p /= sum;
        if (s.bug == Bug::bf16_weights) p = rounded(p, AFS_BF16);
    }
}

void one_head(const Query& q, const Row& row, int64_t token, uint32_t h) {
    const OpState& s = q.s;
    const auto& p = s.attention;
    const uint32_t hd = p.head_dim, group = p.n_heads / p.n_kv_heads;
    const uint32_t g = s.bug == Bug::other_kv_head ? h % p.n_kv_heads : h / group;
    int32_t n = q.context;
    if (s.bug == Bug::sees_ahead) n = std::min(n + 1, q.longest);
    if (s.bug == Bug::no_mask) n = q.longest;
    std::vector<int32_t> keys;
    for (int32_t t = 0; t < n; ++t)
        if (!q.leaves_out(t)) keys.push_back(t);
    const afs_kv& kv = *q.run.kv;
    Row scores;
    for (const int32_t t : keys) {
        const int64_t at = q.place(q.layout.k_stride, t, g);
        float sum = 0;
        for (uint32_t d = 0; d < hd; ++d)
            sum +=
                row[size_t{h} * hd + d] * load(kv.k, q.layout.dtype, at + d * q.layout.k_stride[3]);
        scores.push_back(s.bug == Bug::no_scale ? sum : sum * p.scale);
    }
    if (!keys.empty()) softmax(scores, keys, s);
    Row out(hd, 0.0f);
    for (size_t i = 0; i < keys.size(); ++i) {
        const int64_t at = q.place(q.layout.v_stride, keys[i], g);
        for (uint32_t d = 0; d < hd; ++d)
            out[d] += scores[i] * load(kv.v, q.layout.dtype, at + d * q.layout.v_stride[3]);
    }
    for (uint32_t d = 0; d < hd; ++d)
        put(*q.run.output, token, int64_t{h} * hd + d,
            s.bug == Bug::attention_scale ? out[d] * 1.01f : out[d]);
}

}  // namespace

void attention(const afs_run& run, OpState& s) {
    const afs_step& step = *run.step;
    afs_kv_layout layout = *run.kv->layout;
    if (s.bug == Bug::assumes_layout) {
        const int64_t hd = layout.head_dim, size = layout.block_size;
        const int64_t stride[] = {layout.block_elems, size * hd, hd, 1};
        std::copy(stride, stride + 4, layout.k_stride);
        std::copy(stride, stride + 4, layout.v_stride);
    }
    for (uint32_t q = 0; q < step.n_seqs; ++q)
        for (int32_t i = step.cu_seqlens[q]; i < step.cu_seqlens[q + 1]; ++i) {
            const uint32_t seq = s.bug == Bug::padding_as_sequence ? 0 : q;
            const int32_t context = step.context_lens[q] - (step.cu_seqlens[q + 1] - 1 - i);
            const Query query = {run,
                                 s,
                                 layout,
                                 step.block_table + size_t{seq} * step.max_blocks,
                                 std::min(context, seq == q ? context : step.context_lens[0]),
                                 step.context_lens[seq],
                                 step.block_table[0]};
            const Row row = row_of(run.inputs[0], i);
            for (uint32_t h = 0; h < s.attention.n_heads; ++h) one_head(query, row, i, h);
        }
}

}  // namespace afs::seeded
