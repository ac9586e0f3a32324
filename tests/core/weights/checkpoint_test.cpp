// Folders and files: single, sharded, incomplete, contradictory.
#include "afs/weights/checkpoint.hpp"

#include <catch2/catch.hpp>

#include "make_file.hpp"
#include "support/check_contains.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using namespace afs::test;

namespace {

constexpr const char* kIndex = "model.safetensors.index.json";

std::string checkpoint_refusal(const std::filesystem::path& path) {
    const auto checkpoint = Checkpoint::open(path);
    return checkpoint ? "accepted" : checkpoint.status().message();
}

void write_shards(const TempFolder& folder) {
    folder.write("config.json", "{}");
    folder.write("s1.safetensors", safetensors({{"a", "F32", "[2]", floats({1, 2})}}));
    folder.write("s2.safetensors", safetensors({{"b", "F32", "[1]", floats({3})},
                                                {"c", "F16", "[1]", std::string(2, '\0')}}));
}

}  // namespace

TEST_CASE("a folder with one file") {
    const TempFolder folder;
    folder.write("config.json", "{\"x\": 1}");
    folder.write("model.safetensors", safetensors({{"a", "F32", "[2]", floats({1, 2})}}));
    const auto checkpoint = Checkpoint::open(folder.path());
    INFO(checkpoint.status().message());
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->config_json() == "{\"x\": 1}");
    CHECK_FALSE(checkpoint->generation_json());
    CHECK_FALSE(checkpoint->is_gguf());
    CHECK(checkpoint->bytes() == 8);
    CHECK(checkpoint->folder() == folder.path());
    REQUIRE(checkpoint->find("a"));
    CHECK(checkpoint->file_of(*checkpoint->find("a")) == folder.path() / "model.safetensors");
    CHECK(checkpoint->find("b") == nullptr);
    folder.write("generation_config.json", "{\"y\": 2}");
    CHECK(Checkpoint::open(folder.path())->generation_json() == "{\"y\": 2}");
    // The file itself: its folder has the texts.
    const auto file = Checkpoint::open(folder.path() / "model.safetensors");
    REQUIRE(file.ok());
    CHECK(file->folder() == folder.path());
    CHECK(file->tensors().size() == 1);
}

TEST_CASE("the map outlives the checkpoint that is moved") {
    const TempFolder folder;
    folder.write("config.json", "{}");
    folder.write("model.safetensors", safetensors({{"a", "F32", "[2]", floats({1, 2})}}));
    auto opened = Checkpoint::open(folder.path());
    REQUIRE(opened.ok());
    const Checkpoint moved = *std::move(opened);
    CHECK(std::memcmp(moved.find("a")->data, floats({1, 2}).data(), 8) == 0);
}

