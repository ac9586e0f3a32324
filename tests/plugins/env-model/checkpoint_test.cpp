// env-model on checkpoints that are whole, cut, foreign or not there.
#include <catch2/catch.hpp>

#include "plugins/env-model/staged_model.hpp"

using namespace afs;
using afs::test::complaints;
using afs::test::find;
using afs::test::StagedModel;
using Catch::Contains;
namespace fs = std::filesystem;

TEST_CASE("a whole model has nothing to complain of") {
    const StagedModel model;
    for (const char* check :
         {"config", "checkpoint", "shapes", "tokenizer", "template", "generation"}) {
        INFO(check);
        CHECK(complaints(model.run(check)).empty());
    }
    CHECK_THAT(find(model.run("shapes"), "shapes")->found, Contains("29 weights of 7 layers"));
    CHECK(complaints(model.run("checkpoint", "model.safetensors")).empty());
}

TEST_CASE("no model, and one that is not there") {
    EnvironmentView view;
    for (const char* config : {"{}", "not json", "[]", R"({"model": 3, "models": "x"})"}) {
        view.config_json = config;
        const auto found = test::EnvPlugin("model").run("checkpoint", view);
        CHECK(find(found, "checkpoint")->status == AFS_CHECK_WARN);
    }
    view.config_json = R"({"model": {"plugin": "mine"}, "models": {"mine": {"path": "/no/such"}}})";
    const auto found = test::EnvPlugin("model").run("checkpoint", view);
    CHECK(find(found, "checkpoint")->status == AFS_CHECK_FAIL);
    CHECK_THAT(find(found, "checkpoint")->found, Contains("/no/such (models.mine.path)"));
}

TEST_CASE("weights cut short, too long, or a pointer are told apart") {
    const StagedModel model;
    const fs::path weights = model.path("model.safetensors");
    const uint64_t size = fs::file_size(weights);
    fs::resize_file(weights, size - 1);
    CHECK_THAT(complaints(model.run("checkpoint")),
               Contains("its header describes " + std::to_string(size)));
    fs::resize_file(weights, size + 4);
    CHECK_FALSE(complaints(model.run("checkpoint")).empty());
    for (const uint64_t left : {uint64_t{0}, uint64_t{7}, uint64_t{100}}) {
        fs::resize_file(weights, left);
        CHECK_FALSE(complaints(model.run("checkpoint")).empty());
    }
    model.folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("Git LFS pointer"));
    model.folder.write("model.safetensors", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("its header says"));
    model.folder.write("model.safetensors", std::string("\x02\0\0\0\0\0\0\0[]", 10));
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("no JSON object"));
    fs::remove(weights);
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("neither model.safetensors"));
}

TEST_CASE("an entry that lies about its bytes is named") {
    const StagedModel model;
    const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})";
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    model.folder.write("model.safetensors", file + header + "1234");
    CHECK_THAT(complaints(model.run("checkpoint")),
               Contains("tensor 'a' has 4 bytes, its type and shape need 8"));
    const std::string torn = R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,4]}})";
    file[0] = static_cast<char>(torn.size());
    model.folder.write("model.safetensors", file + torn + "1234");
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("malformed"));
}

TEST_CASE("shards: each listed one is there and holds what the index says") {
    const StagedModel model;
    fs::rename(model.path("model.safetensors"), model.path("part-1.safetensors"));
    nlohmann::json index;
    index["weight_map"]["model.embed_tokens.weight"] = "part-1.safetensors";
    model.write("model.safetensors.index.json", index);
    CHECK(complaints(model.run("checkpoint")).empty());
    index["weight_map"]["model.no_such.weight"] = "part-1.safetensors";
    model.write("model.safetensors.index.json", index);
    CHECK_THAT(
        complaints(model.run("checkpoint")),
        Contains("1 tensors are not where it says, first 'part-1.safetensors/model.no_such"));
    index["weight_map"]["model.norm.weight"] = "part-2.safetensors";
    model.write("model.safetensors.index.json", index);
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("part-2.safetensors"));
    model.write("model.safetensors.index.json", {{"weight_map", 3}});
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("lists no shard"));
    model.folder.write("model.safetensors.index.json", "{");
    CHECK_FALSE(complaints(model.run("checkpoint")).empty());
}

TEST_CASE("config.json of another model shows in the shapes") {
    const StagedModel model;
    for (const auto& [key, value] : {std::pair{"vocab_size", 100},
                                     {"num_hidden_layers", 3},
                                     {"num_hidden_layers", 9},
                                     {"hidden_size", 64},
                                     {"intermediate_size", 1},
                                     {"num_attention_heads", 5}}) {
        auto config = model.read("config.json");
        const auto before = config;
        config[key] = value;
        model.write("config.json", config);
        INFO(key << " " << value);
        CHECK_FALSE(complaints(model.run("shapes")).empty());
        model.write("config.json", before);
    }
    auto config = model.read("config.json");
    config.erase("hidden_size");
    model.write("config.json", config);
    CHECK_THAT(complaints(model.run("shapes")), Contains("shapes.hidden_size: not stated"));
    for (const char* text : {"", "{", "[]", "version https://git-lfs.github.com/spec/v1\n"}) {
        model.folder.write("config.json", text);
        CHECK_FALSE(complaints(model.run("checkpoint")).empty());
        model.run("shapes");
    }
    fs::remove(model.path("config.json"));
    CHECK_THAT(complaints(model.run("checkpoint")), Contains("config.json: not there"));
}

TEST_CASE("tensors of another layout are left to the model plugin") {
    const StagedModel model;
    std::ifstream file(model.path("model.safetensors"), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (size_t at = 0; (at = bytes.find(".q_proj.", at)) != std::string::npos;)
        bytes.replace(at, 8, ".t_proj.");
    model.folder.write("model.safetensors", bytes);
    const auto shapes = model.run("shapes");
    CHECK(complaints(shapes).empty());
    REQUIRE(find(shapes, "shapes"));
    CHECK_THAT(find(shapes, "shapes")->found, Contains("another layout"));
}
