#include "support/op_suite.hpp"

#include <cmath>

#include "support/families.hpp"
#include "support/judge_case.hpp"

namespace afs::test {
namespace {

using Dtypes = std::vector<int32_t>;

std::string name_of(const OpCase& c, const std::string& family, const std::string& more = {}) {
    std::string text = family;
    for (const Array& a : c.inputs) {
        text += std::string(" ") + dtype_name(a.dtype) + "[";
        for (size_t i = 0; i < a.dims.size(); ++i)
            text += (i ? "," : "") + std::to_string(a.dims[i]);
        text += "]";
    }
    return text + more;
}

// Sums and squares of the largest finite numbers overflow in fp32 before the result would.
bool overflows(const Family& family) {
    return family.name == "largest finite";
}

void linear(const Dtypes& dtypes, const Dtypes& stored, const Visit& visit) {
    const int64_t shapes[][3] = {
        // n, m, k
        {1, 1, 1},    {1, 7, 17},     {5, 7, 331},    {1, 64, 64},    {1, 40, 576},   {2, 192, 576},
        {3, 33, 192}, {8, 24, 1536},  {9, 65, 72},    {16, 64, 128},  {17, 72, 200},  {64, 40, 136},
        {65, 63, 64}, {130, 129, 40}, {1, 24, 11008}, {2, 16, 14336}, {15, 136, 1024}};
    for (const int32_t t : dtypes)
        for (const int32_t w : stored)
            for (const Family& family : families(t, 9)) {
                if (overflows(family)) continue;
                for (const auto& [n, m, k] : shapes) {
                    OpCase c("linear/1");
                    c.act(Array::filled(t, {n, k}, family.draw));
                    c.weight(random_array(w, {m, k}, 4, 0.1)).result(t, {n, m});
                    c.on(StepData::plain(static_cast<uint32_t>(n)));
                    visit(name_of(c, family.name), c);
                }
            }
}

void rms_norm(const Dtypes& dtypes, const Dtypes& stored, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const int32_t w : stored)
            for (const Family& family : families(t, 9)) {
                if (overflows(family)) continue;
                for (const int64_t d : {1, 17, 64, 192, 331, 576, 2048, 4096, 8192})
                    for (const bool before : {false, true}) {
                        auto p = make<afs_rms_norm_params>();
                        p.eps = 1e-6f, p.weight_before_cast = before;
                        const int64_t n = d > 1000 ? 2 : 5;
                        OpCase c("rms_norm/1");
                        c.act(Array::filled(t, {n, d}, family.draw));
                        c.weight(random_array(w, {d}, 5)).with(p).result(t, {n, d});
                        visit(name_of(c, family.name, before ? " weight before cast" : ""), c);
                    }
            }
}

void two_inputs(const std::string& op, const Dtypes& dtypes, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const Family& family : families(t, 9)) {
            if (overflows(family) && op == "swiglu/1") continue;
            for (const auto& [n, d] : {std::pair<int64_t, int64_t>{1, 1},
                                       {5, 17},
                                       {3, 331},
                                       {7, 64},
                                       {1, 14336},
                                       {130, 192}}) {
                OpCase c(op);
                c.act(Array::filled(t, {n, d}, family.draw));
                c.act(Array::filled(t, {n, d}, family.draw)).result(t, {n, d});
                visit(name_of(c, family.name), c);
            }
        }
}

