// Each known mistake as the judgement of what it computes. An output that fits one of them, and not
// the right one, looks like it.
#include <algorithm>
#include <cmath>

#include "afs/block_format.hpp"
#include "conformance/diagnose/diagnose.hpp"

namespace afs::conformance {
namespace {

using bound::Arithmetic;
using bound::Judged;

struct Search {
    const OpCase& c;
    const Outcome& o;
    Arithmetic how;
    std::string found = {};

    void try_judged(const std::string& text, const Judged& judged) {
        if (found.empty() && fits(o, judged)) found = text;
    }
    // The case with something changed about it.
    template <class Change>
    void try_case(const std::string& text, Change&& change) {
        if (!found.empty()) return;
        OpCase other = c;
        change(other);
        try_judged(text, judge_case(other, how));
    }
    template <class P, class Change>
    void try_params(const std::string& text, Change&& change) {
        try_case(text, [&](OpCase& other) {
            auto p = std::make_shared<P>(*static_cast<const P*>(c.params.get()));
            change(*p);
            other.params = p;
        });
    }
};

// Column j of every row of a plain array.
void zero_columns(Array& a, size_t first, size_t end) {
    const auto width = static_cast<size_t>(a.dims[1]);
    for (size_t i = 0; i < a.size(); i += width)
        for (size_t j = first; j < end; ++j) a.set(i + j, 0);
}

// A judgement with each element i at to(i) instead.
template <class To>
Judged moved_elements(const Judged& from, To&& to) {
    Judged moved = from;
    for (size_t i = 0; i < from.want.size(); ++i) {
        const size_t at = to(i);
        moved.want[at] = from.want[i], moved.bound[at] = from.bound[i];
        moved.spread[at] = from.spread[i], moved.shared[at] = from.shared[i];
    }
    return moved;
}

void linear(Search& s) {
    const auto k = static_cast<size_t>(s.c.inputs[0].dims[1]);
    const auto without = [&](size_t first, size_t end) {
        return [=](OpCase& other) { zero_columns(other.inputs[0], first, end); };
    };
    s.try_case("drops the last element of K", without(k - 1, k));
    s.try_case("drops the first element of K", without(0, 1));
    s.try_case("counts the last element of K twice", [=](OpCase& other) {
        Array& x = other.inputs[0];
        for (size_t i = k - 1; i < x.size(); i += k) x.set(i, 2 * x[i]);
    });
    for (const size_t tile : std::initializer_list<size_t>{4, 8, 16, 32, 64, 128, 256})
        if (k > tile && k % tile)
            s.try_case("drops what is left of K behind whole tiles of " + std::to_string(tile),
                       without(k / tile * tile, k));
    for (const size_t tile : std::initializer_list<size_t>{16, 32, 64, 128, 256})
        if (k > tile)
            s.try_case("drops the last tile of " + std::to_string(tile) + " of K",
                       without((k - 1) / tile * tile, k));
    for (const size_t tile : std::initializer_list<size_t>{16, 32, 64, 128, 256})
        if (k > tile)
            s.try_case("drops the element of K before each multiple of " + std::to_string(tile),
                       [=](OpCase& other) {
                           for (size_t j = tile - 1; j + 1 < k; j += tile)
                               zero_columns(other.inputs[0], j, j + 1);
                       });
    for (const size_t tile : std::initializer_list<size_t>{16, 32, 64, 128, 256})
        if (k > tile)
            s.try_case("drops element " + std::to_string(tile) + " of K, at a tile's edge",
                       without(tile, tile + 1));
    s.try_case("takes subnormal inputs for 0, which it does not declare", [](OpCase& other) {
        for (Array& each : other.inputs)
            for (size_t i = 0; i < each.size() && !block_format(each.dtype); ++i)
                if (std::abs(each[i]) < bound::smallest_normal(each.dtype)) each.set(i, 0);
    });
    for (const int32_t dtype : {AFS_BF16, AFS_F16})
        for (const size_t which : {size_t{1}, size_t{0}}) {
            const Array& whole = s.c.inputs[which];
            if (block_format(whole.dtype) ||
                bound::unit_roundoff(whole.dtype) >= bound::unit_roundoff(dtype))
                continue;
            s.try_case(std::string("rounds ") + (which ? "weights" : "x") + " to " +
                           dtype_name(dtype) + " first, which it does not declare",
                       [&](OpCase& other) {
                           Array narrow(dtype, whole.dims, {});
                           for (size_t i = 0; i < whole.size(); ++i) {
                               narrow.set(i, whole[i]);
                               other.inputs[which].set(i, narrow[i]);
                           }
                       });
        }
    if (s.c.inputs[0].dims[0] > 1)
        s.try_case("multiplies every row with the first row of x", [&](OpCase& other) {
            for (size_t i = 0; i < other.inputs[0].size(); ++i)
                other.inputs[0].set(i, s.c.inputs[0][i % k]);
        });
}

void rms_norm(Search& s) {
    const auto d = static_cast<size_t>(s.c.inputs[0].dims[1]);
    const auto& p = *static_cast<const afs_rms_norm_params*>(s.c.params.get());
    const Judged right = judge_case(s.c, s.how);
    // factor: of a row's results, from its sum of squares and its last element
    const auto scaled = [&](const std::string& text, auto factor) {
        if (!s.found.empty()) return;
        Judged other = right;
        for (size_t i = 0; i < other.want.size() / d; ++i) {
            double sum = 0;
            for (size_t j = 0; j < d; ++j) sum += std::pow(s.c.inputs[0][i * d + j], 2);
            const double times = factor(sum, s.c.inputs[0][i * d + d - 1]);
            for (size_t j = 0; j < d; ++j) other.want[i * d + j] *= times;
        }
        s.try_judged(text, other);
    };
    const auto n = static_cast<double>(d), eps = static_cast<double>(p.eps);
    const auto root = [=](double sum) { return std::sqrt(sum / n + eps); };
    scaled("adds eps outside the root",
           [=](double sum, double) { return root(sum) / (std::sqrt(sum / n) + eps); });
    scaled("leaves eps out", [=](double sum, double) { return root(sum) / std::sqrt(sum / n); });
    scaled("drops the last element from the mean of squares", [=](double sum, double last) {
        return root(sum) / std::sqrt((sum - last * last) / n + eps);
    });
    scaled("divides the sum of squares by d - 1",
           [=](double sum, double) { return root(sum) / std::sqrt(sum / (n - 1) + eps); });
    scaled("takes the sum of squares for their mean",
           [=](double sum, double) { return root(sum) / std::sqrt(sum + eps); });
    s.try_case("leaves the weight out", [&](OpCase& other) {
        for (size_t j = 0; j < d; ++j) other.inputs[1].set(j, 1);
    });
    s.try_case("multiplies by weight + 1", [&](OpCase& other) {
        for (size_t j = 0; j < d; ++j) other.inputs[1].set(j, s.c.inputs[1][j] + 1);
    });
    if (d > 1)
        s.try_case("uses the neighbour's weight", [&](OpCase& other) {
            for (size_t j = 0; j < d; ++j) other.inputs[1].set(j, s.c.inputs[1][(j + 1) % d]);
        });
    s.try_case("subtracts the mean first, as LayerNorm does", [&](OpCase& other) {
        for (size_t i = 0; i < other.inputs[0].size() / d; ++i) {
            double mean = 0;
            for (size_t j = 0; j < d; ++j) mean += s.c.inputs[0][i * d + j] / n;
            for (size_t j = 0; j < d; ++j)
                other.inputs[0].set(i * d + j, s.c.inputs[0][i * d + j] - mean);
        }
    });
    for (const size_t head : std::initializer_list<size_t>{32, 64, 128})
        if (d > head && d % head == 0 && s.found.empty()) {
            Judged other = right;
            for (size_t i = 0; i < other.want.size(); ++i) {
                double row = 0, part = 0;
                const size_t first = i / d * d, begin = i / head * head;
                for (size_t j = first; j < first + d; ++j) row += std::pow(s.c.inputs[0][j], 2);
                for (size_t j = begin; j < begin + head; ++j) part += std::pow(s.c.inputs[0][j], 2);
                other.want[i] *= root(row) / std::sqrt(part / static_cast<double>(head) + eps);
            }
            s.try_judged("norms each head of " + std::to_string(head) + " by itself, not the row",
                         other);
        }
}

void rope(Search& s) {
    using P = afs_rope_params;
    const auto& p = *static_cast<const P*>(s.c.params.get());
    const size_t hd = p.head_dim, half = hd / 2;
    const auto width = static_cast<size_t>(s.c.inputs[0].dims[1]);
    const auto moved = [&](const std::string& text, auto position) {
        s.try_case(text, [&](OpCase& other) {
            for (int32_t& each : other.step.positions) each = position(each);
        });
    };
    moved("does not rotate", [](int32_t) { return 0; });
    moved("rotates by position + 1", [](int32_t at) { return at + 1; });
    moved("rotates by position - 1", [](int32_t at) { return at - 1; });
    moved("rotates the other way", [](int32_t at) { return -at; });
    if (!s.found.empty()) return;
    // interleaved pairs (2i, 2i+1): the right answer on re-ordered rows, its rows ordered back
    OpCase other = s.c;
    const auto from = [&](size_t e) {  // where element e of a head lies in pair order
        return e < half ? 2 * e : 2 * (e - half) + 1;
    };
    for (size_t i = 0; i < other.inputs[0].size(); ++i)
        other.inputs[0].set(i, s.c.inputs[0][i / hd * hd + from(i % hd)]);
    const Judged halves = judge_case(other, s.how);
    const Judged pairs =
        moved_elements(halves, [&](size_t i) { return i / hd * hd + from(i % hd); });
    if (hd > 2) s.try_judged("rotates interleaved pairs (2i, 2i+1), not halves", pairs);
    s.try_params<P>("uses theta 10000", [](P& q) { q.theta = 10000; });
    s.try_params<P>(p.scaling ? "leaves the llama3 scaling out" : "applies llama3 scaling unasked",
                    [](P& q) { q.scaling = q.scaling ? AFS_ROPE_PLAIN : AFS_ROPE_LLAMA3; });
    if (width > hd && s.found.empty()) {
        Judged first_only = judge_case(s.c, s.how);
        for (size_t i = 0; i < first_only.want.size(); ++i)
            if (i % width >= hd) first_only.want[i] = s.c.inputs[0][i];
        s.try_judged("rotates the first head only", first_only);
    }
    s.try_params<P>(p.table_in_act_dtype ? "keeps the table in fp32"
                                         : "rounds the table to the activations' dtype",
                    [](P& q) { q.table_in_act_dtype = !q.table_in_act_dtype; });
}

void attention(Search& s) {
    using P = afs_attention_params;
    const auto& p = *static_cast<const P*>(s.c.params.get());
    const size_t page = s.c.kv->layout.block_size;
    const auto seeing = [&](const std::string& text, const Sees& sees) {
        if (s.found.empty()) s.try_judged(text, judge_attention_case(s.c, s.how, sees));
    };
    seeing("drops the last key of each query",
           [](size_t t, size_t n) { return t < n && (t + 1 < n || n == 1); });
    seeing("sees one key too many: the causal mask is off by one",
           [](size_t t, size_t n) { return t < n + 1; });
    seeing("has no causal mask", [](size_t, size_t) { return true; });
    seeing("drops the first key", [](size_t t, size_t n) { return t < n && (t > 0 || n == 1); });
    seeing("drops the last, partly filled block of the cache",
           [=](size_t t, size_t n) { return t < n && (t < n / page * page || n < page); });
    for (const size_t tile : {page, size_t{16}, size_t{32}, size_t{64}, size_t{128}, size_t{256}}) {
        if (tile < 2) continue;
        const std::string of = std::to_string(tile) + (tile == page ? " (a block)" : "");
        seeing("drops the first key behind each " + of,
               [=](size_t t, size_t n) { return t < n && (t % tile || t == 0); });
        seeing("drops the last key of each full " + of,
               [=](size_t t, size_t n) { return t < n && t % tile != tile - 1; });
        seeing("drops the first key of the last " + of + " only",
               [=](size_t t, size_t n) { return t < n && (t != (n - 1) / tile * tile || t == 0); });
        seeing("drops the last key where the context is whole multiples of " + of,
               [=](size_t t, size_t n) { return t < n && (t + 1 < n || n % tile || n == 1); });
        seeing("sees only the last " + of + " keys' tile",
               [=](size_t t, size_t n) { return t < n && t >= (n - 1) / tile * tile; });
    }
    const auto scaled = [&](const std::string& text, float scale) {
        s.try_params<P>(text, [=](P& q) { q.scale = scale; });
    };
    scaled("leaves the scale out", 1);
    scaled("scales by 1/head_dim, not by its root", 1 / static_cast<float>(p.head_dim));
    if (p.n_kv_heads == 1 || p.n_kv_heads == p.n_heads) return;
    // head h reads kv head h % kv_heads: the heads in another order
    const size_t hd = p.head_dim, group = p.n_heads / p.n_kv_heads, width = p.n_heads * hd;
    const auto from = [&](size_t column) {
        const size_t h = column / hd;
        return (h % group * p.n_kv_heads + h / group) * hd + column % hd;
    };
    if (!s.found.empty()) return;
    OpCase other = s.c;
    for (size_t i = 0; i < other.inputs[0].size(); ++i)
        other.inputs[0].set(i, s.c.inputs[0][i / width * width + from(i % width)]);
    const Judged ordered = judge_case(other, s.how);
    const Judged back =
        moved_elements(ordered, [&](size_t i) { return i / width * width + from(i % width); });
    s.try_judged("reads kv head h % kv_heads, not h / (heads / kv_heads)", back);
}

void two_inputs(Search& s) {
    if (s.c.op == "swiglu/1")
        s.try_case("takes gate for up and up for gate",
                   [](OpCase& other) { std::swap(other.inputs[0], other.inputs[1]); });
    else
        s.try_case("subtracts", [&](OpCase& other) {
            for (size_t i = 0; i < other.inputs[1].size(); ++i)
                other.inputs[1].set(i, -s.c.inputs[1][i]);
        });
    s.try_case("reads the first input twice",
               [&](OpCase& other) { other.inputs[1] = other.inputs[0]; });
    if (s.c.op == "swiglu/1") {
        Judged other = judge_case(s.c, s.how);
        for (size_t i = 0; i < other.want.size(); ++i)
            other.want[i] = s.c.inputs[1][i] / (1 + std::exp(-s.c.inputs[0][i]));
        s.try_judged("multiplies by sigmoid, not by silu", other);
        for (size_t i = 0; i < other.want.size(); ++i) {
            const double x = s.c.inputs[0][i];
            other.want[i] = s.c.inputs[1][i] * x * 0.5 *
                            (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
        }
        s.try_judged("multiplies by gelu (its tanh form), not by silu", other);
        for (size_t i = 0; i < other.want.size(); ++i) {
            const double x = s.c.inputs[0][i];
            other.want[i] = s.c.inputs[1][i] * x * 0.5 * std::erfc(-x * std::sqrt(0.5));
        }
        s.try_judged("multiplies by gelu, not by silu", other);
    }
}

void lookup(Search& s) {
    const bool embed = s.c.op == "embed/1";
    const auto rows = static_cast<int32_t>(s.c.inputs[0].dims[0]);
    const auto shifted = [&](int32_t by) {
        return [=](OpCase& other) {
            for (int32_t& id : embed ? other.step.token_ids : other.step.logit_rows) {
                if (id < 0) id = other.step.prev_ids[static_cast<size_t>(-1 - id)];
                id = (id + by + rows) % rows;
            }
        };
    };
    s.try_case("reads the row behind the one asked for", shifted(1));
    s.try_case("reads the row before the one asked for", shifted(-1));
    if (embed)
        s.try_case("takes a negative id for row 0, not for what was sampled", [](OpCase& other) {
            for (int32_t& id : other.step.token_ids) id = std::max(id, 0);
        });
    else
        s.try_case("takes rows in order, not those asked for", [=](OpCase& other) {
            for (size_t i = 0; i < other.step.logit_rows.size(); ++i)
                other.step.logit_rows[i] = static_cast<int32_t>(i) % rows;
        });
}

}  // namespace

std::string known_mistake(const OpCase& c, const Outcome& o) {
    Search s{c, o, arithmetic(o.verdict, c.output.dtype)};
    if (c.op == "linear/1") linear(s);
    if (c.op == "rms_norm/1") rms_norm(s);
    if (c.op == "rope/1") rope(s);
    if (c.op == "attention/1") attention(s);
    if (c.op == "swiglu/1" || c.op == "add/1") two_inputs(s);
    if (c.op == "embed/1" || c.op == "select_rows/1") lookup(s);
    return s.found;
}

}  // namespace afs::conformance
