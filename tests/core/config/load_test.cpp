// Where values come from: files and includes, .env, environment, command line, and who wins.
#include <catch2/catch.hpp>

#include "afs/config/config.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using test::TempFolder;

namespace {

struct Place {
    TempFolder folder;
    ConfigRequest request;

    Place() {
        request.working_folder = folder.path();
        request.executable = folder.path() / "nowhere/bin/afs-host";
        request.environment.emplace();
    }
    Config load() const {
        auto config = Config::load(request);
        INFO(config.status().message());
        REQUIRE(config.ok());
        return *std::move(config);
    }
};

Override set(const std::string& argument) {
    return *parse_set(argument);
}

}  // namespace

TEST_CASE("without any file the defaults stand") {
    const Config config = Place().load();
    CHECK(config.file().empty());
    CHECK(config.integer("engine.block_size") == 16);
    CHECK(config.flag("engine.run_ahead"));
    CHECK(config.origin("engine.block_size") == "default");
    CHECK_FALSE(config.has("model.path"));
    CHECK(config.origin("model.path") == "unset");
    CHECK(config.text("model.plugin").empty());
    CHECK(config.list("kernels").empty());
    CHECK(config.text("tokenizer.plugin") == "auto");
    CHECK(config.raw("compare") == nullptr);
    CHECK(config.model_path().status().code() == Code::not_found);
}

TEST_CASE("each source wins over the next, and is named as the origin") {
    Place place;
    place.folder.write("configs/default.json",
                       "{\n \"model\": {\"plugin\": \"a\",\n  \"path\": \"m\"},\n"
                       " \"kernels\": [\"x\"], \"checks\": [\"y\"], \"fallback\": [\"z\"]\n}");
    const auto value = [&](const char* key) {
        const Config config = place.load();
        return config.text(key) + " @ " + config.origin(key);
    };
    CHECK(value("model.plugin") == "a @ configs/default.json:2");
    CHECK(place.load().path("model.path") == place.folder.path() / "configs/m");
    place.folder.write("configs/.env", "# c\nAFS_MODEL_PLUGIN=b\nAFS_MODEL=near\nOTHER = x y\n");
    CHECK(value("model.plugin") == "b @ configs/.env:2 AFS_MODEL_PLUGIN");
    CHECK(place.load().path("model.path") == place.folder.path() / "configs/near");
    place.folder.write(".env", "export AFS_MODEL_PLUGIN='c'\nAFS_MODEL=\"far # off\"  # why\n");
    CHECK(value("model.plugin") == "c @ .env:1 AFS_MODEL_PLUGIN");
    CHECK(place.load().path("model.path") == place.folder.path() / "far # off");
    (*place.request.environment)["AFS_MODEL_PLUGIN"] = "d";
    (*place.request.environment)["AFS_MODEL"] = "";  // empty counts as absent
    (*place.request.environment)["AFS_KERNELS"] = " cuda, reference ";
    CHECK(value("model.plugin") == "d @ environment AFS_MODEL_PLUGIN");
    CHECK(place.load().list("kernels") == std::vector<std::string>{"cuda", "reference"});
    place.request.overrides = {{"model.plugin", "e", "command line --model-plugin"}};
    CHECK(value("model.plugin") == "e @ command line --model-plugin");
    place.request.overrides.push_back(set("model.plugin=f"));
    CHECK(value("model.plugin") == "f @ command line --set");
    CHECK(place.load().path("model.path") == place.folder.path() / "far # off");
}

TEST_CASE("includes: relative to their file, later over earlier, the own file over all") {
    Place place;
    place.folder.write("base/one.json",
                       "{\"models\": {\"olmo2\": {\"path\": \"w\"}}, \"kernels\": [\"one\"],"
                       " \"engine\": {\"block_size\": 1}, \"checks\": [\"one\"]}");
    place.folder.write("base/two.json",
                       "{\"include\": \"deep/three.json\", \"checks\": [\"two\"],"
                       " \"engine\": {\"max_sequences\": 2}}");
    place.folder.write("base/deep/three.json", "{\"engine\": {\"block_size\": 3}}");
    place.request.file = "main.json";
    place.folder.write("main.json",
                       "{\"kernels\": [\"main\"],\n"
                       " \"include\": [\"base/one.json\", \"base/two.json\"]}");
    const Config config = place.load();
    CHECK(config.list("kernels") == std::vector<std::string>{"main"});
    CHECK(config.list("checks") == std::vector<std::string>{"two"});
    CHECK(config.integer("engine.block_size") == 3);
    CHECK(config.origin("engine.block_size") == "base/deep/three.json:1");
    CHECK(config.integer("engine.max_sequences") == 2);
    CHECK(config.path("models.olmo2.path") == place.folder.path() / "base/w");
    CHECK(config.file() == place.folder.path() / "main.json");
}

