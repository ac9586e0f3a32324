// Lists and tables of JSON reports: there from the start, in order.
#include "report/json_list.hpp"

#include <catch2/catch.hpp>
#include <map>

using afs::json_list;
using afs::json_object;

TEST_CASE("json_list: what is made of each value, in order, and of none an empty list") {
    const auto doubled = [](int value) { return nlohmann::ordered_json(2 * value); };
    CHECK(json_list(std::vector<int>{3, 1}, doubled).dump() == "[6,2]");
    CHECK(json_list(std::vector<int>{}, doubled).dump() == "[]");
}

TEST_CASE("json_object: what is made of each second, by the first, and of none an empty table") {
    const auto doubled = [](int value) { return nlohmann::ordered_json(2 * value); };
    CHECK(json_object(std::map<std::string, int>{{"a", 4}}, doubled).dump() == R"({"a":8})");
    CHECK(json_object(std::map<std::string, int>{}, doubled).dump() == "{}");
}