void rope(const Dtypes& dtypes, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const Family& family : families(t, 9)) {
            if (overflows(family)) continue;
            for (const auto& [heads, hd] :
                 {std::pair<int64_t, uint32_t>{1, 2}, {3, 24}, {9, 64}, {32, 128}, {2, 256}})
                for (const bool table : {false, true})
                    for (const int32_t scaling : {AFS_ROPE_PLAIN, AFS_ROPE_LLAMA3}) {
                        auto p = make<afs_rope_params>();
                        p.head_dim = hd, p.theta = 500000, p.table_in_act_dtype = table;
                        p.scaling = scaling, p.factor = 32, p.low_freq_factor = 1;
                        p.high_freq_factor = 4, p.original_max_position = 8192;
                        OpCase c("rope/1");
                        c.act(Array::filled(t, {6, heads * hd}, family.draw)).with(p);
                        c.on(StepData::plain(6)).result(t, {6, heads * hd});
                        c.step.positions = {0, 1, 31, 4095, 8190, 131071};
                        visit(name_of(c, family.name,
                                      " hd " + std::to_string(hd) + (table ? " table" : "") +
                                          (scaling ? " llama3" : "")),
                              c);
                    }
        }
}

struct Heads {
    uint32_t heads, kv_heads, head_dim;
};

// One story of a ragged batch; decode: every sequence has one token.
struct Story {
    const char* name;
    std::vector<Sequence> sequences;
    uint32_t n_padding;
    bool decode;
};

std::vector<Story> stories() {
    return {{"mixed", {{30, 2}, {0, 5}, {7, 1}}, 2, false},
            {"decode", {{0, 1}, {15, 1}, {16, 1}, {100, 1}, {63, 1}, {64, 1}}, 2, true},
            {"long decode", {{300, 1}}, 0, true},
            {"prefill", {{0, 70}}, 0, false},
            {"chunk", {{65, 66}, {0, 1}}, 0, false}};
}

// [block][kv_head][slot][dim], or [block][slot][dim][kv_head] and [block][slot][kv_head][dim].
void other_strides(Cache& cache) {
    const int64_t heads = cache.layout.n_kv_heads, hd = cache.layout.head_dim;
    const int64_t k[] = {cache.layout.block_elems, 1, hd * heads, heads};
    const int64_t v[] = {cache.layout.block_elems, hd, hd * heads, 1};
    std::copy(k, k + 4, cache.layout.k_stride);
    std::copy(v, v + 4, cache.layout.v_stride);
}

void attend(const Story& story, const Heads& h, int32_t t, int32_t stored, uint32_t block_size,
            bool strided, const Family& family, const Visit& visit) {
    uint32_t n_blocks = 1;
    for (const Sequence& s : story.sequences)
        n_blocks += (static_cast<uint32_t>(s.past + s.now) + block_size - 1) / block_size;
    BlockPool pool(block_size, n_blocks);
    const StepData step = ragged(story.sequences, pool, story.n_padding);
    Cache cache(stored, n_blocks, block_size, h.kv_heads, h.head_dim);
    if (strided) other_strides(cache);
    for (size_t i = 0; i < cache.k.size(); ++i)
        cache.k.set(i, family.draw(i)), cache.v.set(i, family.draw(i + 3));
    auto p = make<afs_attention_params>();
    p.n_heads = h.heads, p.n_kv_heads = h.kv_heads, p.head_dim = h.head_dim;
    p.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(h.head_dim)));
    const int64_t width = int64_t{h.heads} * h.head_dim;
    OpCase c("attention/1");
    c.act(Array::filled(t, {step.n_tokens(), width}, family.draw)).cache(cache).on(step).with(p);
    c.result(t, {step.n_tokens(), width});
    c.step_class = story.decode ? AFS_CLASS_DECODE : AFS_CLASS_GENERAL;
    visit(name_of(c, family.name,
                  std::string(" ") + story.name + " " + std::to_string(h.heads) + "/" +
                      std::to_string(h.kv_heads) + "x" + std::to_string(h.head_dim) + " cache " +
                      dtype_name(stored) + " blocks of " + std::to_string(block_size) +
                      (strided ? " strided" : "")),
          c);
}

