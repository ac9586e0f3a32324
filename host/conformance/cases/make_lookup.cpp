// Ops that look rows up, and the draw.
#include <algorithm>

#include "conformance/cases/families.hpp"
#include "conformance/cases/make_case.hpp"
#include "conformance/cases/random_blocks.hpp"

namespace afs::conformance {
namespace {

// Sampling settings that differ from row to row: every switch on and off, alone and together.
afs_row sampling(uint64_t i, int64_t vocab, uint64_t seed) {
    static constexpr float temperatures[] = {0.0f, 1.0f, 0.6f, 2.5f, 0.01f};
    afs_row row{};
    row.temperature = temperatures[i % 5];
    row.top_k = i % 3 ? 0 : static_cast<int32_t>(1 + i % 50);
    row.top_p = i % 4 ? 1.0f : i % 8 ? 0.9f : 0.3f;
    row.min_p = i % 7 ? 0.0f : 0.05f;
    row.flags = i % 11 == 10 ? AFS_ROW_LOGITS : AFS_ROW_SAMPLE;
    row.n_vocab = static_cast<int32_t>(std::max<int64_t>(1, vocab - static_cast<int64_t>(i % 3)));
    row.seed = seed, row.counter = static_cast<uint32_t>(i);
    return row;
}

Result<OpCase> sample(const CaseSpec& spec, int64_t n) {
    AFS_ASSIGN(const int64_t vocab, ranged(spec, "v", 1, 1 << 20, 1));
    if (n * vocab > kMostElements) return invalid("sample/1 of " + spec.shape() + " is too large");
    OpCase c("sample/1");
    const Family draw = family(spec.family, spec.act, spec.data_seed(), static_cast<size_t>(vocab));
    c.act(Array::filled(spec.act, {n, vocab}, draw.draw)).on(StepData::plain(1));
    c.result(AFS_I32, {n});
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        c.step.rows.push_back(sampling(n < 60 ? 12 * i : i, vocab, spec.data_seed()));
        c.step.logit_rows.push_back(0);
        c.output.set(i, -5);
    }
    return c;
}

Result<OpCase> embed(const CaseSpec& spec, int64_t n, int64_t d) {
    AFS_ASSIGN(const int64_t vocab, ranged(spec, "v", 1, 1 << 20, 11));
    if (vocab * d > kMostElements || n * d > kMostElements)
        return invalid("embed/1 of " + spec.shape() + " is larger than a case may be");
    const BlockFormat* format = block_format(spec.stored);
    if (format && d % format->elements)
        return invalid("d=" + std::to_string(d) + ": rows of " + format->name +
                       " are whole blocks");
    const uint64_t seed = spec.data_seed();
    OpCase c("embed/1");
    c.weight(format ? Array::of_blocks(spec.stored, {vocab, d},
                                       random_blocks(spec.stored, static_cast<size_t>(vocab * d), 1,
                                                     static_cast<uint32_t>(seed)))
                    : Array::filled(
                          spec.stored, {vocab, d},
                          family(spec.family, spec.stored, seed, static_cast<size_t>(d)).draw));
    c.on(StepData::plain(static_cast<uint32_t>(n))).result(spec.act, {n, d});
    const auto id = [&](uint64_t i) {
        return static_cast<int32_t>(hash(seed + 7, i) % static_cast<uint64_t>(vocab));
    };
    for (size_t i = 0; i < static_cast<size_t>(n); ++i)
        c.step.token_ids[i] = i == 0 ? static_cast<int32_t>(vocab - 1) : i == 2 ? 0 : id(i);
    c.step.prev_ids = {id(1000), id(1001)};
    if (n > 1) c.step.token_ids[1] = -2;  // what row 1 drew a step before
    if (n > 4) c.step.token_ids[4] = -1;
    return c;
}

Result<OpCase> select_rows(const CaseSpec& spec, int64_t n, int64_t d) {
    AFS_ASSIGN(const int64_t rows, ranged(spec, "r", 1, 1 << 16, 4));
    if (n * d > kMostElements || rows * d > kMostElements)
        return invalid("select_rows/1 of " + spec.shape() + " is larger than a case may be");
    OpCase c("select_rows/1");
    c.act(Array::filled(
        spec.act, {n, d},
        family(spec.family, spec.act, spec.data_seed(), static_cast<size_t>(d)).draw));
    c.on(StepData::plain(static_cast<uint32_t>(n))).result(spec.act, {rows, d});
    for (int64_t i = 0; i < rows; ++i)  // the last first, then any, with a repeat
        c.step.logit_rows.push_back(static_cast<int32_t>(
            i == 0   ? n - 1
            : i == 3 ? c.step.logit_rows.back()
                     : static_cast<int64_t>(hash(spec.data_seed() + 7, static_cast<uint64_t>(i)) %
                                            static_cast<uint64_t>(n))));
    c.step.rows.resize(static_cast<size_t>(rows));
    return c;
}

}  // namespace

Result<OpCase> make_lookup(const CaseSpec& spec) {
    AFS_ASSIGN(const int64_t n, ranged(spec, "n", 1, 1 << 16, 1));
    if (spec.op == "sample/1") return sample(spec, n);
    AFS_ASSIGN(const int64_t d, ranged(spec, "d", 1, 1 << 20, 1));
    return spec.op == "embed/1" ? embed(spec, n, d) : select_rows(spec, n, d);
}

}  // namespace afs::conformance
