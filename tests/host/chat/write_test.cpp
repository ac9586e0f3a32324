// Every template writes byte for byte what transformers renders from the real checkpoint's text
// (tools/goldens/chat.py), through the plugin as the host loads it.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "family.hpp"

using Catch::Matchers::Contains;

namespace {

struct Conversation {
    std::vector<std::pair<std::string, std::string>> messages;
};

afs::ChatInput input_of(const Conversation& conversation, const nlohmann::json& setting) {
    const auto text = [&setting](const char* key) {
        return setting[key].is_null() ? std::string() : setting[key].get<std::string>();
    };
    afs::ChatInput input;
    for (const auto& [role, content] : conversation.messages)
        input.messages.push_back({role, content});
    input.bos = text("template") == "chatml" ? "" : text("bos");
    input.eos = text("eos");
    input.date = text("date");
    input.add_generation_prompt = setting["prompt"];
    return input;
}

Conversation conversation_of(const nlohmann::json& messages, const nlohmann::json& setting) {
    Conversation out;
    if (!setting["default_system"].is_null() && messages[0]["role"] != "system")
        out.messages.emplace_back("system", setting["default_system"]);
    for (const auto& message : messages)
        out.messages.emplace_back(message["role"], message["content"]);
    return out;
}

std::string join(const std::vector<afs::ChatPart>& parts) {
    std::string text;
    for (const afs::ChatPart& part : parts) text += part.text;
    return text;
}

}  // namespace

TEST_CASE("each template writes what its Jinja text renders") {
    std::ifstream file(AFS_SOURCE_DIR "/tests/golden/chat/renders.json");
    const auto golden = nlohmann::json::parse(file);
    const auto olmo2 = afs::test::open_family("olmo2"), llama3 = afs::test::open_family("llama3");
    std::set<std::string> seen;
    for (const auto& setting : golden["renders"]) {
        const std::string name = setting["template"];
        seen.insert(name);
        for (const auto& family : {olmo2, llama3}) {
            if (name != "chatml" && family != (name == "olmo2" ? olmo2 : llama3)) continue;
            for (size_t i = 0; i < golden["conversations"].size(); ++i) {
                CAPTURE(name, i, setting["source"].get<std::string>(),
                        setting["prompt"].get<bool>());
                const auto conversation = conversation_of(golden["conversations"][i], setting);
                std::vector<afs::ChatPart> parts;
                const afs::Status status =
                    family->chat()->write(name, input_of(conversation, setting), parts);
                INFO(status.message());
                REQUIRE(status.ok());
                CHECK(join(parts) == setting["texts"][i].get<std::string>());
            }
        }
    }
    CHECK(seen == std::set<std::string>{"chatml", "llama3", "llama3.1", "llama3.2", "olmo2"});
}

TEST_CASE("each message is one part of its own, or trimmed away") {
    const auto llama3 = afs::test::open_family("llama3");
    afs::ChatInput input;
    input.messages = {{"user", " <|eot_id|> "}, {"assistant", "yes"}, {"user", "  "}};
    input.bos = "<|begin_of_text|>";
    std::vector<afs::ChatPart> parts;
    REQUIRE(llama3->chat()->write("llama3", input, parts).ok());
    std::vector<std::string> contents, markers;
    for (const afs::ChatPart& part : parts) {
        if (part.kind == AFS_CHAT_CONTENT) contents.push_back(part.text);
        if (part.kind == AFS_CHAT_MARKER) markers.push_back(part.text);
    }
    CHECK(contents == std::vector<std::string>{"<|eot_id|>", "yes"});
    CHECK(markers.size() == 1 + 3 * 3 + 2);
    CHECK(markers.front() == "<|begin_of_text|>");
}

TEST_CASE("what cannot be written is said") {
    const auto llama3 = afs::test::open_family("llama3");
    struct Case {
        std::string name;
        std::vector<afs::ChatMessage> messages;
        std::string says;
    };
    const std::vector<Case> cases = {
        {"llama4", {{"user", "x"}}, "no chat template is called 'llama4'; there are: llama3"},
        {"llama3", {}, "without messages"},
        {"llama3", {{"tool", "x"}}, "role 'tool': expected system, user or assistant"},
        {"llama3", {{"", "x"}}, "role ''"},
        {"llama3.2", {{"user", "x"}}, "writes a date"},
    };
    for (const Case& c : cases) {
        afs::ChatInput input;
        input.messages = c.messages;
        std::vector<afs::ChatPart> parts = {{AFS_CHAT_TEXT, "kept"}};
        const afs::Status status = llama3->chat()->write(c.name, input, parts);
        CAPTURE(c.says);
        CHECK_FALSE(status.ok());
        CHECK_THAT(status.message(), Contains(c.says));
        CHECK(join(parts) == "kept");
    }
}

TEST_CASE("a family lists its templates with their marks") {
    const auto infos = afs::test::open_family("llama3")->chat()->list();
    REQUIRE(infos.size() == 4);
    CHECK(infos[2].name == "llama3.2");
    CHECK((infos[2].flags & AFS_CHAT_NEEDS_DATE) != 0);
    CHECK(infos[2].stops == std::vector<std::string>{"<|eot_id|>", "<|eom_id|>"});
    CHECK(infos[3].name == "chatml");
    CHECK(infos[3].stops == std::vector<std::string>{"<|im_end|>"});
    const auto olmo2 = afs::test::open_family("olmo2")->chat()->list();
    REQUIRE(olmo2.size() == 2);
    CHECK(olmo2[0].name == "olmo2");
    CHECK(olmo2[0].flags == AFS_CHAT_OPENS_WITH_BOS);
}
