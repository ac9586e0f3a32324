// Ops on rows. The family is the first input's; weights are normal, but where the family is one of
// sums (cancelling) or of an exponent's range that products would leave.
#include <cmath>

#include "conformance/cases/families.hpp"
#include "conformance/cases/make_case.hpp"
#include "conformance/cases/random_blocks.hpp"

namespace afs::conformance {
namespace {

// Cases of one weight share it: [m, k] by its seed.
Array weight_of(const CaseSpec& spec, std::vector<int64_t> dims, double scale) {
    const uint64_t seed = spec.data_seed() + 1;
    if (block_format(spec.stored))
        return Array::of_blocks(spec.stored, dims,
                                random_blocks(spec.stored, static_cast<size_t>(dims[0] * dims[1]),
                                              scale, static_cast<uint32_t>(seed)));
    if (spec.family == "cancelling")
        return Array::filled(spec.stored, std::move(dims),
                             [=](size_t i) { return scale * (1 + 0.01 * normal(seed, i)); });
    return random_array(spec.stored, std::move(dims), seed, scale);
}

Array rows(const CaseSpec& spec, int64_t n, int64_t width, uint64_t tensor) {
    return Array::filled(
        spec.act, {n, width},
        family(spec.family, spec.act, spec.data_seed() + 101 * tensor, static_cast<size_t>(width))
            .draw);
}

Result<OpCase> linear(const CaseSpec& spec, int64_t n) {
    AFS_ASSIGN(const int64_t m, ranged(spec, "m", 1, 1 << 20, 1));
    AFS_ASSIGN(const int64_t k, ranged(spec, "k", 1, 1 << 20, 1));
    if (m * k > kMostElements || n * k > kMostElements || n * m > kMostElements)
        return invalid("linear/1 of " + spec.shape() + " is larger than a case may be");
    const BlockFormat* format = block_format(spec.stored);
    if (format && k % format->elements)
        return invalid("k=" + std::to_string(k) + ": rows of " + format->name +
                       " are whole blocks of " + std::to_string(format->elements));
    OpCase c("linear/1");
    c.act(rows(spec, n, k, 0)).weight(weight_of(spec, {m, k}, 0.1)).result(spec.act, {n, m});
    return c;
}

Result<OpCase> rms_norm(const CaseSpec& spec, int64_t n) {
    AFS_ASSIGN(const int64_t d, ranged(spec, "d", 1, 1 << 20, 1));
    if (n * d > kMostElements) return invalid("rms_norm/1 of " + spec.shape() + " is too large");
    auto p = make<afs_rms_norm_params>();
    p.eps = static_cast<float>(spec.real("eps", 1e-6));
    p.weight_before_cast = spec.number("before") != 0;
    OpCase c("rms_norm/1");
    c.act(rows(spec, n, d, 0)).with(p).result(spec.act, {n, d});
    c.weight(random_array(spec.stored, {d}, spec.data_seed() + 1));
    return c;
}

Result<OpCase> rope(const CaseSpec& spec, int64_t n) {
    AFS_ASSIGN(const int64_t heads, ranged(spec, "h", 1, 1 << 12, 1));
    AFS_ASSIGN(const int64_t hd, ranged(spec, "hd", 2, 1 << 12, 2));
    if (hd % 2 || n * heads * hd > kMostElements)
        return invalid("rope/1 of " + spec.shape() + ": expected an even hd, not too large");
    auto p = make<afs_rope_params>();
    p.head_dim = static_cast<uint32_t>(hd), p.theta = spec.real("theta", 500000);
    p.table_in_act_dtype = spec.number("table") != 0;
    p.scaling = spec.number("llama") ? AFS_ROPE_LLAMA3 : AFS_ROPE_PLAIN;
    p.factor = static_cast<float>(spec.real("factor", 32));
    p.low_freq_factor = static_cast<float>(spec.real("low", 1));
    p.high_freq_factor = static_cast<float>(spec.real("high", 4));
    AFS_ASSIGN(const int64_t original, ranged(spec, "orig", 1, 1 << 30, 8192));
    p.original_max_position = static_cast<uint32_t>(original);
    OpCase c("rope/1");
    c.act(rows(spec, n, heads * hd, 0)).with(p).result(spec.act, {n, heads * hd});
    c.on(StepData::plain(static_cast<uint32_t>(n)));
    static constexpr int32_t edges[] = {0, 1, 31, 4095, 8190, 131071};
    AFS_ASSIGN(const int64_t first, ranged(spec, "pos", 0, 1 << 30, 0));
    const bool given = !spec.text("pos").empty();
    for (size_t i = 0; i < c.step.positions.size(); ++i)
        c.step.positions[i] =
            given ? static_cast<int32_t>(first + static_cast<int64_t>(i)) : edges[i % 6];
    return c;
}

Result<OpCase> two_inputs(const CaseSpec& spec, int64_t n) {
    AFS_ASSIGN(const int64_t d, ranged(spec, "d", 1, 1 << 20, 1));
    if (n * d > kMostElements) return invalid(spec.op + " of " + spec.shape() + " is too large");
    OpCase c(spec.op);
    c.act(rows(spec, n, d, 0)).act(rows(spec, n, d, 1)).result(spec.act, {n, d});
    return c;
}

}  // namespace

Result<OpCase> make_row_op(const CaseSpec& spec) {
    AFS_ASSIGN(const int64_t n, ranged(spec, "n", 1, 1 << 16, 1));
    Result<OpCase> made = spec.op == "linear/1"     ? linear(spec, n)
                          : spec.op == "rms_norm/1" ? rms_norm(spec, n)
                          : spec.op == "rope/1"     ? rope(spec, n)
                                                    : two_inputs(spec, n);
    if (made.ok() && made->step.n_tokens() == 0)
        made->on(StepData::plain(static_cast<uint32_t>(n)));
    return made;
}

}  // namespace afs::conformance
