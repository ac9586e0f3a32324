// GGUF models as checkpoints: files, folders, split files; what model plugins and tokenizers get.
#include <catch2/catch.hpp>

#include "afs/json.hpp"
#include "afs/weights/checkpoint.hpp"
#include "core/weights/make_file.hpp"
#include "support/check_contains.hpp"
#include "support/gguf_file.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using namespace afs::test;

namespace {

std::string model_refusal(const std::filesystem::path& path) {
    const auto checkpoint = Checkpoint::open(path);
    return checkpoint ? "accepted" : checkpoint.status().message();
}

GgufBuilder model() {
    GgufBuilder b;
    b.text("general.architecture", "llama").u32("llama.block_count", 2);
    b.tensor({"a", 0, {2}, floats({1, 2})});
    return b;
}

struct Split {
    uint16_t no = 0, count = 2;
    int32_t tensors = 2;
};

// A part with one tensor.
std::string part(const std::string& tensor, Split split, bool first) {
    GgufBuilder b;
    if (first) b.text("general.architecture", "llama").u32("llama.block_count", 2);
    b.raw("split.no", GgufBuilder::kU16, le(split.no));
    b.raw("split.count", GgufBuilder::kU16, le(split.count));
    b.raw("split.tensors.count", GgufBuilder::kI32, le(split.tensors));
    b.tensor({tensor, 0, {2}, floats({1, 2})});
    return b.bytes();
}

}  // namespace

TEST_CASE("a GGUF file as a checkpoint") {
    const TempFolder folder;
    GgufBuilder b = model();
    b.text("tokenizer.chat_template", "{{ x }}");
    const auto path = folder.write("m.gguf", b.bytes());
    const auto checkpoint = Checkpoint::open(path);
    INFO(checkpoint.status().message());
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->is_gguf());
    CHECK(checkpoint->architecture() == "llama");
    CHECK(checkpoint->bytes() == 8);
    CHECK(checkpoint->folder() == folder.path());
    CHECK(checkpoint->chat_template() == "{{ x }}");
    CHECK_FALSE(checkpoint->generation_json());
    REQUIRE(checkpoint->find("a"));
    CHECK(checkpoint->file_of(*checkpoint->find("a")) == path);
    CHECK(std::memcmp(checkpoint->find("a")->data, floats({1, 2}).data(), 8) == 0);
    CHECK(*checkpoint->vocabulary() == nullptr);
    // By another name, and from the folder.
    CHECK(model_refusal(folder.write("blobs/sha256-1234", b.bytes())) == "accepted");
    CHECK(model_refusal(folder.path()) == "accepted");
    CHECK(model_refusal(folder.write("none.gguf", "text")).find("expected \"GGUF\"") !=
          std::string::npos);
    check_contains(model_refusal(folder.write("m.bin", "text")), "a .safetensors or a .gguf file");
    GgufBuilder wrong = model();
    wrong.u32("tokenizer.chat_template", 1);
    check_contains(model_refusal(folder.write("t.gguf", wrong.bytes())),
                   "tokenizer.chat_template must be a text, found uint32");
}

TEST_CASE("a folder with one GGUF model, several, or beside safetensors") {
    const TempFolder folder;
    const auto path = folder.write("m.gguf", model().bytes());
    folder.write("config.json", "{}");  // as many published folders have
    CHECK(Checkpoint::open(folder.path())->is_gguf());
    folder.write("n-q4_0.gguf", model().bytes());
    folder.write("p-00001-of-00002.gguf", "");
    folder.write("p-00002-of-00002.gguf", "");
    check_contains(model_refusal(folder.path()),
                   "the folder holds 3 models, name one of them: m.gguf, n-q4_0.gguf, "
                   "p-00001-of-00002.gguf");
    folder.write("model.safetensors", safetensors({{"s", "F32", "[2]", floats({1, 2})}}));
    const auto checkpoint = Checkpoint::open(folder.path());
    REQUIRE(checkpoint.ok());
    CHECK_FALSE(checkpoint->is_gguf());
    CHECK(checkpoint->architecture().empty());
    CHECK(*checkpoint->vocabulary() == nullptr);
    CHECK(checkpoint->find("s"));
}

