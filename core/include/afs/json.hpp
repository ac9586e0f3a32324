// Strict JSON text to a tree whose values know their line, and back. Duplicate keys, bad UTF-8,
// trailing text and nesting deeper than the limit are errors; member order is the text's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "afs/status.hpp"

namespace afs::json {

enum class Kind { null, boolean, integer, number, string, array, object };
const char* kind_name(Kind kind);

struct Member;

struct Value {
    Kind kind = Kind::null;
    uint32_t line = 0;  // where the value starts (its opening bracket), from 1; 0: not from a text
    bool negative = false;  // integer: sign of magnitude
    bool boolean = false;
    uint64_t magnitude = 0;  // integer
    double number = 0.0;     // number, and the nearest double of an integer
    std::string string;
    std::vector<Value> items;     // array
    std::vector<Member> members;  // object

    bool is(Kind k) const { return kind == k; }
    const Value* find(std::string_view key) const;  // object member; nullptr: none
    std::optional<int64_t> as_int64() const;        // integers inside the range only
    std::optional<uint64_t> as_uint64() const;
    std::optional<double> as_number() const;  // integer or number

    static Value of(std::string text);
    static Value of(const char* text);
    static Value of(bool flag);
    static Value of(int64_t integer);
    static Value of(uint64_t integer);
    static Value of(double number);
    static Value array();
    static Value object();
    Value& add(std::string key, Value value);  // appends a member, returns *this
    Value& add(Value value);                   // appends an item
};

struct Member {
    std::string key;
    Value value;
    uint32_t line = 0;  // of the key
};

struct ParseOptions {
    std::string name = "text";  // what messages call the text, usually the file
    bool comments = false;      // // and /* */
    uint32_t max_depth = 64;
    size_t max_values = 4'000'000;  // a tree of more values is refused: bounds the memory taken
};

// Messages read "<name>:<line>: <what is wrong>".
Result<Value> parse(std::string_view text, const ParseOptions& options = {});

// indent < 0: one line; else each member on a line of its own. Non-finite numbers become null.
std::string dump(const Value& value, int indent = -1);

// The text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD.
std::string quote(std::string_view text);

}  // namespace afs::json
