// A backend that packs its weights, in the host's memory and in one that the host cannot read; and
// a device whose captures fail.
#include <cstring>
#include <map>

#include "host/engine/model_fixture.hpp"

using namespace afs_test;

namespace {

constexpr uint32_t kFormat = 7;

// The reference, but linear/1 reads its weights with every byte inverted.
class Packing final : public afs::KernelBackend, public afs::WeightPacker {
public:
    explicit Packing(std::shared_ptr<afs::KernelBackend> inner) : inner_(std::move(inner)) {}
    afs::WeightPacker* weights() override { return this; }
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        return inner_->query(query, out);
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        AFS_ASSIGN(auto op, inner_->prepare(query));
        return std::unique_ptr<afs::Op>(new Unpacking(std::move(op)));
    }
    afs::Status plan(const afs_query& query, uint32_t, const uint32_t* nodes, uint32_t n,
                     afs_packing& out) override {
        for (uint32_t i = 0; i < n; ++i)  // a tied embedding stays as it is
            if (std::strcmp(query.graph->nodes[nodes[i]]->op, "linear/1") != 0) return {};
        out.format = kFormat;
        const afs_node& node = *query.graph->nodes[nodes[0]];
        const afs_value& weight = *query.graph->values[node.inputs[1]];
        out.bytes = static_cast<uint64_t>(weight.dims[0] * weight.dims[1]) * 4;
        return {};
    }
    afs::Status pack(const afs_query&, uint32_t, const afs_packing& packing, const afs_tensor& raw,
                     void* packed, afs_stream) override {
        for (uint64_t i = 0; i < packing.bytes; ++i)
            static_cast<uint8_t*>(packed)[i] =
                static_cast<uint8_t>(~static_cast<const uint8_t*>(raw.data)[i]);
        ++n_packed;
        places[static_cast<const uint8_t*>(packed)] = packing.bytes;
        return {};
    }
    int n_packed = 0;
    std::map<const uint8_t*, uint64_t> places;

private:
    class Unpacking final : public afs::Op {
    public:
        explicit Unpacking(std::unique_ptr<afs::Op> inner) : inner_(std::move(inner)) {}
        afs::Status run(const afs_run& run) override {
            std::vector<afs_tensor> inputs(run.inputs, run.inputs + run.n_inputs);
            std::vector<uint8_t> plain;
            if (run.n_inputs == 2 && inputs[1].format == kFormat) {
                const auto n = static_cast<size_t>(inputs[1].dims[0] * inputs[1].dims[1]) * 4;
                for (size_t i = 0; i < n; ++i)
                    plain.push_back(
                        static_cast<uint8_t>(~static_cast<const uint8_t*>(inputs[1].data)[i]));
                inputs[1].data = plain.data();
                inputs[1].format = 0;
            }
            afs_run inner = run;
            inner.inputs = inputs.data();
            return inner_->run(inner);
        }

    private:
        std::unique_ptr<afs::Op> inner_;
    };
    std::shared_ptr<afs::KernelBackend> inner_;
};

// A device that passes everything on but fails to begin or end a capture.
class BadCapture final : public afs::Device {
public:
    BadCapture(std::shared_ptr<afs::Device> inner, bool at_begin)
        : inner_(std::move(inner)), at_begin_(at_begin) {}
    afs::Status info(afs_device_info& out) override { return inner_->info(out); }
    afs::Result<void*> alloc(int32_t place, uint64_t bytes) override {
        return inner_->alloc(place, bytes);
    }
    void release(int32_t place, void* at) override { inner_->release(place, at); }
    afs::Status copy(afs_stream s, int32_t how, void* to, const void* from, uint64_t n) override {
        return inner_->copy(s, how, to, from, n);
    }
    afs::Status fill(afs_stream s, void* to, uint8_t byte, uint64_t n) override {
        return inner_->fill(s, to, byte, n);
    }
    afs::Result<afs_stream> stream_create() override { return inner_->stream_create(); }
    void stream_destroy(afs_stream s) override { inner_->stream_destroy(s); }
    afs::Status stream_sync(afs_stream s) override { return inner_->stream_sync(s); }
    afs::Result<afs_event*> event_create() override { return inner_->event_create(); }
    void event_destroy(afs_event* e) override { inner_->event_destroy(e); }
    afs::Status event_record(afs_event* e, afs_stream s) override {
        return inner_->event_record(e, s);
    }
    afs::Status event_sync(afs_event* e) override { return inner_->event_sync(e); }
    afs::Status stream_wait(afs_stream s, afs_event* e) override {
        return inner_->stream_wait(s, e);
    }
    afs::Status capture_begin(afs_stream s) override {
        if (at_begin_) return afs::Status(afs::Code::device, "no capture today");
        return inner_->capture_begin(s);
    }
    afs::Result<afs_capture*> capture_end(afs_stream s, bool) override {
        AFS_TRY(inner_->capture_end(s, true).status());
        return afs::Status(afs::Code::device, "capture was invalidated");
    }

private:
    std::shared_ptr<afs::Device> inner_;
    bool at_begin_;
};

afs::Request some_request() {
    afs::Request request;
    request.prompt = some_ids(14, 14);
    request.max_new_tokens = 16;
    return request;
}

}  // namespace

TEST_CASE("a weight is packed once for all classes and read through its packing") {
    for (const std::string family : {"olmo2", "llama3"}) {
        Setup setup;
        setup.family = family;
        const auto expected = run_one(*make_engine(make_model(setup)), some_request()).ids;
        std::shared_ptr<Packing> packing;
        setup.adapt = [&packing](afs::Backend& backend) {
            backend.api = packing = std::make_shared<Packing>(backend.api);
        };
        const auto engine = make_engine(make_model(setup));
        CHECK(run_one(*engine, some_request()).ids == expected);
        // 7 matrices in each of 2 layers, and OLMo-2's own head; Llama's is tied.
        CHECK(packing->n_packed == (family == "olmo2" ? 15 : 14));
        CHECK(engine->stats().packed_weight_bytes > 0);
        // Small ones share memory, so that large pages fit.
        const uint8_t* end = packing->places.begin()->first;
        for (const auto& [at, bytes] : packing->places) {
            CHECK(reinterpret_cast<uintptr_t>(at) % 256 == 0);
            CHECK(at >= end);
            CHECK(at < end + 256);
            end = at + bytes;
        }
    }
}

TEST_CASE("a capture that fails leaves the step eager, and says why in the statistics") {
    Setup setup;
    setup.kernels = {"test-fakedev"};
    const Model model = make_model(setup);
    const auto expected = run_one(*make_engine(model), some_request()).ids;
    for (const bool at_begin : {true, false}) {
        afs::Plan plan = *model.plan;
        for (afs::Memory& memory : plan.memories)
            if (memory.device)
                memory.device = std::make_shared<BadCapture>(memory.device, at_begin);
        const auto engine =
            must(afs::Engine::create(std::make_shared<const afs::Plan>(plan), model.weights, {}));
        CHECK(run_one(*engine, some_request()).ids == expected);
        const afs::EngineStats stats = engine->stats();
        CHECK(stats.graph_replays == 0);
        CHECK(stats.capture_failures == 1);  // its bucket is not tried again
        CHECK(stats.capture_note.find(at_begin ? "no capture today" : "invalidated") !=
              std::string::npos);
    }
}
