// sample/1: the law of its draws, its cuts on literal cases, and its edges.
#include "afs/sample.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "support/trials.hpp"

namespace {

constexpr float kInf = INFINITY;

afs_row row_of(float temperature, int32_t n_vocab) {
    afs_row row{};
    row.temperature = temperature;
    row.top_p = 1.0f;
    row.seed = 42;
    row.n_vocab = n_vocab;
    return row;
}

int32_t draw(const std::vector<float>& logits, afs_row row, uint32_t counter = 0) {
    afs::SampleScratch scratch;
    row.counter = counter;
    return afs::sample_row(logits.data(), row, scratch);
}

// Which ids 4,000 draws give.
std::set<int32_t> drawn(const std::vector<float>& logits, afs_row row) {
    afs::SampleScratch scratch;
    std::set<int32_t> ids;
    for (row.counter = 0; row.counter < 4000; ++row.counter)
        ids.insert(afs::sample_row(logits.data(), row, scratch));
    return ids;
}

// The definition, written as plainly as possible.
int32_t by_definition(const std::vector<float>& logits, const afs_row& row) {
    const int32_t best = afs::sample_argmax(logits.data(), row.n_vocab);
    std::vector<std::pair<uint64_t, int32_t>> kept;  // (weight, -id): sorts as the order says
    for (int32_t i = 0; i < row.n_vocab; ++i) {
        const uint64_t w =
            afs::sample_weight(logits[static_cast<size_t>(i)], logits[static_cast<size_t>(best)],
                               1.0f / row.temperature);
        if (w) kept.push_back({w, -i});
    }
    std::sort(kept.rbegin(), kept.rend());
    if (row.top_k > 0 && static_cast<size_t>(row.top_k) < kept.size())
        kept.resize(static_cast<size_t>(row.top_k));
    uint64_t sum = 0;
    for (const auto& k : kept) sum += k.first;
    if (row.top_p < 1.0f) {
        const auto p = static_cast<uint64_t>(static_cast<double>(row.top_p) * 0x1p32);
        const auto share = static_cast<uint64_t>(static_cast<unsigned __int128>(sum) * p >> 32);
        uint64_t running = 0;
        size_t n = 0;
        while (n < kept.size() && running < std::max<uint64_t>(share, 1))
            running += kept[n++].first;
        kept.resize(n);
    }
    std::map<int32_t, uint64_t> by_id;
    sum = 0;
    for (const auto& k : kept)
        if (!(row.min_p > 0.0f) || static_cast<double>(k.first) >= std::floor(row.min_p * 0x1p32)) {
            by_id[-k.second] = k.first;
            sum += k.first;
        }
    const auto target = static_cast<uint64_t>(
        static_cast<unsigned __int128>(afs::sample_hash(row.seed, row.counter)) * sum >> 64);
    uint64_t running = 0;
    for (const auto& [id, weight] : by_id)
        if ((running += weight) > target) return id;
    return best;
}

}  // namespace

