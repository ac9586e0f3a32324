// The strict JSON reader: what it takes, what it refuses and on which line.
#include "afs/json.hpp"

#include <catch2/catch.hpp>

using namespace afs;
using json::Kind;

namespace {

std::string refusal(std::string_view text, json::ParseOptions options = {}) {
    options.name = std::string("t");
    const auto value = json::parse(text, options);
    return value ? "accepted" : value.status().message();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("values of every kind, with their lines") {
    json::ParseOptions options;
    options.comments = true;
    const auto root = json::parse(
        "{ // first\n"
        "  \"a\": 12\n"
        "  , \"b\": [true,\n"
        "null, -3, 2.5e1],\n"
        "/* long\n comment */ \"c\": { \"d\": \"x\\u00e9\\n\" },\n"
        "  \"e\": 18446744073709551615, \"f\": -9223372036854775808 }\n",
        options);
    REQUIRE(root.ok());
    CHECK(root->line == 1);
    REQUIRE(root->members.size() == 5);
    CHECK(root->members[0].key == "a");
    CHECK(root->members[0].line == 2);
    CHECK(root->find("a")->line == 2);
    CHECK(root->find("a")->as_int64() == 12);
    const json::Value* list = root->find("b");
    REQUIRE(list->items.size() == 4);
    CHECK(list->line == 3);
    CHECK(list->items[0].boolean);
    CHECK(list->items[1].is(Kind::null));
    CHECK(list->items[2].line == 4);
    CHECK(list->items[2].as_int64() == -3);
    CHECK_FALSE(list->items[2].as_uint64());
    CHECK(list->items[3].is(Kind::number));
    CHECK(list->items[3].as_number() == 25.0);
    CHECK_FALSE(list->items[3].as_int64());
    CHECK(root->find("c")->find("d")->string == "x\xc3\xa9\n");
    CHECK(root->find("c")->line == 6);
    CHECK(root->find("e")->as_uint64() == UINT64_MAX);
    CHECK_FALSE(root->find("e")->as_int64());
    CHECK(root->find("f")->as_int64() == INT64_MIN);
    CHECK(root->find("nothing") == nullptr);
}

TEST_CASE("texts that are refused") {
    struct Row {
        std::string text, reason;
    };
    const Row rows[] = {
        {"", "t:1:"},
        {"{", "t:1:"},
        {"{}\n\n]", "t:3:"},
        {"{\"a\": 1,\n \"a\": 2}", "t:2: key 'a' appears twice"},
        {"{\"a\": 1, \"\\u0061\": 2}", "appears twice"},
        {"[1,]", "t:1:"},
        {"{\"a\" 1}", "t:1:"},
        {"\n\n[01]", "t:3:"},
        {"[NaN]", "t:1:"},
        {"[1e999]", "t:1:"},
        {"'a'", "t:1:"},
        {"[1] // comment", "t:1:"},
        {"\"\xff\"", "t:1:"},
        {"\"\xed\xa0\x80\"", "t:1:"},
        {"\"\\ud800\"", "t:1:"},
        {std::string("{}\0{}", 5), "NUL"},
        {"\"a\nb\"", "t:"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const std::string message = refusal(row.text);
        CAPTURE(message);
        CHECK(message != "accepted");
        CHECK(contains(message, row.reason));
    }
}

TEST_CASE("depth and size are bounded") {
    const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    CHECK(refusal(nested(64)) == "accepted");
    CHECK(contains(refusal(nested(65)), "nested deeper than 64 levels"));
    CHECK(contains(refusal(std::string(1'000'000, '[')), "nested deeper than 64 levels"));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    CHECK(contains(refusal(objects), "nested deeper than 64 levels"));
    json::ParseOptions few;
    few.max_values = 10;
    CHECK(refusal("[1,2,3,4,5,6,7,8,9]", few) == "accepted");
    CHECK(contains(refusal("[1,2,3,4,5,6,7,8,9,10]", few), "more than 10 values"));
}

TEST_CASE("what is printed reads back as the same") {
    json::Value value = json::Value::object();
    value.add("text", json::Value::of("a\"\\\n\x01\xc3\xa9"));
    value.add("big", json::Value::of(UINT64_MAX)).add("low", json::Value::of(INT64_MIN));
    value.add("third", json::Value::of(1.0 / 3.0)).add("none", json::Value());
    value.add("list", json::Value::array().add(json::Value::of(true)).add(json::Value::array()));
    for (const int indent : {-1, 0, 2}) {
        const auto again = json::parse(json::dump(value, indent));
        REQUIRE(again.ok());
        CHECK(json::dump(*again) == json::dump(value));
    }
    CHECK(json::dump(*json::parse("{\"a\":[1,2],\"b\":{}}")) == "{\"a\": [1, 2], \"b\": {}}");
    CHECK(json::dump(*json::parse("[1,[]]"), 2) == "[\n  1,\n  []\n]");
    CHECK(json::dump(json::Value::of(std::nan(""))) == "null");
    CHECK(json::quote("bad \xff") == "\"bad \xef\xbf\xbd\"");
}

TEST_CASE("any cut of a text is refused") {
    const std::string text = "{\"a\": [1, -2.5e3, \"x\\n\"], \"b\": {\"c\": null, \"d\": false}}";
    REQUIRE(json::parse(text).ok());
    for (size_t n = 0; n < text.size(); ++n) {
        INFO("first " << n << " bytes");
        CHECK_FALSE(json::parse(text.substr(0, n)).ok());
    }
}
