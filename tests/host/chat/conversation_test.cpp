// Conversations to JSON files and back; what is wrong in a file is named with its line.
#include "chat/conversation.hpp"

#include <catch2/catch.hpp>

#include "runtime/write_file.hpp"
#include "support/temp_folder.hpp"

using afs::Messages;
using Catch::Matchers::Contains;

namespace {

bool equal(const Messages& a, const Messages& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.role == y.role && x.content == y.content;
    });
}

}  // namespace

TEST_CASE("what is written is read again") {
    const afs::test::TempFolder folder;
    const Messages messages = {{"system", ""},
                               {"user", "a \"quoted\"\nline \\ \t\x01 \xf0\x9f\x8c\x8d"},
                               {"assistant", "  b  "}};
    const auto file = folder.path() / "chat.json";
    REQUIRE(afs::write_file(file, afs::json::dump(afs::to_json(messages), 2)).ok());
    const auto read = afs::read_messages(file);
    REQUIRE(read.ok());
    CHECK(equal(*read, messages));
}

TEST_CASE("a list, and an object with messages among other things, are read") {
    const afs::test::TempFolder folder;
    const std::string list = R"([{"role": "user", "content": "hi", "name": "x"}])";
    CHECK(equal(*afs::read_messages(folder.write("a.json", list)), {{"user", "hi"}}));
    CHECK(
        equal(*afs::read_messages(folder.write("b.json", R"({"n": 1, "messages": )" + list + "}")),
              {{"user", "hi"}}));
    CHECK(afs::read_messages(folder.write("c.json", "[]"))->empty());
}

TEST_CASE("mistakes in a file") {
    const afs::test::TempFolder folder;
    struct Case {
        std::string text, says;
    };
    const std::vector<Case> cases = {
        {"", "chat.json"},
        {"{\"role\": \"user\"}", "expected a list of messages"},
        {"[\n{\"role\": \"user\"}]", "chat.json:2: expected a message"},
        {"[\n\n{\"role\": \"tool\", \"content\": \"x\"}]",
         "chat.json:3: role is 'tool', expected system, user or assistant"},
        {"[{\"role\": \"user\", \"content\": 3}]", "expected a message"},
        {"[3]", "expected a message"},
        {"[{\"role\": \"user\", \"content\": \"\xff\"}]", "chat.json"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const auto read = afs::read_messages(folder.write("chat.json", c.text));
        CHECK_FALSE(read.ok());
        CHECK_THAT(read.status().message(), Contains(c.says));
    }
    CHECK_FALSE(afs::read_messages(folder.path() / "nothing.json").ok());
}