void attention(const Dtypes& dtypes, const Dtypes& stored_dtypes, const Visit& visit) {
    const Heads all[] = {{6, 1, 24}, {6, 3, 24},  {9, 3, 64},  {8, 1, 64},
                         {4, 4, 64}, {8, 2, 128}, {3, 3, 128}, {2, 1, 256}};
    for (const int32_t t : dtypes)
        for (const Family& family : families(t, 10)) {
            // inf - inf and overflowing scores have no one right answer
            if (overflows(family) || family.name == "infinite") continue;
            const bool plain = family.name == "normal";
            for (const Story& story : stories())
                for (const Heads& heads : all) {
                    attend(story, heads, t, t, 16, false, family, visit);
                    if (!plain) continue;
                    attend(story, heads, t, t, 3, false, family, visit);
                    attend(story, heads, t, t, 64, true, family, visit);
                    for (const int32_t stored : stored_dtypes)
                        if (stored != t) attend(story, heads, t, stored, 16, false, family, visit);
                }
        }
}

void kv_append(const Dtypes& dtypes, const Dtypes& stored_dtypes, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const int32_t stored : stored_dtypes)
            for (const Family& family : families(t, 11))
                for (const Story& story : stories())
                    for (const bool strided : {false, true}) {
                        BlockPool pool(4, 200);
                        Cache cache(stored, 200, 4, 3, 8);
                        if (strided) other_strides(cache);
                        for (size_t i = 0; i < cache.k.size(); ++i)
                            cache.k.set(i, -9), cache.v.set(i, -9);
                        OpCase c("kv_append/1");
                        c.on(ragged(story.sequences, pool, story.n_padding)).cache(cache);
                        const int64_t n = c.step.n_tokens();
                        c.act(Array::filled(t, {n, 24}, family.draw));
                        c.act(Array::filled(t, {n, 24}, family.draw));
                        visit(name_of(c, family.name,
                                      std::string(" ") + story.name + " to " + dtype_name(stored)),
                              c);
                    }
}

void embed(const Dtypes& dtypes, const Dtypes& stored, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const int32_t w : stored)
            for (const Family& family : families(w, 12))
                for (const int64_t d : {1, 17, 576, 4096}) {
                    OpCase c("embed/1");
                    c.weight(Array::filled(w, {11, d}, family.draw)).on(StepData::plain(5));
                    c.step.token_ids = {10, -2, 0, 3, -1};
                    c.step.prev_ids = {7, 9};
                    c.result(t, {5, d});
                    visit(name_of(c, family.name, std::string(" to ") + dtype_name(t)), c);
                }
}

void select_rows(const Dtypes& dtypes, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const Family& family : families(t, 13))
            for (const int64_t d : {1, 17, 576, 4096}) {
                OpCase c("select_rows/1");
                c.act(Array::filled(t, {7, d}, family.draw)).on(StepData::plain(7));
                c.step.logit_rows = {6, 0, 3, 3};
                c.step.rows.resize(4);
                visit(name_of(c, family.name), c.result(t, {4, d}));
            }
}

afs_row sampling(int32_t i, int64_t vocab) {
    afs_row row{};
    const float temperatures[] = {0.0f, 1.0f, 0.6f, 2.5f, 0.01f};
    row.temperature = temperatures[i % 5];
    row.top_k = i % 3 ? 0 : 1 + i % 50;
    row.top_p = i % 4 ? 1.0f : i % 8 ? 0.9f : 0.3f;
    row.min_p = i % 7 ? 0.0f : 0.05f;
    row.flags = i % 11 == 10 ? AFS_ROW_LOGITS : AFS_ROW_SAMPLE;
    row.n_vocab = static_cast<int32_t>(std::max<int64_t>(1, vocab - i % 3));
    row.seed = 77, row.counter = static_cast<uint32_t>(i);
    return row;
}

void sample(const Dtypes& dtypes, const Visit& visit) {
    for (const int32_t t : dtypes)
        for (const Family& family : families(t, 14))
            for (const int64_t vocab : {1, 2, 97, 1000, 49152, 128256}) {
                const int32_t n = vocab > 10000 ? 5 : 60;
                OpCase c("sample/1");
                c.act(Array::filled(t, {n, vocab}, family.draw)).on(StepData::plain(1));
                c.result(AFS_I32, {n});
                for (int32_t i = 0; i < n; ++i) {
                    c.step.rows.push_back(sampling(vocab > 10000 ? 12 * i : i, vocab));
                    c.step.logit_rows.push_back(0);
                    c.output.set(static_cast<size_t>(i), -5);
                }
                visit(name_of(c, family.name), c);
            }
}

