// 100,000 draws: the device's sampler gives the ids of the host's on the same bits.
#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "conformance/cases/families.hpp"
#include "conformance/judge/judge_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

constexpr int32_t kVocab = 128256;

// What the logits look like.
struct Look {
    const char* name;
    int32_t dtype;
    int64_t rows, vocab;
    std::function<double(std::mt19937&)> draw;
};

std::vector<Look> looks() {
    const auto normal = [](double scale) {
        return [scale](std::mt19937& r) { return std::normal_distribution<double>(0, scale)(r); };
    };
    // Few values: most rows have ties at the top and at every cut.
    const auto ties = [](std::mt19937& r) { return static_cast<double>(r() % 5); };
    const auto tiny = [](std::mt19937& r) { return std::normal_distribution<double>(0, 1e-40)(r); };
    // A few ids stand out of very many equal ones.
    const auto spiked = [](std::mt19937& r) { return r() % 4096 ? 0.0 : 12.0; };
    std::vector<Look> all;
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16}) {
        for (const int64_t vocab : {int64_t{331}, int64_t{1500}, int64_t{4097}})
            all.push_back({"normal", dtype, 9000, vocab, normal(4)});
        all.push_back({"flat", dtype, 3000, 1500, normal(0.01)});
        all.push_back({"ties", dtype, 3000, 997, ties});
        all.push_back({"subnormal", dtype, 1500, 997, tiny});
        all.push_back({"vocabulary", dtype, 200, kVocab, normal(2.5)});
        all.push_back({"vocabulary of ties", dtype, 60, kVocab, ties});
        all.push_back({"spiked vocabulary", dtype, 60, kVocab, spiked});
    }
    return all;
}

// The host's draws take longer than the device's.
void in_parallel(int64_t n, const std::function<void(uint32_t)>& f) {
    std::atomic<uint32_t> next{0};
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
        threads.emplace_back([&] {
            for (uint32_t i; (i = next++) < n;) f(i);
        });
    for (std::thread& thread : threads) thread.join();
}

afs_row parameters(std::mt19937& random, int64_t vocab, int32_t i) {
    const auto uniform = [&](float low, float high) {
        return std::uniform_real_distribution<float>(low, high)(random);
    };
    afs_row row{};
    row.temperature = i % 20 ? uniform(0.05f, 2.0f) : 0.0f;
    row.top_k = i % 2 ? 0 : static_cast<int32_t>(uniform(1, 400));
    row.top_p = i % 3 ? 1.0f : uniform(0.0f, 1.0f);
    row.min_p = i % 4 ? 0.0f : uniform(0.0f, 0.2f);
    row.flags = AFS_ROW_SAMPLE;
    row.n_vocab = static_cast<int32_t>(vocab) - i % 5;
    row.seed = random();
    row.counter = static_cast<uint32_t>(i);
    return row;
}

}  // namespace

TEST_CASE("draws: 100,000 rows of any parameters give the host's ids") {
    if (!gpu()) return;
    size_t drawn_in_all = 0, differ_in_all = 0;
    for (const Look& look : looks()) {
        std::mt19937 random(static_cast<uint32_t>(drawn_in_all));
        const auto n = static_cast<int32_t>(look.rows);
        OpCase c("sample/1");
        c.act(Array::filled(look.dtype, {look.rows, look.vocab},
                            [&](size_t) { return look.draw(random); }));
        c.on(StepData::plain(1)).result(AFS_I32, {look.rows});
        for (int32_t i = 0; i < n; ++i) {
            c.step.rows.push_back(parameters(random, look.vocab, i));
            c.step.logit_rows.push_back(0);
        }
        const Outcome o = run(*gpu()->backend, c, &gpu()->device());
        REQUIRE(o.status.ok());
        std::atomic<size_t> differ{0};
        in_parallel(look.rows, [&](uint32_t i) {
            const int32_t want = drawn(c, i);
            differ += o.output[i] != want || o.host_ids[i] != want;
        });
        INFO(look.name << " in " << dtype_name(look.dtype));
        CHECK(differ == 0);
        drawn_in_all += static_cast<size_t>(look.rows);
        differ_in_all += differ;
    }
    std::printf("%zu draws, %zu differ\n", drawn_in_all, differ_in_all);
    CHECK(drawn_in_all >= 100000);
}
