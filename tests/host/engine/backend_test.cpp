// The same tokens through every way of running a plan: programs, overrides, another memory with
// capture and run-ahead, guests, copies; and what happens when kernels or memory fail.
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::EngineOptions;
using afs::Request;

namespace {

std::vector<Request> some_requests(bool host_rows = true) {
    std::vector<Request> requests;
    for (const unsigned n : {1u, 5u, 12u, 30u}) {
        Request request;
        request.prompt = some_ids(n, n);
        request.max_new_tokens = 12;
        if (n == 5) request.sampling.temperature = 1.0f, request.sampling.seed = 5;
        if (n == 12 && host_rows) request.sampling.repetition_penalty = 1.2f;
        if (n == 30 && host_rows) request.n_logprobs = 2;
        requests.push_back(request);
    }
    return requests;
}

std::vector<std::vector<int32_t>> tokens(afs::Engine& engine,
                                         const std::vector<Request>& requests) {
    std::vector<uint64_t> numbers;
    for (const Request& request : requests) numbers.push_back(must(engine.submit(request)));
    auto runs = run_all(engine);
    std::vector<std::vector<int32_t>> ids;
    for (const uint64_t number : numbers) ids.push_back(runs[number].ids);
    return ids;
}
std::vector<std::vector<int32_t>> tokens(const Setup& setup, const EngineOptions& options = {}) {
    const Model model = make_model(setup);
    return tokens(*make_engine(model, options), some_requests());
}

// The reference's ops, of which the n-th run fails.
class Failing final : public afs::KernelBackend {
public:
    Failing(std::shared_ptr<afs::KernelBackend> inner, int runs_left)
        : inner_(std::move(inner)), runs_left_(runs_left) {}
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        return inner_->query(query, out);
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        AFS_ASSIGN(auto op, inner_->prepare(query));
        return std::unique_ptr<afs::Op>(new FailingOp(std::move(op), runs_left_));
    }

private:
    class FailingOp final : public afs::Op {
    public:
        FailingOp(std::unique_ptr<afs::Op> inner, int& runs_left)
            : inner_(std::move(inner)), runs_left_(runs_left) {}
        afs::Status run(const afs_run& run) override {
            if (runs_left_-- == 0)
                return afs::Status(afs::Code::device, "illegal address", "launch", 700);
            return inner_->run(run);
        }

    private:
        std::unique_ptr<afs::Op> inner_;
        int& runs_left_;
    };
    std::shared_ptr<afs::KernelBackend> inner_;
    int runs_left_;
};

}  // namespace

TEST_CASE("whole-step and per-layer programs give the reference's tokens") {
    for (const std::string family : {"olmo2", "llama3"})
        for (const std::string kinds : {"step", "layers"}) {
            INFO(family << ", " << kinds);
            Setup setup;
            setup.family = family;
            const auto expected = tokens(setup);
            setup.kernels = {"test-toy"};
            setup.options = {{"kinds", kinds}};
            CHECK(tokens(setup) == expected);
            EngineOptions options;
            options.buckets = EngineOptions::Buckets::exact;  // compiled for every step
            CHECK(tokens(setup, options) == expected);
        }
}

TEST_CASE("a value inside a whole-step program can be watched") {
    Setup setup;
    const auto reference = make_engine(make_model(setup));
    setup.kernels = {"test-toy"};
    const auto toy = make_engine(make_model(setup));
    for (afs::Engine* engine : {reference.get(), toy.get()}) {
        must(engine->tap({"L1.mlp.act", "L0.attn.q"}));
        must(engine->logits(some_ids(9, 9), 0));
    }
    const auto expected = reference->take_taps();
    auto seen = toy->take_taps();
    REQUIRE(expected.size() == 2);
    REQUIRE(seen.size() == 2);
    std::sort(seen.begin(), seen.end(), [](auto& a, auto& b) { return a.tag < b.tag; });
    for (size_t i = 0; i < 2; ++i) {
        CHECK(seen[i].tag == expected[i].tag);
        CHECK(seen[i].dims == expected[i].dims);
        REQUIRE(seen[i].data.size() == expected[i].data.size());
        for (size_t j = 0; j < seen[i].data.size(); ++j)
            CHECK(seen[i].data[j] == Approx(expected[i].data[j]).epsilon(1e-4).margin(1e-6));
    }
}