std::string wrong_draws(const OpCase& c, const Outcome& o) {
    for (uint32_t i = 0; i < c.step.n_rows(); ++i) {
        const bool asked = (c.step.rows[i].flags & AFS_ROW_SAMPLE) != 0;
        const int32_t want = asked ? drawn(c, i) : -5, host = asked ? want : -1;
        if (o.output[i] != want || (c.with_host_ids && o.host_ids[i] != host))
            return "row " + std::to_string(i) + ": drew " + std::to_string(o.output[i]) +
                   " (host id " + std::to_string(o.host_ids[i]) + "), expected " +
                   std::to_string(want);
    }
    return {};
}

// The same bits, or NaN for NaN: a conversion may give any.
bool same_values(const Array& got, const Array& want) {
    for (size_t i = 0; i < want.size(); ++i)
        if (got.bits(i) != want.bits(i) && !(std::isnan(got[i]) && std::isnan(want[i])))
            return false;
    return true;
}

}  // namespace

void each_case(const std::string& op, const std::vector<int32_t>& dtypes,
               const std::vector<int32_t>& stored, const Visit& visit) {
    if (op == "linear/1") return linear(dtypes, stored, visit);
    if (op == "rms_norm/1") return rms_norm(dtypes, stored, visit);
    if (op == "rope/1") return rope(dtypes, visit);
    if (op == "attention/1") return attention(dtypes, stored, visit);
    if (op == "kv_append/1") return kv_append(dtypes, stored, visit);
    if (op == "embed/1") return embed(dtypes, stored, visit);
    if (op == "select_rows/1") return select_rows(dtypes, visit);
    if (op == "sample/1") return sample(dtypes, visit);
    two_inputs(op, dtypes, visit);
}

std::string fault_of(const OpCase& c, const Outcome& o) {
    if (!o.status.ok()) return o.status.message();
    if (!o.clean) return "wrote to an input or outside its output";
    if (c.op == "sample/1") return wrong_draws(c, o);
    if (c.op == "kv_append/1") {
        const Cache want = appended(c);
        const bool same = same_values(o.kv->k, want.k) && same_values(o.kv->v, want.v);
        return same ? "" : "the cache holds other bits than it should";
    }
    // Padding rows of attention/1 are nobody's business.
    const auto verdict = judge(c, o);
    return verdict.ok() ? "" : verdict.text();
}

Tally run_suite(KernelBackend& backend, const std::string& op, const std::vector<int32_t>& dtypes,
                const std::vector<int32_t>& stored, Device* device, size_t stride) {
    constexpr size_t kShown = 12;
    Tally tally;
    size_t n_seen = 0;
    each_case(op, dtypes, stored, [&](const std::string& name, const OpCase& c) {
        if (n_seen++ % stride != 0) return;
        ++tally.listed;
        const Outcome o = run(backend, c, device);
        if (o.status.code() == Code::unsupported) {
            ++tally.declined;
            if (tally.failures.size() < kShown)
                tally.failures.push_back(name + ": declined: " + o.status.message());
            return;
        }
        ++tally.judged;
        const std::string fault = fault_of(c, o);
        if (fault.empty()) return;
        ++tally.failed;
        if (tally.failures.size() < kShown) tally.failures.push_back(name + ": " + fault);
    });
    return tally;
}

std::string Tally::text(const std::string& op) const {
    std::string text = op + ": " + std::to_string(listed) + " cases, " + std::to_string(judged) +
                       " judged, " + std::to_string(declined) + " declined, " +
                       std::to_string(failed) + " failed";
    for (const std::string& failure : failures) text += "\n  " + failure;
    return text;
}

}  // namespace afs::test
