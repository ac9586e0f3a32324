// The table of keys: consistent in itself, and the files made from it are up to date.
#include "afs/config/schema.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "afs/config/config.hpp"
#include "support/temp_folder.hpp"

using namespace afs;

TEST_CASE("keys, flags and variables are unique, defaults fit their types") {
    std::set<std::string> keys, flags;
    for (const KeySpec& spec : config_schema()) {
        INFO(spec.key);
        CHECK(keys.insert(spec.key).second);
        CHECK(std::string(spec.help).size() > 5);
        CHECK_FALSE(expectation(spec).empty());
        if (spec.flag) {
            CHECK(flags.insert(spec.flag).second);
            CHECK(find_environment_key(environment_name(spec)) == &spec);
        }
        if (!spec.fallback) continue;
        // The default, stated in a file, is accepted.
        const test::TempFolder folder;
        std::string text = json::dump(*json::parse(spec.fallback)), close;
        std::string rest = spec.key;
        for (size_t dot; (dot = rest.rfind('.')) != std::string::npos; rest.resize(dot))
            text = "{\"" + rest.substr(dot + 1) + "\": " + text + "}";
        ConfigRequest request;
        request.file = folder.write("c.json", "{\"" + rest + "\": " + text + "}").string();
        request.environment.emplace();
        const auto config = Config::load(request);
        CAPTURE(config.status().message());
        REQUIRE(config.ok());
        CHECK(config->origin(spec.key) != "default");
    }
}

TEST_CASE("keys are found by pattern") {
    struct Row {
        const char *key, *pattern;  // nullptr: unknown
    };
    const Row rows[] = {
        {"model.plugin", "model.plugin"},
        {"models.olmo2.path", "models.*.path"},
        {"models..path", nullptr},
        {"models.path", nullptr},
        {"models.olmo2.paths", nullptr},
        {"pin.L*.attn.ctx", "pin.**"},
        {"pin.rms_norm/1", "pin.**"},
        {"pin", nullptr},
        {"pin.", nullptr},
        {"plugins.mine.path", "plugins.*.path"},
        {"plugins.mine.tile", "plugins.*.**"},
        {"plugins.mine.a.b.c", "plugins.*.**"},
        {"plugins.mine", nullptr},
        {"", nullptr},
        {"engine", nullptr},
        {"model.plugin.x", nullptr},
    };
    for (const Row& row : rows) {
        INFO(row.key);
        const KeySpec* spec = find_key(row.key);
        CHECK((spec ? std::string(spec->key) : "unknown") ==
              (row.pattern ? row.pattern : "unknown"));
    }
}

TEST_CASE("variables are named after flags") {
    CHECK(environment_name(*find_key("model.path")) == "AFS_MODEL");
    CHECK(environment_name(*find_key("model.plugin")) == "AFS_MODEL_PLUGIN");
    CHECK(environment_name(*find_key("kernels")) == "AFS_KERNELS");
    CHECK(environment_name(*find_key("plugin_path")) == "AFS_PLUGIN_PATH");
    CHECK(environment_name(*find_key("pin.x")) == "");
    CHECK(find_environment_key("AFS_NOTHING") == nullptr);
}

TEST_CASE("the nearest name, or none") {
    CHECK(nearest("kernel", {"kernels", "model"}) == " (did you mean 'kernels'?)");
    CHECK(nearest("tempreature", {"temperature"}) == " (did you mean 'temperature'?)");
    CHECK(nearest("zzzzzz", {"kernels", "model"}) == "");
    CHECK(nearest("", {}) == "");
}

TEST_CASE(".env.example is what the table says") {
    std::ifstream in(AFS_SOURCE_DIR "/.env.example");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    CHECK(text == environment_example());
}