TEST_CASE("a split model opens from any part") {
    const TempFolder folder;
    const auto first = folder.write("m-00001-of-00002.gguf", part("a", {0}, true)),
               second = folder.write("m-00002-of-00002.gguf", part("b", {1}, false));
    for (const auto& path : {first, second, folder.path()}) {
        const auto checkpoint = Checkpoint::open(path);
        INFO(checkpoint.status().message());
        REQUIRE(checkpoint.ok());
        CHECK(checkpoint->files().size() == 2);
        CHECK(checkpoint->architecture() == "llama");
        CHECK(checkpoint->config_json().find("\"llama.block_count\": 2") != std::string::npos);
        CHECK(checkpoint->config_json().find("\"b\": {\"type\"") != std::string::npos);
        CHECK(checkpoint->file_of(*checkpoint->find("b")) == second);
    }
}

TEST_CASE("a part that is missing, foreign or misnamed is named") {
    const TempFolder folder;
    const auto first = folder.write("m-00001-of-00002.gguf", part("a", {0}, true));
    check_contains(model_refusal(first), "1 of 2 parts are absent: m-00002-of-00002.gguf");
    const auto second = [&](const std::string& bytes) {
        folder.write("m-00002-of-00002.gguf", bytes);
        return model_refusal(first);
    };
    const std::string foreign = "part 'm-00002-of-00002.gguf' belongs to another model: ";
    CHECK(second(part("b", {1}, false)) == "accepted");
    check_contains(second(part("b", {0}, false)), foreign + "split.no is 0, expected 1");
    check_contains(second(part("b", {1, 3}, false)), foreign + "split.count is 3, expected 2");
    check_contains(second(part("b", {1, 2, 9}, false)),
                   foreign + "split.tensors.count is 9, expected 2");
    check_contains(second(model().bytes()), foreign + "split.no is absent, expected 1");
    check_contains(second(part("a", {1}, false)), "tensor 'a' is in '");
    check_contains(second("GGUF"), "m-00002-of-00002.gguf' as GGUF: the header needs");
    GgufBuilder other;
    other.text("general.architecture", "qwen2");
    other.raw("split.no", GgufBuilder::kU16, le(uint16_t{1}));
    other.raw("split.count", GgufBuilder::kU16, le(uint16_t{2}));
    other.raw("split.tensors.count", GgufBuilder::kI32, le(int32_t{2}));
    check_contains(second(other.bytes()),
                   foreign + "general.architecture is 'qwen2', expected 'llama'");
    // Named otherwise than its metadata says.
    check_contains(model_refusal(folder.write("renamed.gguf", part("a", {0}, true))),
                   "it is one of 2 parts; expected a name that ends in -00001-of-00002.gguf");
    check_contains(model_refusal(folder.write("m-00002-of-00003.gguf", part("a", {0}, true))),
                   "expected a name that ends in -00001-of-00002.gguf");
    check_contains(model_refusal(folder.write("m-00001-of-00009.gguf", part("a", {7, 2}, true))),
                   "it says it is part 7 (split.no) of 2 (split.count)");
    // Fewer tensors than promised.
    folder.write("k-00001-of-00002.gguf", part("a", {0, 2, 5}, true));
    folder.write("k-00002-of-00002.gguf", part("b", {1, 2, 5}, false));
    check_contains(model_refusal(folder.path() / "k-00002-of-00002.gguf"),
                   "split.tensors.count is 5, its 2 parts hold 2 tensors");
    GgufBuilder wrong;
    wrong.text("split.count", "two");
    check_contains(model_refusal(folder.write("w.gguf", wrong.bytes())),
                   "split.count must be an integer, found text");
}

TEST_CASE("the metadata as JSON") {
    GgufBuilder b = model();
    b.f32("llama.rope.freq_base", 10000.0f).flag("llama.attention.causal", true);
    b.array("llama.attention.head_count_kv", GgufBuilder::kI32, std::vector<int32_t>{4, 4});
    b.texts("general.tags", {"x", "y"}).texts("tokenizer.ggml.tokens", {1025, "t"});
    b.text("general.description", std::string(70000, 'd')).text("gguf.version", "mine");
    b.raw("nested", GgufBuilder::kArray, le(uint32_t{GgufBuilder::kArray}) + le(uint64_t{0}));
    b.tensor({"rope_freqs.weight", 0, {3}, floats({1, 2, 0.5f})});
    b.tensor({"q", 8, {2, 32}, std::string(68, '\0')});
    const TempFolder folder;
    const auto checkpoint = Checkpoint::open(folder.write("m.gguf", b.bytes()));
    INFO(checkpoint.status().message());
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->config_json() ==
          R"({"general.architecture": "llama", "llama.block_count": 2, )"
          R"("llama.rope.freq_base": 10000.0, "llama.attention.causal": true, )"
          R"("llama.attention.head_count_kv": [4, 4], "general.tags": ["x", "y"], )"
          R"("gguf.version": 3, "gguf.tensors": {"a": {"type": "F32", "shape": [2]}, )"
          R"("rope_freqs.weight": {"type": "F32", "shape": [3]}, )"
          R"("q": {"type": "Q8_0", "shape": [2, 32]}}, "gguf.rope_freqs": [1.0, 2.0, 0.5]})");
}

