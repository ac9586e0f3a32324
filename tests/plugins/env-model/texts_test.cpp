// env-model on tokenizer, template, generation settings, configuration and .env.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "plugins/env-model/staged_model.hpp"

using namespace afs;
using afs::test::complaints;
using afs::test::find;
using afs::test::StagedModel;
using Catch::Contains;
using Json = nlohmann::json;

TEST_CASE("a tokenizer of another model is told by its size and its special tokens") {
    const StagedModel model;
    auto tokenizer = model.read("tokenizer.json");
    tokenizer["model"]["vocab"]["a-token-beyond"] = 5000;
    model.write("tokenizer.json", tokenizer);
    CHECK_THAT(complaints(model.run("tokenizer")), Contains("5001 ids, the model has 3072 rows"));
    model.write("tokenizer_config.json", {{"eos_token", {{"content", "<|nowhere|>"}}}});
    CHECK_THAT(complaints(model.run("tokenizer")), Contains("'<|nowhere|>' is no token"));
    auto config = model.read("config.json");
    config["eos_token_id"] = {3, 99999};
    model.write("config.json", config);
    CHECK_THAT(complaints(model.run("tokenizer")), Contains("99999 in config.json"));
    model.folder.write("tokenizer.json", "{\"model\":");
    CHECK_THAT(complaints(model.run("tokenizer")), Contains("tokenizer.json: parse error"));
    std::filesystem::remove(model.path("tokenizer.json"));
    CHECK_THAT(complaints(model.run("tokenizer")), Contains("tokenizer.files: none"));
}

TEST_CASE("a template is whole and writes tokens that are there") {
    const StagedModel model;
    CHECK_THAT(find(model.run("template"), "template")->found, Contains("base model"));
    const Json good = {
        {"chat_template", "{% for m in messages %}<|endoftext|>{{ m }}{% endfor %}"}};
    model.write("tokenizer_config.json", good);
    CHECK(complaints(model.run("template")).empty());
    CHECK_THAT(find(model.run("template"), "template")->found, Contains("tokenizer_config.json"));
    model.write("tokenizer_config.json",
                {{"chat_template", {{{"name", "default"}, {"template", "{% if x %"}}}}});
    CHECK_THAT(complaints(model.run("template")), Contains("1 {%, 0 %}"));
    model.folder.write("chat_template.jinja", "{{ '<|im_start|>' + '<|' + role + '|>' }}");
    CHECK_THAT(complaints(model.run("template")), Contains("'<|im_start|>' is no token"));
    CHECK_THAT(complaints(model.run("template")), !Contains("role"));
}

TEST_CASE("generation settings out of range") {
    const StagedModel model;
    for (const auto& [key, value] : {std::pair<const char*, double>{"temperature", -1},
                                     {"top_p", 1.5},
                                     {"min_p", -0.1},
                                     {"top_k", -3},
                                     {"repetition_penalty", 0}}) {
        INFO(key);
        model.write("generation_config.json", {{key, value}, {"eos_token_id", 3046}});
        CHECK_THAT(complaints(model.run("generation")), Contains(key));
    }
    model.write("generation_config.json", {{"temperature", 0.6}, {"eos_token_id", {1, 3046}}});
    CHECK(complaints(model.run("generation")).empty());
    CHECK_THAT(find(model.run("generation"), "generation.temperature")->found, Contains("greedy"));
    auto config = model.read("config.json");
    config.erase("eos_token_id");
    model.write("config.json", config);
    model.write("generation_config.json", Json::object());
    CHECK_THAT(complaints(model.run("generation")), Contains("no eos_token_id"));
}

TEST_CASE("the configuration's paths and wishes") {
    const StagedModel model;
    CHECK_THAT(complaints(model.run("config", "", {{"engine", {{"max_context", 1 << 20}}}})),
               Contains("config.max_context"));
    CHECK(complaints(model.run("config", "", {{"engine", {{"max_context", 16}}}})).empty());
    CHECK_THAT(complaints(model.run("config", "", {{"plugins", {{"x", {{"path", "/no/x.so"}}}}}})),
               Contains("config.plugins.x: /no/x.so: no such file"));
    CHECK_THAT(complaints(model.run("config", "", {{"plugin_path", {"/no/folder", 3}}})),
               Contains("/no/folder: no such folder"));
    CHECK_THAT(complaints(model.run("config", "", {{"models", {{"x", {{"path", "/no/model"}}}}}})),
               Contains("config.models.x: /no/model: not there"));
    auto facts = model.read("config.json");
    facts["torch_dtype"] = "bfloat16";
    model.write("config.json", facts);
    CHECK_THAT(complaints(model.run("config", "", {{"model", {{"dtype", "fp16"}}}})),
               Contains("config.dtype"));
}

TEST_CASE("a .env that others may read, with a token in it") {
    const StagedModel model;
    const auto file =
        model.folder.write("configs/.env", "# x\nexport AFS_KERNELS=a\nHF_TOKEN=hf_secret\n");
    EnvironmentView view;
    view.config_file = (model.folder.path() / "configs/default.json").string();
    chmod(file.c_str(), 0644);
    const auto found = test::EnvPlugin("model").run("dotenv", view);
    CHECK_THAT(complaints(found), Contains("AFS_KERNELS") && Contains("chmod 600"));
    CHECK_THAT(complaints(found), !Contains("hf_secret"));
    chmod(file.c_str(), 0600);
    CHECK(complaints(test::EnvPlugin("model").run("dotenv", view)).empty());
}
