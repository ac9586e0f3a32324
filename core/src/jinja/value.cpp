#include "afs/jinja/value.hpp"

namespace afs::jinja {

Value Value::none() {
    Value value;
    value.kind = Kind::none;
    return value;
}

Value Value::of(bool flag) {
    Value value;
    value.kind = Kind::boolean;
    value.integer = flag ? 1 : 0;
    return value;
}

Value Value::of(int64_t integer) {
    Value value;
    value.kind = Kind::integer;
    value.integer = integer;
    return value;
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

Value Value::of(List items) {
    Value value;
    value.kind = Kind::list;
    value.list = std::make_shared<const List>(std::move(items));
    return value;
}

Value Value::of(Dict members) {
    Value value;
    value.kind = Kind::dict;
    value.dict = std::make_shared<const Dict>(std::move(members));
    return value;
}

bool Value::truthy() const {
    switch (kind) {
        case Kind::undefined:
        case Kind::none: return false;
        case Kind::boolean:
        case Kind::integer: return integer != 0;
        case Kind::string: return !string.empty();
        case Kind::list: return !list->empty();
        case Kind::dict: return !dict->empty();
    }
    return false;
}

const Value* Value::find(std::string_view key) const {
    if (kind != Kind::dict) return nullptr;
    for (const auto& [name, value] : *dict)
        if (name == key) return &value;
    return nullptr;
}

const char* Value::kind_name() const {
    switch (kind) {
        case Kind::undefined: return "undefined";
        case Kind::none: return "none";
        case Kind::boolean: return "boolean";
        case Kind::integer: return "integer";
        case Kind::string: return "string";
        case Kind::list: return "list";
        case Kind::dict: return "dict";
    }
    return "unknown";
}

bool operator==(const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) return a.integer == b.integer;
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case Value::Kind::string: return a.string == b.string;
        case Value::Kind::list: return *a.list == *b.list;
        case Value::Kind::dict: return *a.dict == *b.dict;
        default: return true;
    }
}

}  // namespace afs::jinja