TEST_CASE("shards with their index") {
    const TempFolder folder;
    write_shards(folder);
    const std::string map =
        "\"weight_map\": {\"a\": \"s1.safetensors\", \"b\": \"s2.safetensors\","
        " \"c\": \"s2.safetensors\"}";
    struct Row {
        std::string index, reason;
    };
    const Row rows[] = {
        {"{" + map + "}", "accepted"},
        {"{\"metadata\": {\"total_size\": 14}, " + map + "}", "accepted"},
        {"{\"metadata\": {\"total_size\": 14.0}, " + map + "}", "accepted"},
        {"{\"metadata\": {}, " + map + "}", "accepted"},
        {"{\"metadata\": {\"total_size\": 15}, " + map + "}",
         "says total_size 15, the tensors take 14"},
        {"{\"metadata\": {\"total_size\": -1}, " + map + "}", "total_size must be"},
        {"{\"metadata\": {\"total_size\": \"14\"}, " + map + "}", "total_size must be"},
        {"{}", "expected an object \"weight_map\""},
        {"{\"weight_map\": {}}", "expected an object \"weight_map\""},
        {"{\"weight_map\": {\"a\": 1}}", "must be mapped to a file name"},
        {"{\"weight_map\": {\"a\": \"../s1.safetensors\"}}", "must lie in the checkpoint's folder"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "must lie in the checkpoint's folder"},
        {"{\"weight_map\": {\"a\": \"..\"}}", "must lie in the checkpoint's folder"},
        {"{\"weight_map\": {\"a\": \"s1.safetensors\", \"b\": \"gone-2\", \"c\": \"gone-1\"}}",
         "2 of 3 shards are absent: gone-1, gone-2"},
        {"{\"weight_map\": {\"a\": \"s1.safetensors\", \"d\": \"s2.safetensors\"}}",
         "promises tensors that are not there: 'd' in s2.safetensors"},
        {"{\"weight_map\": {\"a\": \"s2.safetensors\", \"b\": \"s1.safetensors\","
         " \"c\": \"s2.safetensors\"}}",
         "'a' in s2.safetensors, 'b' in s1.safetensors"},
        {"{\"weight_map\": {\"a\": \"s1.safetensors\", \"b\": \"s2.safetensors\"}}",
         "that the index does not list: 'c'"},
        {"{\"weight_map\": {\"a\": \"s1.safetensors\", \"a\": \"s2.safetensors\"}}",
         "appears twice"},
        {"not json", "index.json:1"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.index);
        folder.write(kIndex, row.index);
        check_contains(checkpoint_refusal(folder.path()), row.reason);
    }
    folder.write(kIndex, "{" + map + "}");
    const auto checkpoint = Checkpoint::open(folder.path());
    CHECK(checkpoint->files().size() == 2);
    CHECK(checkpoint->bytes() == 14);
    CHECK(checkpoint->file_of(*checkpoint->find("c")) == folder.path() / "s2.safetensors");
    // A shard cut short is named.
    std::filesystem::resize_file(folder.path() / "s2.safetensors", 60);
    check_contains(checkpoint_refusal(folder.path()), "s2.safetensors");
    folder.write("s2.safetensors", safetensors({{"a", "F32", "[1]", floats({3})}}));
    check_contains(checkpoint_refusal(folder.path()), "tensor 'a' is in '");
}

TEST_CASE("folders and paths that are no checkpoint") {
    const TempFolder folder;
    check_contains(checkpoint_refusal(folder.path()), "no config.json");
    check_contains(checkpoint_refusal(folder.path() / "none"), "no such folder or file");
    folder.write("config.json", "{}");
    check_contains(checkpoint_refusal(folder.path()), "neither model.safetensors nor");
    folder.write("model.safetensors", safetensors(std::vector<Entry>{}));
    folder.write(kIndex, "{}");
    check_contains(checkpoint_refusal(folder.path()), "has both");
    check_contains(checkpoint_refusal(folder.write("weights.bin", "x")),
                   "expected a folder, a .safetensors or a .gguf file");
    CHECK(Checkpoint::open(folder.path() / "none").status().code() == Code::not_found);
}

TEST_CASE("the chat template of a folder") {
    const TempFolder folder;
    folder.write("config.json", "{}");
    folder.write("model.safetensors", safetensors({{"a", "F32", "[2]", floats({1, 2})}}));
    struct Row {
        const char* config;
        const char* found;  // nullptr: none
    };
    const Row rows[] = {
        {R"({"eos_token": "e"})", nullptr},
        {R"({"chat_template": null})", nullptr},
        {R"({"chat_template": "{{ a }}\n"})", "{{ a }}\n"},
        {R"({"chat_template": [{"name": "tool_use", "template": "t"},
                               {"name": "default", "template": "d"}]})",
         "d"},
        {R"({"chat_template": [{"name": "tool_use", "template": "t"}]})", nullptr},
        {R"({"chat_template": []})", nullptr},
    };
    CHECK_FALSE(Checkpoint::open(folder.path())->chat_template());
    for (const Row& row : rows) {
        CAPTURE(row.config);
        folder.write("tokenizer_config.json", row.config);
        const auto checkpoint = Checkpoint::open(folder.path());
        INFO(checkpoint.status().message());
        REQUIRE(checkpoint.ok());
        CHECK(checkpoint->chat_template().has_value() == (row.found != nullptr));
        if (row.found) CHECK(checkpoint->chat_template().value_or("") == row.found);
    }
    for (const char* wrong : {R"({"chat_template": 1})", R"({"chat_template": ["d"]})",
                              R"({"chat_template": [{"name": "default"}]})"}) {
        folder.write("tokenizer_config.json", wrong);
        check_contains(checkpoint_refusal(folder.path()),
                       "tokenizer_config.json:1: chat_template must be a text or a list");
    }
    // The file of its own says more.
    folder.write("chat_template.jinja", "j\n");
    CHECK(Checkpoint::open(folder.path())->chat_template() == "j\n");
}
