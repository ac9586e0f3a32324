// Small templates against Jinja itself, as transformers sets it up (tools/goldens/chat.py).
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "afs/jinja/template.hpp"

using afs::jinja::Dict;
using afs::jinja::List;
using afs::jinja::Template;
using afs::jinja::Value;

namespace {

Dict variables(const nlohmann::json& messages) {
    List list;
    for (const auto& message : messages)
        list.push_back(
            Value::of(Dict{{"role", Value::of(message["role"].get<std::string>())},
                           {"content", Value::of(message["content"].get<std::string>())}}));
    return {{"messages", Value::of(std::move(list))},
            {"tools", Value::none()},
            {"documents", Value::none()},
            {"add_generation_prompt", Value::of(true)},
            {"bos_token", Value::of("<s>")},
            {"eos_token", Value::of("</s>")}};
}

}  // namespace

TEST_CASE("templates give the text that Jinja gives, and fail where it raises") {
    std::ifstream file(AFS_SOURCE_DIR "/tests/golden/chat/jinja.json");
    const auto golden = nlohmann::json::parse(file);
    REQUIRE(golden["cases"].size() > 50);
    for (const auto& expected : golden["cases"]) {
        const std::string source = expected["template"];
        CAPTURE(source);
        const auto parsed = Template::parse(source);
        if (expected["text"].is_null()) {
            const bool failed =
                !parsed || !parsed->render(variables(golden["messages"]), "03 Feb 2001");
            CHECK(failed);
            continue;
        }
        REQUIRE(parsed.ok());
        const auto text = parsed->render(variables(golden["messages"]), "03 Feb 2001");
        INFO(text.status().message());
        REQUIRE(text.ok());
        CHECK(*text == expected["text"].get<std::string>());
    }
}
