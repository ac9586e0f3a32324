#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "afs/json.hpp"

namespace afs::json {

const char* kind_name(Kind kind) {
    switch (kind) {
        case Kind::null: return "null";
        case Kind::boolean: return "true or false";
        case Kind::integer: return "a whole number";
        case Kind::number: return "a number";
        case Kind::string: return "text";
        case Kind::array: return "a list";
        case Kind::object: return "an object";
    }
    return "unknown";
}

const Value* Value::find(std::string_view key) const {
    for (const Member& member : members)
        if (member.key == key) return &member.value;
    return nullptr;
}

std::optional<int64_t> Value::as_int64() const {
    constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
    if (!is(Kind::integer) || magnitude > kMax + (negative ? 1 : 0)) return std::nullopt;
    return static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
}

std::optional<uint64_t> Value::as_uint64() const {
    if (!is(Kind::integer) || negative) return std::nullopt;
    return magnitude;
}

std::optional<double> Value::as_number() const {
    if (!is(Kind::integer) && !is(Kind::number)) return std::nullopt;
    return number;
}

Value Value::of(std::string text) {
    Value value;
    value.kind = Kind::string;
    value.string = std::move(text);
    return value;
}

Value Value::of(const char* text) {
    return of(std::string(text));
}

Value Value::of(bool flag) {
    Value value;
    value.kind = Kind::boolean;
    value.boolean = flag;
    return value;
}

Value Value::of(int64_t integer) {
    Value value;
    value.kind = Kind::integer;
    value.negative = integer < 0;
    value.magnitude = static_cast<uint64_t>(integer);
    if (value.negative) value.magnitude = ~value.magnitude + 1;
    value.number = static_cast<double>(integer);
    return value;
}

Value Value::of(uint64_t integer) {
    Value value;
    value.kind = Kind::integer;
    value.magnitude = integer;
    value.number = static_cast<double>(integer);
    return value;
}

Value Value::of(double number) {
    Value value;
    value.kind = Kind::number;
    value.number = number;
    return value;
}

Value Value::array() {
    Value value;
    value.kind = Kind::array;
    return value;
}

Value Value::object() {
    Value value;
    value.kind = Kind::object;
    return value;
}

Value& Value::add(std::string key, Value value) {
    members.push_back({std::move(key), std::move(value), 0});
    return *this;
}

Value& Value::add(Value value) {
    items.push_back(std::move(value));
    return *this;
}

std::string quote(std::string_view text) {
    return nlohmann::json(std::string(text))
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {

std::string scalar(const Value& value) {
    switch (value.kind) {
        case Kind::boolean: return value.boolean ? "true" : "false";
        case Kind::integer:
            return std::string(value.negative ? "-" : "").append(std::to_string(value.magnitude));
        case Kind::number: return nlohmann::json(value.number).dump();
        case Kind::string: return quote(value.string);
        default: return "null";
    }
}

void write(const Value& value, int indent, size_t level, std::string& out) {
    const bool object = value.is(Kind::object);
    if (!object && !value.is(Kind::array)) {
        out += scalar(value);
        return;
    }
    const size_t n = object ? value.members.size() : value.items.size();
    const auto line_break = [&](size_t to) {
        if (indent >= 0) out.append("\n").append(static_cast<size_t>(indent) * to, ' ');
    };
    out += object ? '{' : '[';
    for (size_t i = 0; i < n; ++i) {
        if (i) out += indent >= 0 ? "," : ", ";
        line_break(level + 1);
        if (object) out += quote(value.members[i].key) + ": ";
        write(object ? value.members[i].value : value.items[i], indent, level + 1, out);
    }
    if (n) line_break(level);
    out += object ? '}' : ']';
}

}  // namespace

std::string dump(const Value& value, int indent) {
    std::string out;
    write(value, indent, 0, out);
    return out;
}

}  // namespace afs::json