TEST_CASE("the file is searched in the documented order") {
    Place place;
    const auto program = place.folder.path() / "src/build/release/bin/afs-host";
    place.request.executable = program;
    const auto plugin = [&] { return place.load().text("model.plugin"); };
    CHECK(plugin().empty());
    place.folder.write("src/build/release/share/afs/configs/default.json",
                       "{\"model\": {\"plugin\": \"prefix\"}}");
    CHECK(plugin() == "prefix");
    place.folder.write("src/configs/default.json", "{\"model\": {\"plugin\": \"build\"}}");
    CHECK(plugin() == "build");
    place.folder.write("configs/default.json", "{\"model\": {\"plugin\": \"here\"}}");
    CHECK(plugin() == "here");
    place.folder.write("env.json", "{\"model\": {\"plugin\": \"dotenv\"}}");
    place.folder.write(".env", "AFS_CONFIG=env.json\n");
    CHECK(plugin() == "dotenv");
    place.folder.write("var.json", "{\"model\": {\"plugin\": \"variable\"}}");
    (*place.request.environment)["AFS_CONFIG"] = "var.json";
    CHECK(plugin() == "variable");
    place.folder.write("flag.json", "{\"model\": {\"plugin\": \"flag\"}}");
    place.request.file = "flag.json";
    CHECK(plugin() == "flag");
}

TEST_CASE("pins, plugins and model paths") {
    Place place;
    place.folder.write("configs/default.json", R"({
      "model": {"plugin": "olmo2"},
      "models": {"olmo2": {"path": "../w/o"}, "llama3": {"path": "/abs/l/"}},
      "pin": {"L*.attn.ctx": "mine", "rms_norm/1": "other"},
      "plugins": {"mine": {"path": "../mine.so", "tile": 128, "name": "x", "deep": {"b": true, "a": 0.5},
                           "list": [1, "2"]},
                  "other": {"z": -1}}})");
    Config config = place.load();
    CHECK(*config.model_path() == place.folder.path() / "w/o");
    CHECK(config.model_path_key() == "models.olmo2.path");
    CHECK(config.pins() ==
          std::map<std::string, std::string>{{"L*.attn.ctx", "mine"}, {"rms_norm/1", "other"}});
    const PluginOptions mine = config.plugin("mine");
    CHECK(mine.path == place.folder.path() / "mine.so");
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    CHECK(mine.options == Pairs{{"deep.a", "0.5"},
                                {"deep.b", "true"},
                                {"list", "[1, \"2\"]"},
                                {"name", "x"},
                                {"tile", "128"}});
    CHECK(config.plugin("other").options == Pairs{{"z", "-1"}});
    CHECK(config.plugin("absent").options.empty());
    CHECK(config.named_plugins() == std::vector<std::string>{"mine", "other"});

    const auto with = config.with({set("model.plugin=llama3"), set("pin.L*.attn.ctx="),
                                   set("plugins.mine.deep=7"), set("plugins.other.z=b c")});
    REQUIRE(with.ok());
    CHECK(*with->model_path() == "/abs/l");
    CHECK(with->pins().size() == 1);
    CHECK(with->plugin("mine").options.front() == std::pair<std::string, std::string>{"deep", "7"});
    CHECK(with->plugin("mine").options.size() == 4);
    CHECK(with->plugin("other").options == Pairs{{"z", "b c"}});
    CHECK(*config.with({set("model.path=here")})->model_path() == place.folder.path() / "here");
    const auto missing = config.with({set("model.plugin=none")});
    CHECK(missing->model_path().status().message().find("models.none.path") != std::string::npos);
    // A name that is no key must be a message, not a failed check.
    for (const char* odd : {"model.plugin=a.b", "model.plugin=.", "model.plugin=a/b"})
        CHECK_FALSE(config.with({set(odd)})->model_path().ok());
}

