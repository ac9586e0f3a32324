// What a Jinja expression is worth: Python's values as far as chat templates handle them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace afs::jinja {

struct Value;
using List = std::vector<Value>;
using Dict = std::vector<std::pair<std::string, Value>>;  // in the order of insertion

// Lists and dicts are shared and never changed once made.
struct Value {
    enum class Kind { undefined, none, boolean, integer, string, list, dict };
    Kind kind = Kind::undefined;
    int64_t integer = 0;  // boolean: 0 or 1
    std::string string;
    std::shared_ptr<const List> list;
    std::shared_ptr<const Dict> dict;

    static Value none();
    static Value of(bool flag);
    static Value of(int64_t integer);
    static Value of(std::string text);
    static Value of(const char* text);
    static Value of(List items);
    static Value of(Dict members);

    bool is(Kind k) const { return kind == k; }
    bool is_number() const { return kind == Kind::integer || kind == Kind::boolean; }
    bool truthy() const;
    // A dict's member; nullptr: none, or no dict.
    const Value* find(std::string_view key) const;
    const char* kind_name() const;
};

bool operator==(const Value& a, const Value& b);

}  // namespace afs::jinja
