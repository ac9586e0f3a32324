#include "simple_ops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "afs/numeric.hpp"
#include "afs/rope.hpp"
#include "afs/sample.hpp"

namespace afs_test {
namespace {

using Row = std::vector<float>;

float load(const void* data, int32_t dtype, int64_t i) {
    if (dtype == AFS_BF16) return afs::to_float(static_cast<const afs::bf16*>(data)[i]);
    if (dtype == AFS_F16) return afs::to_float(static_cast<const afs::f16*>(data)[i]);
    return static_cast<const float*>(data)[i];
}
void store(void* data, int32_t dtype, int64_t i, float x) {
    if (dtype == AFS_BF16)
        static_cast<afs::bf16*>(data)[i] = afs::to_bf16(x);
    else if (dtype == AFS_F16)
        static_cast<afs::f16*>(data)[i] = afs::to_f16(x);
    else
        static_cast<float*>(data)[i] = x;
}
// x as an element of dtype would keep it.
float rounded(float x, int32_t dtype) {
    float kept;
    store(&kept, dtype, 0, x);
    return load(&kept, dtype, 0);
}
int64_t width(const afs_tensor& t) {
    return t.dims[t.rank - 1];
}
Row row_of(const afs_tensor& t, int64_t i) {
    Row row(static_cast<size_t>(width(t)));
    const int64_t pitch = t.rank == 1 ? 0 : t.strides[0];
    for (size_t j = 0; j < row.size(); ++j)
        row[j] = load(t.data, t.dtype, i * pitch + static_cast<int64_t>(j));
    return row;
}
void set_row(const afs_tensor& t, int64_t i, const Row& row) {
    for (size_t j = 0; j < row.size(); ++j)
        store(t.data, t.dtype, i * t.strides[0] + static_cast<int64_t>(j), row[j]);
}
int64_t cache_at(const int64_t (&stride)[4], int64_t slot, uint32_t block_size, int64_t head) {
    return slot / block_size * stride[0] + head * stride[1] + slot % block_size * stride[2];
}

struct Entry {
    const char* op;
    uint32_t n_inputs;
};
constexpr Entry kKnown[] = {{"embed/1", 1},  {"rms_norm/1", 2},  {"linear/1", 2},
                            {"rope/1", 1},   {"kv_append/1", 2}, {"attention/1", 2},
                            {"swiglu/1", 2}, {"add/1", 2},       {"select_rows/1", 1},
                            {"sample/1", 1}};

}  // namespace

std::string SimpleOp::why_not(const afs::Node& node) {
    for (const Entry& entry : kKnown) {
        if (!node.is(entry.op)) continue;
        if (node.n_inputs() != entry.n_inputs) return "wrong number of inputs";
        for (uint32_t i = 0; i < node.n_inputs(); ++i)
            if (const int32_t t = node.in(i).dtype; t != AFS_F32 && t != AFS_BF16 && t != AFS_F16)
                return std::string("reads fp32, bf16 and fp16, found ") + afs::dtype_name(t);
        return {};
    }
    return std::string("does not know ") + node.op();
}

SimpleOp::SimpleOp(const afs::Node& node) {
    using Body = void (SimpleOp::*)(const afs_run&);
    static constexpr Body bodies[] = {
        &SimpleOp::embed,       &SimpleOp::rms_norm,  &SimpleOp::linear, &SimpleOp::rope,
        &SimpleOp::kv_append,   &SimpleOp::attention, &SimpleOp::swiglu, &SimpleOp::add,
        &SimpleOp::select_rows, &SimpleOp::sample};
    for (size_t i = 0; i < std::size(kKnown); ++i)
        if (node.is(kKnown[i].op)) body_ = bodies[i];
    if (node.is("rms_norm/1")) norm_ = node.params<afs_rms_norm_params>();
    if (node.is("rope/1")) rope_ = node.params<afs_rope_params>();
    if (node.is("attention/1")) attention_ = node.params<afs_attention_params>();
}

afs::Status SimpleOp::run(const afs_run& run) {
    (this->*body_)(run);
    return {};
}

void SimpleOp::embed(const afs_run& run) {
    for (uint32_t i = 0; i < run.step->n_tokens; ++i) {
        const int32_t id = run.step->token_ids[i];
        set_row(*run.output, i, row_of(run.inputs[0], id < 0 ? run.step->prev_ids[-1 - id] : id));
    }
}

void SimpleOp::rms_norm(const afs_run& run) {
    const afs_tensor& out = *run.output;
    const Row weight = row_of(run.inputs[1], 0);
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        Row x = row_of(run.inputs[0], i);
        float sum = 0;
        for (float v : x) sum += v * v;
        const float r = 1 / std::sqrt(sum / static_cast<float>(x.size()) + norm_.eps);
        for (size_t j = 0; j < x.size(); ++j)
            x[j] = weight[j] * (norm_.weight_before_cast ? x[j] * r : rounded(x[j] * r, out.dtype));
        set_row(out, i, x);
    }
}

void SimpleOp::linear(const afs_run& run) {
    const afs_tensor& out = *run.output;
    std::vector<Row> x;
    for (int64_t i = 0; i < out.dims[0]; ++i) x.push_back(row_of(run.inputs[0], i));
    for (int64_t m = 0; m < width(out); ++m) {
        const Row w = row_of(run.inputs[1], m);
        for (size_t i = 0; i < x.size(); ++i) {
            float lanes[8] = {};
            size_t k = 0;
            for (; k + 8 <= w.size(); k += 8)
                for (size_t j = 0; j < 8; ++j) lanes[j] += w[k + j] * x[i][k + j];
            for (; k < w.size(); ++k) lanes[0] += w[k] * x[i][k];
            float sum = 0;
            for (float lane : lanes) sum += lane;
            store(out.data, out.dtype, static_cast<int64_t>(i) * out.strides[0] + m, sum);
        }
    }
}