TEST_CASE("the vocabulary of a GGUF file") {
    const auto vocabulary = [](GgufBuilder b) {
        const TempFolder folder;  // the map outlives its file
        const auto checkpoint = Checkpoint::open(folder.write("m.gguf", b.bytes()));
        REQUIRE(checkpoint.ok());
        return checkpoint->vocabulary();
    };
    GgufBuilder b = model();
    b.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
    b.texts("tokenizer.ggml.tokens", {"a", "b", "ab"}).texts("tokenizer.ggml.merges", {"a b"});
    b.array("tokenizer.ggml.token_type", GgufBuilder::kI32, std::vector<int32_t>{1, 3, 0});
    b.array("tokenizer.ggml.scores", GgufBuilder::kF32, std::vector<float>{-1, -2, -3});
    b.u32("tokenizer.ggml.eos_token_id", 1).flag("tokenizer.ggml.add_bos_token", false);
    const auto read = vocabulary(b);
    INFO(read.status().message());
    REQUIRE(read.ok());
    const afs_vocabulary& v = (*read)->table();
    CHECK(v.struct_size == sizeof v);
    CHECK(std::string(v.model) == "gpt2");
    CHECK(std::string(v.pre) == "smollm");
    REQUIRE(v.n_tokens == 3);
    CHECK(std::string(v.tokens[2].data, v.tokens[2].size) == "ab");
    REQUIRE(v.n_merges == 1);
    CHECK(std::string(v.merges[0].data, v.merges[0].size) == "a b");
    CHECK(v.types[1] == AFS_PIECE_CONTROL);
    CHECK(v.types[2] == AFS_PIECE_NORMAL);
    CHECK(v.scores[2] == -3);
    CHECK(v.eos_id == 1);
    CHECK(v.bos_id == -1);
    CHECK(v.add_bos == 0);
    CHECK(v.add_eos == -1);

    GgufBuilder plain = model();
    plain.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", {"a"});
    const auto bare = vocabulary(plain);
    REQUIRE(bare.ok());
    CHECK((*bare)->table().pre == nullptr);
    CHECK((*bare)->table().scores == nullptr);
    CHECK((*bare)->table().types == nullptr);
    CHECK((*bare)->table().merges == nullptr);

    const auto wrong = [&](auto&& change, const char* reason) {
        GgufBuilder changed = plain;
        change(changed);
        check_contains(vocabulary(changed).status().message(), reason);
    };
    wrong([](GgufBuilder& g) { g.u32("tokenizer.ggml.pre", 1); },
          "tokenizer.ggml.pre must be a short text, found uint32");
    wrong([](GgufBuilder& g) { g.u32("tokenizer.ggml.merges", 1); },
          "tokenizer.ggml.merges must be an array of at most 16777216 texts, found uint32");
    wrong(
        [](GgufBuilder& g) {
            g.array("tokenizer.ggml.scores", GgufBuilder::kF32, std::vector<float>{1, 2});
        },
        "tokenizer.ggml.scores must be an array of 1 float32, found an array of 2 float32");
    wrong(
        [](GgufBuilder& g) {
            g.array("tokenizer.ggml.token_type", GgufBuilder::kI32, std::vector<int32_t>{7});
        },
        "types from 1 to 6, found type 7");
    wrong([](GgufBuilder& g) { g.u32("tokenizer.ggml.bos_token_id", 1); },
          "tokenizer.ggml.bos_token_id must be an id below 1, found 1");
    wrong([](GgufBuilder& g) { g.u32("tokenizer.ggml.add_bos_token", 1); },
          "tokenizer.ggml.add_bos_token must be true or false, found uint32");
    GgufBuilder no_tokens = model();
    no_tokens.text("tokenizer.ggml.model", "llama");
    check_contains(vocabulary(no_tokens).status().message(),
                   "tokenizer.ggml.tokens must be an array of texts, found none");
}
