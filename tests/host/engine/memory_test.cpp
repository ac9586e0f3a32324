// Memory that is too small, and what is said about it; weights on their way to it.
#include "host/engine/model_fixture.hpp"

#include "engine/upload.hpp"

using namespace afs_test;

namespace {

// A quarter of a gibibyte of weights, most of it in the embedding and head, and a device of so
// much.
const Model& large(uint64_t device_mib) {
    static std::map<uint64_t, Model> models;
    if (models.count(device_mib)) return models[device_mib];
    Setup setup;
    setup.family = "llama3";
    setup.kernels = {"test-fakedev"};
    setup.options = {{"ops", "idle"}, {"memory_mib", std::to_string(device_mib)}};
    setup.limits = {64, 8, 8, 4096, 0};
    setup.config =
        R"({"hidden_size":256,"intermediate_size":512,"num_hidden_layers":4,
            "num_attention_heads":4,"num_key_value_heads":4,"vocab_size":100000,
            "max_position_embeddings":4096,"rope_theta":10000.0,"hidden_act":"silu",
            "attention_bias":false,"rms_norm_eps":1e-05,"model_type":"llama",
            "architectures":["LlamaForCausalLM"],"bos_token_id":0,"eos_token_id":1,
            "mlp_bias":false,"tie_word_embeddings":false})";
    return models[device_mib] = make_model(setup);
}

std::string refusal(uint64_t device_mib, const afs::EngineOptions& options = {}) {
    const Model& model = large(device_mib);
    const auto engine = afs::Engine::create(model.plan, model.weights, options);
    REQUIRE_FALSE(engine.ok());
    CHECK(engine.status().code() == afs::Code::no_memory);
    return engine.status().message();
}

}  // namespace

TEST_CASE("memory: the cache gets what weights, activations and a margin leave") {
    // Of 8 sequences of 4096 tokens at 8 KiB a token all would be 256 MiB.
    const auto stats = [](uint64_t mib, const afs::EngineOptions& options = {}) {
        return make_engine(large(mib), options)->stats();
    };
    const afs::EngineStats all = stats(1024);
    CHECK(all.kv_bytes >= 256u << 20);
    CHECK(all.kv_blocks == 8 * 4096 / all.block_size);
    const afs::EngineStats some = stats(400);
    CHECK(some.kv_bytes < 200u << 20);
    CHECK(some.kv_bytes > 32u << 20);
    CHECK(some.max_context == 4096);
    CHECK(some.kv_bytes + some.loaded_weight_bytes + some.activation_bytes < (400u - 64u) << 20);
    afs::EngineOptions few;
    few.kv_bytes = 16u << 20;
    const afs::EngineStats configured = stats(400, few);
    CHECK(configured.kv_bytes <= 16u << 20);
    CHECK(configured.max_context < 2048);
    CHECK(configured.loaded_weight_bytes > 200u << 20);
}

TEST_CASE("memory: too little says needed, available and which setting to lower") {
    using Catch::Contains;
    CHECK_THAT(refusal(300), Contains("out of memory on fake:0") &&
                                 Contains("one sequence of 4096 tokens needs 33 MiB") &&
                                 Contains("beside weights ") && Contains("available 300 MiB") &&
                                 Contains("lower engine.max_context"));
    CHECK_THAT(refusal(100), Contains("available 100 MiB") && Contains("take a smaller"));
    afs::EngineOptions much;
    much.kv_bytes = 200u << 20;
    CHECK_THAT(refusal(320, much), Contains("engine.kv_memory_mib needs 2") &&
                                       Contains("a margin of 0 MiB, available 320 MiB") &&
                                       Contains("lower engine.kv_memory_mib"));
    afs::EngineOptions small;
    small.max_context = 256;
    CHECK(afs::Engine::create(large(300).plan, large(300).weights, small).ok());
}

TEST_CASE("upload: every byte arrives, whatever the readers, in the order of the calls") {
    const Model& model = large(1024);
    const auto domain = must(afs::Domain::create(model.plan->memories[0], 64));
    const afs::Weight& weight = model.weights.weights()[0];
    REQUIRE(weight.bytes > 20 * afs::Upload::kChunk);
    afs::Buffer to =
        must(afs::Buffer::create(domain->shared_device(), AFS_MEM_DEVICE, weight.bytes));
    std::vector<char> back(weight.bytes);
    for (const uint32_t readers : {1u, 3u, 0u}) {
        must(domain->device().fill(domain->stream(), to.data(), 0xee, weight.bytes));
        bool packed = false;
        {
            const auto upload = must(afs::Upload::create(*domain, readers));
            const afs_weight line = afs::make<afs_weight>();
            must(upload->add(to.data(), afs::WeightBytes(weight, line)));
            must(upload->then([&]() -> afs::Status {  // on the stream after the copies
                packed = true;
                return domain->device().copy(domain->stream(), AFS_COPY_D2H, back.data(), to.data(),
                                             weight.bytes);
            }));
            must(upload->add(to.data(), afs::WeightBytes(model.weights.weights()[1], line)));
            must(upload->finish());
        }
        CHECK(packed);
        CHECK(std::equal(back.begin(), back.end(), static_cast<const char*>(weight.data)));
    }
    // Given up half way: nothing is left running over freed memory.
    const auto upload = must(afs::Upload::create(*domain, 2));
    must(upload->add(to.data(), afs::WeightBytes(weight, afs::make<afs_weight>())));
    // At once, where all is read already.
    afs::Status ended = upload->then([] { return afs::Status(afs::Code::device, "no packing"); });
    const afs::Status finished = upload->finish();
    if (ended.ok()) ended = finished;
    CHECK(ended.message() == "no packing");
}