TEST_CASE("weights follow 2^t, never exceed one, never rise as the logit falls") {
    uint64_t before = afs::kSampleOne;
    for (int i = 0; i <= 400'000; ++i) {
        const float logit = -static_cast<float>(i) * (23.0f / 400'000.0f);
        const uint64_t w = afs::sample_weight(logit, 0.0f, 1.0f);
        const double exact = std::exp(static_cast<double>(logit)) * 0x1p32;
        if (w > before) FAIL("rises at " << logit);
        // Relative 2^-19: the polynomial in fp32; and one unit: truncation.
        if (std::fabs(static_cast<double>(w) - exact) > exact * 0x1p-19 + 1.0)
            FAIL("weight at " << logit << " is " << w << ", exact " << exact);
        before = w;
    }
    CHECK(afs::sample_weight(0.0f, 0.0f, 1.0f) == afs::kSampleOne);
    CHECK(afs::sample_weight(-100.0f, 0.0f, 1.0f) == 0);
    CHECK(afs::sample_weight(std::nanf(""), 0.0f, 1.0f) == 0);
    CHECK(afs::sample_weight(-kInf, 0.0f, 1.0f) == 0);
    CHECK(afs::sample_weight(0.0f, kInf, 1.0f) == 0);
}

TEST_CASE("100,000 draws follow the softmax") {
    const std::vector<float> logits = {1.5f,  -0.25f, 0.0f,  2.0f,  1.0f,  -1.0f, 0.5f, 1.9f,
                                       -2.0f, 0.75f,  1.25f, -0.5f, 0.25f, 2.1f,  0.1f, -3.0f};
    for (const float temperature : {0.7f, 1.0f, 1.8f})
        for (const bool by_seed : {false, true}) {
            double total = 0;
            std::vector<double> p;
            for (const float logit : logits)
                total += p.emplace_back(std::exp(static_cast<double>(logit / temperature)));
            afs_row row = row_of(temperature, 16);
            afs::SampleScratch scratch;
            std::vector<int> counts(16, 0);
            constexpr int kDraws = 100'000;
            for (uint32_t i = 0; i < kDraws; ++i) {
                row.seed = by_seed ? i : 42;
                row.counter = by_seed ? 5 : i;
                ++counts[static_cast<size_t>(afs::sample_row(logits.data(), row, scratch))];
            }
            double chi_square = 0;
            for (size_t i = 0; i < 16; ++i) {
                const double expected = kDraws * p[i] / total;
                chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
            }
            CAPTURE(temperature, by_seed);
            CHECK(chi_square < 37.7);  // 15 degrees of freedom, 1 in 1,000
            CHECK(chi_square > 2.5);   // nor suspiciously even
        }
}

TEST_CASE("argmax: lowest id on ties, NaN never wins") {
    struct Row {
        std::vector<float> logits;
        int32_t id;
    };
    const float nan = std::nanf("");
    const Row rows[] = {
        {{1, 3, 2}, 1},         {{3, 1, 3}, 0},  {{nan, 1, 2}, 2},    {{5, nan, 5}, 0},
        {{nan, nan, -kInf}, 2}, {{nan, nan}, 0}, {{-kInf, -kInf}, 0}, {{-kInf, -1e38f}, 1},
        {{kInf, kInf, 1}, 0},   {{1, kInf}, 1},  {{-0.0f, 0.0f}, 0},  {{7}, 0},
    };
    for (const Row& row : rows) {
        const auto n = static_cast<int32_t>(row.logits.size());
        CAPTURE(row.logits);
        CHECK(afs::sample_argmax(row.logits.data(), n) == row.id);
        for (const float greedy : {0.0f, -1.0f, nan})
            CHECK(draw(row.logits, row_of(greedy, n)) == row.id);
    }
    CHECK(draw({}, row_of(1.0f, 0)) == 0);
}

TEST_CASE("columns from n_vocab on are never drawn") {
    const std::vector<float> logits = {0, 0.5f, 1, 100, 100};
    CHECK(draw(logits, row_of(0.0f, 3)) == 2);
    CHECK(drawn(logits, row_of(1.0f, 3)) == std::set<int32_t>{0, 1, 2});
}

TEST_CASE("top-k, top-p and min-p on literal cases") {
    // Weights 8 : 4 : 2 : 1 : 1 (of 16), out of order.
    const float step = 0.6931472f;
    const std::vector<float> logits = {-2 * step, 0, -3 * step, -step, -3 * step};
    struct Row {
        const char* what;
        int32_t top_k;
        float top_p, min_p;
        std::set<int32_t> ids;
    };
    const Row rows[] = {
        {"all", 0, 1.0f, 0.0f, {0, 1, 2, 3, 4}},
        {"top-k 1", 1, 1.0f, 0.0f, {1}},
        {"top-k 2", 2, 1.0f, 0.0f, {1, 3}},
        {"top-k 4: the tie goes to the lower id", 4, 1.0f, 0.0f, {0, 1, 2, 3}},
        {"top-k beyond the vocabulary", 99, 1.0f, 0.0f, {0, 1, 2, 3, 4}},
        {"top-k negative: off", -1, 1.0f, 0.0f, {0, 1, 2, 3, 4}},
        {"top-p 0.49", 0, 0.49f, 0.0f, {1}},
        {"top-p 0.51", 0, 0.51f, 0.0f, {1, 3}},
        {"top-p 0.74", 0, 0.74f, 0.0f, {1, 3}},
        {"top-p 0.76", 0, 0.76f, 0.0f, {0, 1, 3}},
        {"top-p 0.90: the tie goes to the lower id", 0, 0.90f, 0.0f, {0, 1, 2, 3}},
        {"top-p 0", 0, 0.0f, 0.0f, {1}},
        {"top-p negative", 0, -1.0f, 0.0f, {1}},
        {"top-p tiny", 0, 1e-20f, 0.0f, {1}},
        {"min-p 0.3", 0, 1.0f, 0.3f, {1, 3}},
        {"min-p 0.2", 0, 1.0f, 0.2f, {0, 1, 3}},
        {"min-p 1", 0, 1.0f, 1.0f, {1}},
        {"min-p beyond 1", 0, 1.0f, 5.0f, {1}},
        {"top-k first, then top-p of what is left", 2, 0.66f, 0.0f, {1}},
        {"top-k first, then top-p of what is left", 2, 0.68f, 0.0f, {1, 3}},
        {"all three", 3, 0.99f, 0.3f, {1, 3}},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        afs_row r = row_of(1.0f, 5);
        r.top_k = row.top_k;
        r.top_p = row.top_p;
        r.min_p = row.min_p;
        CHECK(drawn(logits, r) == row.ids);
    }
}

TEST_CASE("temperature near 0 is argmax, near infinity uniform") {
    const std::vector<float> logits = {1.0f, 1.0001f, 0.5f, 1.0001f};
    for (const float t : {1e-45f, 1e-38f, 1e-10f, 1e-6f})
        CHECK(drawn(logits, row_of(t, 4)) == std::set<int32_t>{1, 3});
    for (const float t : {1e6f, 1e38f, kInf}) {
        CHECK(drawn(logits, row_of(t, 4)) == std::set<int32_t>{0, 1, 2, 3});
        const std::vector<float> masked = {0, -kInf, std::nanf(""), 3};
        CHECK(drawn(masked, row_of(t, 4)) == std::set<int32_t>{0, 3});
    }
}

TEST_CASE("masked, infinite and NaN logits") {
    const float nan = std::nanf("");
    CHECK(drawn({-kInf, 0, -kInf, 0}, row_of(1.0f, 4)) == std::set<int32_t>{1, 3});
    CHECK(drawn({0, kInf, 3, kInf}, row_of(1.0f, 4)) == std::set<int32_t>{1, 3});
    CHECK(drawn({nan, 0, nan}, row_of(1.0f, 3)) == std::set<int32_t>{1});
    CHECK(drawn({nan, nan}, row_of(1.0f, 2)) == std::set<int32_t>{0});
    CHECK(drawn({3e38f, -3e38f}, row_of(1.0f, 2)) == std::set<int32_t>{0});
}

TEST_CASE("the partial sorts draw what the definition draws") {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0.0f, 2.0f);
    afs::SampleScratch scratch;
    for (int trial = 0; trial < 300 / afs::test::kOneOf; ++trial) {
        const int32_t n = 1 + static_cast<int32_t>(random() % 3000);
        std::vector<float> logits(static_cast<size_t>(n));
        for (float& l : logits) {
            l = normal(random);
            if (trial % 3 == 0) l = std::round(l);  // many ties
        }
        afs_row row = row_of(trial % 5 == 0 ? 30.0f : 0.8f, n);
        row.top_k = trial % 2 ? static_cast<int32_t>(random() % 200) : 0;
        row.top_p = trial % 4 < 2 ? static_cast<float>(random() % 1000) / 1000.0f : 1.0f;
        row.min_p = trial % 7 == 0 ? 0.05f : 0.0f;
        for (row.counter = 0; row.counter < 20; ++row.counter)
            REQUIRE(afs::sample_row(logits.data(), row, scratch) == by_definition(logits, row));
    }
}

