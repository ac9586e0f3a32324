// The bundled models, turned into GGUF files of bf16 and fp32 the way llama.cpp does it, give the
// logits of their safetensors bit for bit, and the greedy ids that llama.cpp itself gives for them
// (goldens made by tools/goldens/gguf_greedy.py): rows of q and k are in the order it expects.
#include <fstream>
#include <iterator>

#include "afs/json.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/gguf_model.hpp"
#include "support/temp_folder.hpp"

using namespace afs::test;
using namespace afs_test;

namespace {

GgufSizes sizes_of(const afs::Checkpoint& checkpoint, const afs::json::Value& config) {
    const auto number = [&](const char* key) { return config.find(key)->as_int64().value_or(0); };
    GgufSizes s;
    const bool llama = config.find("model_type")->string == "llama";
    s.architecture = llama ? "llama" : "olmo2";
    s.hidden = number("hidden_size"), s.ffn = number("intermediate_size");
    s.vocab = number("vocab_size"), s.layers = number("num_hidden_layers");
    s.heads = number("num_attention_heads"), s.kv_heads = number("num_key_value_heads");
    s.head_dim = s.hidden / s.heads;
    s.theta = static_cast<float>(*config.find("rope_theta")->as_number());
    s.eps = static_cast<float>(*config.find("rms_norm_eps")->as_number());
    s.context = static_cast<uint32_t>(number("max_position_embeddings"));
    s.tied = !checkpoint.find("lm_head.weight");
    return s;
}

// Rows (half, j) of each head to (j, half).
std::string in_pairs(const std::string& rows, size_t n_rows, size_t head_dim) {
    const size_t size = rows.size() / n_rows, half = head_dim / 2;
    std::string out(rows.size(), '\0');
    for (size_t row = 0; row < n_rows; ++row) {
        const size_t head = row / head_dim * head_dim, j = row % head_dim % half,
                     side = row % head_dim / half;
        rows.copy(&out[(head + 2 * j + side) * size], size, row * size);
    }
    return out;
}

std::string widened(const std::string& bf16) {
    std::string out;
    for (size_t i = 0; i < bf16.size(); i += 2) out.append(2, '\0').append(bf16, i, 2);
    return out;
}

// type: 0 fp32, 30 bf16; norms stay fp32 as in every GGUF file.
std::string as_gguf(const afs::Checkpoint& checkpoint, uint32_t type) {
    const auto config = must(afs::json::parse(checkpoint.config_json()));
    const GgufSizes sizes = sizes_of(checkpoint, config);
    GgufBuilder b = gguf_metadata(sizes);
    if (const afs::json::Value* scaling = config.find("rope_scaling");
        scaling && scaling->find("factor")) {
        const auto number = [&](const char* key) { return *scaling->find(key)->as_number(); };
        b.tensor({"rope_freqs.weight",
                  0,
                  {sizes.head_dim / 2},
                  rope_divisors(sizes, number("factor"), number("low_freq_factor"),
                                number("high_freq_factor"),
                                number("original_max_position_embeddings"))});
    }
    for (const GgufWeight& weight : gguf_weights(sizes)) {
        const afs::FileTensor* from = checkpoint.find(weight.hf);
        REQUIRE(from);
        REQUIRE(from->dtype == AFS_BF16);
        std::string data(static_cast<const char*>(from->data), from->bytes);
        if (weight.paired)
            data = in_pairs(data, static_cast<size_t>(weight.shape[0]),
                            static_cast<size_t>(sizes.head_dim));
        const uint32_t stored = weight.shape.size() == 1 ? 0 : type;
        b.tensor({weight.name, stored, weight.shape, stored == 0 ? widened(data) : data});
    }
    return b.bytes();
}

}  // namespace

TEST_CASE("bundled models as GGUF: the same logits, bit for bit") {
    for (const std::string family : {"llama3", "olmo2"}) {
        Setup setup;
        setup.family = family;
        setup.folder = AFS_SOURCE_DIR "/weights/" + family + "-tiny";
        setup.limits.max_context = 64;
        const auto checkpoint = must(afs::Checkpoint::open(setup.folder));
        const TempFolder folder;
        const auto bf16 = folder.write("bf16.gguf", as_gguf(checkpoint, 30)),
                   fp32 = folder.write("fp32.gguf", as_gguf(checkpoint, 0));
        for (const int32_t dtype : {AFS_BF16, AFS_F32}) {
            setup.dtype = dtype;
            setup.folder = AFS_SOURCE_DIR "/weights/" + family + "-tiny";
            const std::vector<int32_t> ids = some_ids(40, 7, 3000);
            const Model folder_model = make_model(setup);
            const auto want = must(make_engine(folder_model)->logits(ids, 0));
            for (const auto& file : {bf16, fp32}) {
                CAPTURE(family, dtype, file);
                setup.folder = file.string();
                const Model model = make_model(setup);
                const auto got = must(make_engine(model)->logits(ids, 0));
                REQUIRE(got.size() == want.size());
                CHECK(std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0);
            }
        }
    }
}

TEST_CASE("bundled models as GGUF: the greedy ids of llama.cpp") {
    std::ifstream in(AFS_SOURCE_DIR "/tests/golden/models/gguf-greedy.json", std::ios::binary);
    const auto golden = must(afs::json::parse(std::string{std::istreambuf_iterator<char>(in), {}}));
    const auto ids_of = [](const afs::json::Value& list) {
        std::vector<int32_t> ids;
        for (const afs::json::Value& id : list.items)
            ids.push_back(static_cast<int32_t>(*id.as_int64()));
        return ids;
    };
    size_t n_cases = 0;
    for (const std::string family : {"llama3", "olmo2"}) {
        Setup setup;
        setup.family = family;
        setup.limits.max_context = 128;
        const auto checkpoint =
            must(afs::Checkpoint::open(AFS_SOURCE_DIR "/weights/" + family + "-tiny"));
        const TempFolder folder;
        setup.folder = folder.write("fp32.gguf", as_gguf(checkpoint, 0)).string();
        const Model model = make_model(setup);
        const auto engine = make_engine(model);
        for (const afs::json::Value& entry : golden.find("cases")->items) {
            if (entry.find("family")->string != family) continue;
            afs::Request request;
            request.prompt = ids_of(*entry.find("prompt"));
            const auto want = ids_of(*entry.find("greedy"));
            request.max_new_tokens = static_cast<uint32_t>(want.size());
            CAPTURE(family, request.prompt);
            CHECK(run_one(*engine, request).ids == want);
            ++n_cases;
        }
    }
    CHECK(n_cases == 16);
}
