// env-model on GGUF files: whole, cut at any byte, and with lengths that lie.
#include <catch2/catch.hpp>

#include "plugins/env-model/staged_model.hpp"

using namespace afs;
using afs::test::complaints;
using afs::test::find;
using afs::test::StagedModel;
using Catch::Contains;

namespace {

template <class T>
std::string raw(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string text(const std::string& value) {
    return raw(uint64_t{value.size()}) + value;
}

// Two tokens, one layer, hidden 4; 32-byte alignment.
std::string small_gguf() {
    std::string out = "GGUF" + raw(uint32_t{3}) + raw(uint64_t{2}) + raw(uint64_t{4});
    out += text("general.architecture") + raw(uint32_t{8}) + text("tiny");
    out += text("tiny.block_count") + raw(uint32_t{4}) + raw(uint32_t{1});
    out += text("tiny.embedding_length") + raw(uint32_t{4}) + raw(uint32_t{4});
    out += text("tokenizer.ggml.tokens") + raw(uint32_t{9}) + raw(uint32_t{8}) + raw(uint64_t{2}) +
           text("a") + text("b");
    out += text("token_embd.weight") + raw(uint32_t{2}) + raw(uint64_t{4}) + raw(uint64_t{2}) +
           raw(uint32_t{0}) + raw(uint64_t{0});
    out += text("blk.0.attn_q.weight") + raw(uint32_t{2}) + raw(uint64_t{4}) + raw(uint64_t{4}) +
           raw(uint32_t{0}) + raw(uint64_t{32});
    out.resize((out.size() + 31) / 32 * 32);
    return out + std::string(32 + 64, 'w');
}

}  // namespace

TEST_CASE("a whole GGUF file") {
    const StagedModel model;
    model.folder.write("m.gguf", small_gguf());
    for (const char* check : {"checkpoint", "shapes", "tokenizer", "template", "generation"}) {
        INFO(check);
        CHECK(complaints(model.run(check, "m.gguf")).empty());
    }
    CHECK_THAT(find(model.run("checkpoint", "m.gguf"), "checkpoint.m.gguf")->found,
               Contains("GGUF 3, 2 tensors"));
}

TEST_CASE("what the engine reads has nothing to complain of: arrays in arrays, no tensors") {
    const StagedModel model;
    const std::string head = "GGUF" + raw(uint32_t{3}) + raw(uint64_t{0}) + raw(uint64_t{1}),
                      nested = text("x") + raw(uint32_t{9}) + raw(uint32_t{9}) + raw(uint64_t{2}),
                      numbers = raw(uint32_t{4}) + raw(uint64_t{1}) + raw(uint32_t{7}),
                      texts = raw(uint32_t{8}) + raw(uint64_t{1}) + text("y");
    // Without tensors there is no data that the header must be padded for.
    model.folder.write("m.gguf", head + nested + numbers + texts);
    CHECK_THAT(complaints(model.run("checkpoint", "m.gguf")), !Contains("malformed"));
    CHECK_THAT(complaints(model.run("checkpoint", "m.gguf")), !Contains("describes"));
    std::string deep = head + text("x") + raw(uint32_t{9});
    for (int i = 0; i < 9; ++i) deep += raw(uint32_t{9}) + raw(uint64_t{1});
    model.folder.write("m.gguf", deep + numbers);
    CHECK_THAT(complaints(model.run("checkpoint", "m.gguf")), Contains("malformed"));
}

TEST_CASE("a GGUF file cut anywhere is refused, and nothing crashes") {
    const StagedModel model;
    const std::string whole = small_gguf();
    const test::EnvPlugin plugin("model");
    for (size_t n = 0; n < whole.size(); n += n < 400 ? 1 : 13) {
        model.folder.write("m.gguf", whole.substr(0, n));
        INFO(n);
        CHECK_FALSE(complaints(model.run("checkpoint", "m.gguf")).empty());
    }
}

TEST_CASE("lengths that lie") {
    const StagedModel model;
    std::string file = small_gguf();
    for (const size_t at : {size_t{8}, size_t{16}, size_t{24}}) {
        std::string broken = file;
        broken.replace(at, 8, raw(UINT64_MAX - 3));
        model.folder.write("m.gguf", broken);
        CHECK_FALSE(complaints(model.run("checkpoint", "m.gguf")).empty());
    }
    const size_t tokens = file.find("tokenizer.ggml.tokens") + 21 + 8;
    file.replace(tokens, 8, raw(uint64_t{3}));
    model.folder.write("m.gguf", file);
    CHECK_FALSE(complaints(model.run("checkpoint", "m.gguf")).empty());
}

TEST_CASE("more tokens than rows") {
    const StagedModel model;
    std::string file = small_gguf();
    const size_t dims = file.find("token_embd.weight") + 17 + 4;
    file.replace(dims + 8, 8, raw(uint64_t{1}));
    model.folder.write("m.gguf", file);
    const auto shapes = model.run("shapes", "m.gguf");
    CHECK_THAT(complaints(shapes), Contains("shapes.token_embd.weight"));
    CHECK_THAT(find(shapes, "shapes.token_embd.weight")->needed, Contains("the file's metadata"));
    CHECK_THAT(complaints(model.run("tokenizer", "m.gguf")),
               Contains("2 ids, the model has 1 rows"));
}

TEST_CASE("metadata of another architecture than the one that is stated") {
    const StagedModel model;
    std::string file = small_gguf();
    file.replace(file.find("tiny"), 4, "huge");  // general.architecture alone
    model.folder.write("m.gguf", file);
    CHECK_THAT(complaints(model.run("shapes", "m.gguf")),
               Contains("huge.embedding_length is not stated") && !Contains("config.json"));
}