TEST_CASE("a single op overridden by another plugin gives the same tokens") {
    Setup setup;
    const auto expected = tokens(setup);
    setup.kernels = {"test-rms-c", "reference"};
    CHECK(tokens(setup) == expected);
}

TEST_CASE(
    "an asynchronous memory gives the same tokens: eager, captured, run ahead, with a guest") {
    for (const std::string family : {"olmo2", "llama3"}) {
        Setup setup;
        setup.family = family;
        const auto expected = tokens(setup);
        setup.kernels = {"test-fakedev"};
        const Model model = make_model(setup);
        for (const auto ahead : {EngineOptions::RunAhead::automatic, EngineOptions::RunAhead::off})
            for (const auto buckets :
                 {EngineOptions::Buckets::automatic, EngineOptions::Buckets::exact}) {
                EngineOptions options;
                options.run_ahead = ahead;
                options.buckets = buckets;
                const auto engine = make_engine(model, options);
                CHECK(tokens(*engine, some_requests()) == expected);
                const auto device_rows = some_requests(false);
                const auto first = tokens(*engine, device_rows);
                CHECK(tokens(*engine, device_rows) == first);
                const afs::EngineStats stats = engine->stats();
                CHECK(stats.graph_replays > 0);
                CHECK(stats.capture_failures == 0);
                CHECK(stats.run_ahead == (ahead == EngineOptions::RunAhead::automatic));
            }
        setup.kernels = {"test-fakeguest", "test-fakedev"};
        CHECK(tokens(setup) == expected);
    }
}

TEST_CASE("a sampler that the device lacks runs on the host") {
    Setup setup;
    const auto expected = tokens(setup);
    setup.kernels = {"test-fakedev"};
    setup.options = {{"ops", "no-sample"}};
    CHECK(tokens(setup) == expected);
}

TEST_CASE("nodes of two memories give the same tokens through copies") {
    Setup setup;
    const auto expected = tokens(setup);
    setup.allow_copies = 1000;
    setup.kernels = {"test-fakedev", "reference"};
    setup.pins = {{"L*.mlp.act", "reference"}, {"L0.attn.q", "reference"}};
    CHECK(tokens(setup) == expected);
}

TEST_CASE("running out of device memory at any point is an error, not a leak") {
    Setup setup;
    setup.kernels = {"test-fakedev"};
    for (int n = 1;; ++n) {
        REQUIRE(n < 1000);
        setup.options = {{"fail_alloc", std::to_string(n)}};
        const Model model = make_model(setup);
        auto engine = afs::Engine::create(model.plan, model.weights, {});
        if (engine.ok()) break;
        CHECK(engine.status().code() == afs::Code::no_memory);
        CHECK(engine.status().message().find("available 0") != std::string::npos);
    }
}

TEST_CASE("a failing kernel ends the engine with plan, step, sizes and node") {
    const Model model = make_model({});
    for (const int after : {0, 7, 60}) {
        afs::Plan plan = *model.plan;
        plan.backends[0].api = std::make_shared<Failing>(plan.backends[0].api, after);
        auto engine =
            must(afs::Engine::create(std::make_shared<const afs::Plan>(plan), model.weights, {}));
        Request request;
        request.prompt = some_ids(6, 6);
        must(engine->submit(request));
        afs::Status failure;
        while (failure.ok()) failure = engine->step().status();
        INFO(failure.message());
        CHECK(failure.code() == afs::Code::device);
        CHECK(failure.native_code() == 700);
        for (const std::string& part :
             {model.plan->id, std::string("step of "), std::string("node '"),
              std::string("on 'reference'"), std::string("illegal address")})
            CHECK(failure.message().find(part) != std::string::npos);
        CHECK(engine->idle());
        CHECK(engine->submit(request).status().message() == failure.message());
        CHECK(engine->step().status().message() == failure.message());
        CHECK(engine->logits({1}, 0).status().message() == failure.message());
        CHECK(engine->stats().kv_blocks_free == engine->stats().kv_blocks);
    }
}
