// The soak: seconds of mixed requests on an asynchronous memory, and what makes it fail.
#include "bench/soak.hpp"

#include <chrono>

#include "altered.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/trials.hpp"

using namespace afs_test;

namespace {

afs::Result<afs::SoakResult> soak(const Setup& setup, double seconds) {
    const Model model = make_model(setup);
    const auto engine = make_engine(model);
    afs::SoakOptions options;
    options.seconds = seconds;
    options.n_vocab = 97;
    options.device = model.plan->memories.front().device.get();
    auto result = afs::run_soak(*engine, options);
    CHECK((!result || engine->idle()));
    return result;
}

}  // namespace

TEST_CASE("soak: mixed requests on an asynchronous memory, whose use is watched") {
    Setup setup;
    setup.kernels = {"test-fakedev"};
    const afs::SoakResult result = must(soak(setup, afs::test::kOneOf > 1 ? 15 : 3));
    CHECK(result.requests > 10);
    CHECK(result.finished > 5);
    CHECK(result.cancelled > 0);
    CHECK(result.tokens > result.requests);
    CHECK(result.finished + result.cancelled == result.requests + result.forks);
    REQUIRE(result.readings.size() > 6);
    CHECK(result.readings.back().device > 0);
    CHECK(result.readings.back().host > 1 << 20);
    CHECK(result.device_growth == 0);  // all is allocated beforehand
#if !defined(__SANITIZE_ADDRESS__)     // which keeps what is freed
    CHECK(result.steady());
#endif
}

TEST_CASE("soak: a leak in a kernel is seen") {
    std::vector<std::vector<char>> leak;  // 40 MiB a second
    const auto start = std::chrono::steady_clock::now();
    Setup setup;
    setup.adapt = [&](afs::Backend& backend) {
        backend.api = std::make_shared<Altered>(backend.api, [&](const afs_query&, const afs_run&) {
            const std::chrono::duration<double> run = std::chrono::steady_clock::now() - start;
            if (static_cast<double>(leak.size()) < 40 * run.count())
                leak.emplace_back(1 << 20, 'x');
        });
    };
    const afs::SoakResult result = must(soak(setup, 2));
    INFO(leak.size() << " MiB");
    CHECK(result.host_growth > 16u << 20);
    CHECK_FALSE(result.steady());
}

TEST_CASE("soak: a third is compared with a third") {
    afs::SoakResult result;
    CHECK(result.steady());
    result.device_growth = 16u << 20;
    CHECK(result.steady());
    result.device_growth += 1;
    CHECK_FALSE(result.steady());
    result.device_growth = 0;
    result.host_growth = 17u << 20;
    CHECK_FALSE(result.steady());
}