TEST_CASE("the hash gives other bits for every seed and counter, and the same again") {
    std::set<uint64_t> seen;
    for (uint64_t seed = 0; seed < 64; ++seed)
        for (uint32_t counter = 0; counter < 64; ++counter)
            seen.insert(afs::sample_hash(seed, counter));
    CHECK(seen.size() == 64 * 64);
    // Literals: what devices must reproduce.
    CHECK(afs::sample_hash(0x0ull, 0) == 0x46b73e79f0c37c00ull);
    CHECK(afs::sample_hash(0x1ull, 0) == 0x7f46a57c92dbee5full);
    CHECK(afs::sample_hash(0x2aull, 4096) == 0x593ef034ef3d5ee1ull);
    CHECK(afs::sample_hash(0xffffffffffffffffull, 4294967295u) == 0x03d3eacc0820ebcfull);
    CHECK(afs::sample_mulhi(~0ull, ~0ull) == ~0ull - 1);
    CHECK(afs::sample_mulhi(1ull << 63, 2) == 1);
    CHECK(afs::sample_mulhi(0x123456789abcdef0ull, 0xfedcba9876543210ull) ==
          static_cast<uint64_t>(
              static_cast<unsigned __int128>(0x123456789abcdef0ull) * 0xfedcba9876543210ull >> 64));
    CHECK(afs::sample_top_p_cut(1000, 0.5f) == 500);
    CHECK(afs::sample_top_p_cut(1, 0.5f) == 1);
    CHECK(afs::sample_min_p_cut(0.5f) == afs::kSampleOne / 2);
    CHECK(afs::sample_min_p_cut(2.0f) == afs::kSampleOne);
}
