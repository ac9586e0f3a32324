#include "builtins.hpp"

#include <algorithm>

#include "afs/white_space.hpp"

namespace afs::jinja {
namespace {

Status unknown(const char* what, const std::string& name, const Value& operand) {
    return unsupported(std::string("the ") + what + " '" + name + "' of a value of kind " +
                       operand.kind_name() + " is not known here");
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
Result<Value> map_ascii(const std::string& text, char (*map)(char)) {
    std::string out = text;
    for (char& c : out) {
        if (static_cast<unsigned char>(c) >= 0x80)
            return unsupported("changing the case of text beyond ASCII is not known here");
        c = map(c);
    }
    return Value::of(std::move(out));
}

Result<Value> split(const std::string& text, const std::string& by) {
    if (by.empty()) return unsupported("splitting at white space is not known here");
    List parts;
    size_t at = 0;
    for (size_t found; (found = text.find(by, at)) != std::string::npos; at = found + by.size())
        parts.push_back(Value::of(text.substr(at, found - at)));
    parts.push_back(Value::of(text.substr(at)));
    return Value::of(std::move(parts));
}

size_t count_characters(const std::string& text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

Result<Value> length(const Value& value) {
    size_t n = 0;
    if (value.is(Value::Kind::string))
        n = count_characters(value.string);
    else if (value.is(Value::Kind::list))
        n = value.list->size();
    else if (value.is(Value::Kind::dict))
        n = value.dict->size();
    else if (!value.is(Value::Kind::undefined))
        return unknown("filter", "length", value);
    return Value::of(static_cast<int64_t>(n));
}

Value member_or_undefined(const Value& object, const std::string& name) {
    const Value* found = object.find(name);
    return found ? *found : Value();
}

// selectattr and rejectattr: the items whose member passes a test.
Result<Value> select_by_member(const Value& items, bool keep, const Arguments& with) {
    if (!items.is(Value::Kind::list) || with.values.empty() ||
        !with.values[0].is(Value::Kind::string))
        return unknown("filter", keep ? "selectattr" : "rejectattr", items);
    List out;
    Arguments rest;
    if (with.values.size() > 2) rest.values.assign(with.values.begin() + 2, with.values.end());
    for (const Value& item : *items.list) {
        const Value member = member_or_undefined(item, with.values[0].string);
        bool passes = member.truthy();
        if (with.values.size() > 1) {
            AFS_ASSIGN(passes, apply_test(with.values[1].string, member, rest));
        }
        if (passes == keep) out.push_back(item);
    }
    return Value::of(std::move(out));
}

// The first argument, which must be a string.
Result<std::string> text_argument(const std::string& name, const Arguments& with) {
    if (!with.values.empty() && with.values[0].is(Value::Kind::string))
        return with.values[0].string;
    return unsupported("'" + name + "' without a text as its argument is not known here");
}

Result<Value> string_method(const std::string& text, const std::string& name,
                            const Arguments& with) {
    const bool plain = with.values.empty() && with.named.empty();
    if (name == "strip" && plain) return Value::of(std::string(trimmed(text)));
    if (name == "lstrip" && plain) return Value::of(std::string(trimmed_left(text)));
    if (name == "rstrip" && plain) return Value::of(std::string(trimmed_right(text)));
    if (name == "lower") return map_ascii(text, lower);
    if (name == "upper") return map_ascii(text, upper);
    if (name == "startswith" || name == "endswith" || name == "split") {
        AFS_ASSIGN(const std::string first, text_argument(name, with));
        if (name == "startswith") return Value::of(text.starts_with(first));
        if (name == "endswith") return Value::of(text.ends_with(first));
        if (with.values.size() == 1) return split(text, first);
    }
    return unknown("method", name, Value::of(text));
}

}  // namespace

Result<std::string> to_text(const Value& value) {
    switch (value.kind) {
        case Value::Kind::undefined: return std::string();
        case Value::Kind::none: return std::string("None");
        case Value::Kind::boolean: return std::string(value.integer ? "True" : "False");
        case Value::Kind::integer: return std::to_string(value.integer);
        case Value::Kind::string: return value.string;
        default: break;
    }
    return unsupported(std::string("printing a ") + value.kind_name() + " is not known here");
}

Result<bool> contains(const Value& container, const Value& item) {
    switch (container.kind) {
        case Value::Kind::string:
            if (!item.is(Value::Kind::string)) break;
            return container.string.find(item.string) != std::string::npos;
        case Value::Kind::list:
            return std::find(container.list->begin(), container.list->end(), item) !=
                   container.list->end();
        case Value::Kind::dict:
            return item.is(Value::Kind::string) && container.find(item.string) != nullptr;
        default: break;
    }
    return unsupported(std::string("'in' a value of kind ") + container.kind_name() +
                       " is not known here");
}

Result<Value> apply_filter(const std::string& name, const Value& operand, const Arguments& with) {
    if (name == "trim" && with.values.empty() && with.named.empty()) {
        AFS_ASSIGN(const std::string text, to_text(operand));
        return Value::of(std::string(trimmed(text)));
    }
    if (name == "length" || name == "count") return length(operand);
    if (name == "default" || name == "d") {
        const bool also_false = with.values.size() > 1 && with.values[1].truthy();
        if (!operand.is(Value::Kind::undefined) && (!also_false || operand.truthy()))
            return operand;
        return with.values.empty() ? Value::of("") : with.values[0];
    }
    if (name == "string") {
        AFS_ASSIGN(std::string text, to_text(operand));
        return Value::of(std::move(text));
    }
    if (name == "first" && operand.is(Value::Kind::list))
        return operand.list->empty() ? Value() : operand.list->front();
    if (name == "last" && operand.is(Value::Kind::list))
        return operand.list->empty() ? Value() : operand.list->back();
    if (name == "list" && operand.is(Value::Kind::list)) return operand;
    if (name == "selectattr" || name == "rejectattr")
        return select_by_member(operand, name == "selectattr", with);
    if (operand.is(Value::Kind::string) && (name == "lower" || name == "upper"))
        return string_method(operand.string, name, with);
    return unknown("filter", name, operand);
}

Result<bool> apply_test(const std::string& name, const Value& operand, const Arguments& with) {
    if (name == "defined") return !operand.is(Value::Kind::undefined);
    if (name == "undefined") return operand.is(Value::Kind::undefined);
    if (name == "none") return operand.is(Value::Kind::none);
    if (name == "string") return operand.is(Value::Kind::string);
    if (name == "mapping") return operand.is(Value::Kind::dict);
    if (name == "boolean") return operand.is(Value::Kind::boolean);
    if (name == "number") return operand.is_number();
    if (name == "true") return operand.is(Value::Kind::boolean) && operand.integer == 1;
    if (name == "false") return operand.is(Value::Kind::boolean) && operand.integer == 0;
    if (name == "sequence" || name == "iterable")
        return operand.is(Value::Kind::string) || operand.is(Value::Kind::list) ||
               operand.is(Value::Kind::dict) || operand.is(Value::Kind::undefined);
    if ((name == "equalto" || name == "eq") && with.values.size() == 1)
        return operand == with.values[0];
    if (name == "ne" && with.values.size() == 1) return !(operand == with.values[0]);
    if (name == "in" && with.values.size() == 1) return contains(with.values[0], operand);
    return unknown("test", name, operand);
}

Result<Value> call_method(const Value& object, const std::string& name, const Arguments& with) {
    if (object.is(Value::Kind::string)) return string_method(object.string, name, with);
    if (object.is(Value::Kind::dict) && name == "get" && !with.values.empty() &&
        with.values[0].is(Value::Kind::string)) {
        if (const Value* found = object.find(with.values[0].string)) return *found;
        return with.values.size() > 1 ? with.values[1] : Value::none();
    }
    if (object.is(Value::Kind::dict) && name == "items") {
        List pairs;
        for (const auto& [key, value] : *object.dict)
            pairs.push_back(Value::of(List{Value::of(key), value}));
        return Value::of(std::move(pairs));
    }
    return unknown("method", name, object);
}

}  // namespace afs::jinja