void SimpleOp::rope(const afs_run& run) {
    const afs_tensor& out = *run.output;
    const size_t half = rope_.head_dim / 2;
    const auto step = [&](float v) { return rope_.table_in_act_dtype ? rounded(v, out.dtype) : v; };
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        const Row x = row_of(run.inputs[0], i);
        Row turned(x.size());
        for (size_t j = 0; j < half; ++j) {
            const double angle = afs::rope_angle(
                run.step->positions[i], afs::rope_inv_freq(rope_, static_cast<uint32_t>(j)));
            const float c = step(static_cast<float>(std::cos(angle)));
            const float s = step(static_cast<float>(std::sin(angle)));
            for (size_t a = j; a < x.size(); a += 2 * half) {
                turned[a] = step(x[a] * c) - step(x[a + half] * s);
                turned[a + half] = step(x[a + half] * c) + step(x[a] * s);
            }
        }
        set_row(out, i, turned);
    }
}

void SimpleOp::kv_append(const afs_run& run) {
    const afs_kv_layout& l = *run.kv->layout;
    for (uint32_t i = 0; i < run.step->n_tokens; ++i) {
        const Row k = row_of(run.inputs[0], i), v = row_of(run.inputs[1], i);
        for (size_t j = 0; j < k.size(); ++j) {
            const auto head = static_cast<int64_t>(j / l.head_dim);
            const auto d = static_cast<int64_t>(j % l.head_dim);
            const int32_t slot = run.step->slots[i];
            store(run.kv->k, l.dtype,
                  cache_at(l.k_stride, slot, l.block_size, head) + d * l.k_stride[3], k[j]);
            store(run.kv->v, l.dtype,
                  cache_at(l.v_stride, slot, l.block_size, head) + d * l.v_stride[3], v[j]);
        }
    }
}

void SimpleOp::attention(const afs_run& run) {
    const afs_kv_layout& l = *run.kv->layout;
    const afs_step& step = *run.step;
    const size_t hd = attention_.head_dim, group = attention_.n_heads / attention_.n_kv_heads;
    for (uint32_t s = 0; s < step.n_seqs; ++s)
        for (int32_t t = step.cu_seqlens[s]; t < step.cu_seqlens[s + 1]; ++t) {
            const Row q = row_of(run.inputs[0], t);
            Row out(q.size(), 0.0f);
            const int32_t n = step.context_lens[s] - (step.cu_seqlens[s + 1] - t) + 1;
            const auto slot = [&](int32_t p) {
                const auto size = static_cast<int32_t>(l.block_size);
                return int64_t{step.block_table[size_t{s} * step.max_blocks +
                                                static_cast<size_t>(p / size)]} *
                           size +
                       p % size;
            };
            for (size_t h = 0; h < attention_.n_heads; ++h) {
                const auto kv_head = static_cast<int64_t>(h / group);
                Row score(static_cast<size_t>(n), 0.0f);
                for (int32_t p = 0; p < n; ++p) {
                    const int64_t at = cache_at(l.k_stride, slot(p), l.block_size, kv_head);
                    float sum = 0;
                    for (size_t d = 0; d < hd; ++d)
                        sum += q[h * hd + d] * load(run.kv->k, l.dtype,
                                                    at + static_cast<int64_t>(d) * l.k_stride[3]);
                    score[static_cast<size_t>(p)] = sum * attention_.scale;
                }
                const float max = *std::max_element(score.begin(), score.end());
                float total = 0;
                for (float& x : score) total += x = std::exp(x - max);
                for (int32_t p = 0; p < n; ++p) {
                    const int64_t at = cache_at(l.v_stride, slot(p), l.block_size, kv_head);
                    for (size_t d = 0; d < hd; ++d)
                        out[h * hd + d] +=
                            score[static_cast<size_t>(p)] / total *
                            load(run.kv->v, l.dtype, at + static_cast<int64_t>(d) * l.v_stride[3]);
                }
            }
            set_row(*run.output, t, out);
        }
}

void SimpleOp::swiglu(const afs_run& run) {
    const afs_tensor& out = *run.output;
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        Row gate = row_of(run.inputs[0], i);
        const Row up = row_of(run.inputs[1], i);
        for (size_t j = 0; j < gate.size(); ++j)
            gate[j] = rounded(gate[j] / (1 + std::exp(-gate[j])), out.dtype) * up[j];
        set_row(out, i, gate);
    }
}

void SimpleOp::add(const afs_run& run) {
    for (int64_t i = 0; i < run.output->dims[0]; ++i) {
        Row a = row_of(run.inputs[0], i);
        const Row b = row_of(run.inputs[1], i);
        for (size_t j = 0; j < a.size(); ++j) a[j] += b[j];
        set_row(*run.output, i, a);
    }
}

void SimpleOp::select_rows(const afs_run& run) {
    for (int64_t i = 0; i < run.output->dims[0]; ++i)
        set_row(*run.output, i, row_of(run.inputs[0], run.step->logit_rows[i]));
}

void SimpleOp::sample(const afs_run& run) {
    auto* ids = static_cast<int32_t*>(run.output->data);
    afs::SampleScratch scratch;
    for (uint32_t i = 0; i < run.step->n_rows; ++i) {
        if (!(run.step->rows[i].flags & AFS_ROW_SAMPLE)) continue;
        const Row logits = row_of(run.inputs[0], i);
        ids[i] = afs::sample_row(logits.data(), run.step->rows[i], scratch);
        if (run.step->host_ids) run.step->host_ids[i] = ids[i];
    }
}

}  // namespace afs_test