TEST_CASE("values of every type from text") {
    Place place;
    (*place.request.environment)["HOME"] = "/home/me";
    place.request.overrides = {set("sampling.temperature=0.7"),
                               set("sampling.seed=18446744073709551615"),
                               set("deterministic=yes"),
                               set("engine.run_ahead=off"),
                               set("sampling.top_k=40"),
                               set("model.dtype=bf16"),
                               set("model.path=~/m"),
                               set("plugin_path=a:/b/:../c"),
                               set("kernels=[\"a,b\", \"c\"]"),
                               set("fallback=reference"),
                               set("compare={\"base\": {\"kernels\": [\"q\"]}}"),
                               set("checks=")};
    const Config config = place.load();
    CHECK(config.number("sampling.temperature") == 0.7);
    CHECK(config.natural("sampling.seed") == UINT64_MAX);
    CHECK(config.flag("deterministic"));
    CHECK_FALSE(config.flag("engine.run_ahead"));
    CHECK(config.integer("sampling.top_k") == 40);
    CHECK(config.text("model.dtype") == "bf16");
    CHECK(config.path("model.path") == "/home/me/m");
    const auto here = place.folder.path();
    CHECK(config.paths("plugin_path") ==
          std::vector<std::filesystem::path>{here / "a", "/b", here.parent_path() / "c"});
    CHECK(config.list("kernels") == std::vector<std::string>{"a,b", "c"});
    CHECK(config.list("fallback") == std::vector<std::string>{"reference"});
    CHECK(config.has("checks"));
    CHECK(config.list("checks").empty());
    CHECK(config.variant("base")->list("kernels") == std::vector<std::string>{"q"});
}

TEST_CASE("variants lie over the configuration, their paths are their own file's") {
    Place place;
    place.folder.write("c/sub.json",
                       "{\n \"compare\": {\"base\": {\"model\": {\"path\": \"x\"}},\n"
                       "  \"test\": {\"kernels\": [\"t\"]}}}");
    place.folder.write("c.json", "{\"include\": \"c/sub.json\", \"kernels\": [\"k\"]}");
    place.request.file = "c.json";
    const Config config = place.load();
    const auto base = config.variant("base"), test = config.variant("test");
    REQUIRE(base.ok());
    REQUIRE(test.ok());
    CHECK(base->path("model.path") == place.folder.path() / "c/x");
    CHECK(base->origin("model.path") == "c/sub.json:2");
    CHECK(base->list("kernels") == std::vector<std::string>{"k"});
    CHECK(test->list("kernels") == std::vector<std::string>{"t"});
    CHECK(test->origin("kernels") == "c/sub.json:3");
    CHECK(config.variant("other").status().code() == Code::not_found);
}

TEST_CASE("null resets a key to its default") {
    Place place;
    place.folder.write("base.json",
                       "{\"model\": {\"dtype\": \"fp32\"}, \"engine\": {\"block_size\": 4}}");
    place.folder.write("c.json",
                       "{\"include\": \"base.json\", \"model\": {\"dtype\": null},"
                       " \"engine\": {\"block_size\": null}}");
    place.request.file = "c.json";
    const Config config = place.load();
    CHECK_FALSE(config.has("model.dtype"));
    CHECK(config.integer("engine.block_size") == 16);
    CHECK(config.origin("engine.block_size") == "default");
}

TEST_CASE("the rendered configuration loads to the same values") {
    Place place;
    place.folder.write("configs/default.json", R"({
      "model": {"plugin": "olmo2", "path": "m"}, "kernels": ["a", "b"],
      "pin": {"L*.attn.ctx": "mine", "L*": "b"}, "plugins": {"p": {"path": "p.so", "t": "x \" y"}},
      "sampling": {"seed": 18446744073709551615, "temperature": 0.1},
      "compare": {"base": {"kernels": ["a"]}}})");
    const Config config = place.load();
    for (const bool origins : {false, true}) {
        Place other;
        other.folder.write("configs/default.json", config.render(origins));
        const Config again = other.load();
        CHECK(again.render() == config.render());
    }
    CHECK(config.render(true).find("// configs/default.json:2") != std::string::npos);
}

TEST_CASE("the bundled configuration is right and names both models") {
    ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.working_folder = "/";
    request.environment.emplace();
    const auto config = Config::load(request);
    INFO(config.status().message());
    REQUIRE(config.ok());
    CHECK(config->text("model.plugin") == "olmo2");
    CHECK(config->list("kernels") == std::vector<std::string>{"auto"});
    CHECK(*config->model_path() == AFS_SOURCE_DIR "/weights/olmo2-tiny");
    CHECK(config->path("models.llama3.path") == AFS_SOURCE_DIR "/weights/llama3-tiny");
}
