#include <charconv>
#include <cmath>
#include <set>

#include "afs/utf8.hpp"
#include "internal.hpp"

namespace afs::config {
namespace {

std::string found(const json::Value& value) {
    std::string text = json::dump(value);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return value.is(json::Kind::null) ? text
                                      : std::string(json::kind_name(value.kind)) + ", " + text;
}

Status wrong(const KeySpec& spec, const std::string& key, const json::Value& value,
             const std::string& origin) {
    return invalid(origin + ": '" + key + "' must be " + expectation(spec) + ", found " +
                   found(value));
}

bool is_choice(const KeySpec& spec, const std::string& text) {
    const std::string all = std::string("|") + spec.choices + "|";
    return text.find('|') == std::string::npos && all.find("|" + text + "|") != std::string::npos;
}

bool in_range(const KeySpec& spec, double number) {
    return std::isfinite(number) && number >= spec.min && number <= spec.max;
}

json::Value absolute(const std::string& text, const PathBase& base) {
    std::filesystem::path path = text;
    if (text.rfind("~/", 0) == 0 && !base.home.empty())
        path = std::filesystem::path(base.home) / text.substr(2);
    path = (base.folder / path).lexically_normal();
    if (!path.has_filename() && path.has_parent_path() && path != path.root_path())
        path = path.parent_path();  // no trailing slash
    return json::Value::of(path.string());
}

bool is_path(const json::Value& value) {
    return value.is(json::Kind::string) && !value.string.empty() &&
           value.string.find('\0') == std::string::npos;
}

// What is printed must load to the same; a path alone may hold any bytes, as the system's do.
bool is_name(const json::Value& value) {
    return is_path(value) && utf8_valid_until(value.string, 0) == value.string.size();
}

// Lists of names or paths.
Result<json::Value> check_list(const KeySpec& spec, const std::string& key,
                               const json::Value& value, const PathBase& base,
                               const std::string& origin) {
    if (!value.is(json::Kind::array)) return wrong(spec, key, value, origin);
    json::Value list = json::Value::array();
    std::set<std::string> seen;
    for (const json::Value& item : value.items) {
        if (!(spec.type == KeyType::paths ? is_path(item) : is_name(item)))
            return wrong(spec, key, value, origin);
        json::Value kept = spec.type == KeyType::paths ? absolute(item.string, base)
                                                       : json::Value::of(item.string);
        if (!seen.insert(kept.string).second)
            return invalid(origin + ": '" + key + "' names '" + kept.string + "' twice");
        list.add(std::move(kept));
    }
    return list;
}

std::string_view trim(std::string_view text) {
    const char* blanks = " \t\r\n";
    const size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

json::Value split(std::string_view text, char by) {
    json::Value list = json::Value::array();
    if (trim(text).empty()) return list;
    for (size_t start = 0;;) {
        const size_t end = text.find(by, start);
        list.add(json::Value::of(std::string(trim(text.substr(start, end - start)))));
        if (end == std::string_view::npos) return list;
        start = end + 1;
    }
}

// A number written as text; null where it is none: "nan" and "inf" are what was given, no numbers.
json::Value number_from(std::string_view text) {
    const char *begin = text.data(), *end = begin + text.size();
    uint64_t natural = 0;
    if (auto [at, error] = std::from_chars(begin, end, natural); error == std::errc() && at == end)
        return json::Value::of(natural);
    int64_t integer = 0;
    if (auto [at, error] = std::from_chars(begin, end, integer); error == std::errc() && at == end)
        return json::Value::of(integer);
    double number = 0;
    if (auto [at, error] = std::from_chars(begin, end, number);
        error == std::errc() && at == end && std::isfinite(number))
        return json::Value::of(number);
    return {};
}

json::Value flag_from(std::string_view text) {
    for (const char* yes : {"true", "1", "on", "yes"})
        if (text == yes) return json::Value::of(true);
    for (const char* no : {"false", "0", "off", "no"})
        if (text == no) return json::Value::of(false);
    return {};
}

}  // namespace

Result<json::Value> check_value(const KeySpec& spec, const std::string& key,
                                const json::Value& value, const PathBase& base,
                                const std::string& origin) {
    using json::Kind;
    if (value.is(Kind::null)) return value;
    const Status bad = wrong(spec, key, value, origin);
    switch (spec.type) {
        case KeyType::text:
            if (!is_name(value)) return bad;
            return value;
        case KeyType::choice:
            if (!value.is(Kind::string) || !is_choice(spec, value.string)) return bad;
            return value;
        case KeyType::path:
            if (!is_path(value)) return bad;
            return absolute(value.string, base);
        case KeyType::flag:
            if (!value.is(Kind::boolean)) return bad;
            return value;
        case KeyType::integer:
            if (!value.is(Kind::integer) || !in_range(spec, value.number)) return bad;
            return value;
        case KeyType::number:
            if (!value.as_number() || !in_range(spec, value.number)) return bad;
            return value;
        case KeyType::list:
        case KeyType::paths: return check_list(spec, key, value, base, origin);
        case KeyType::option:
            if (value.is(Kind::object)) return bad;
            if (value.is(Kind::string) && !value.string.empty() && !is_name(value)) return bad;
            return json::Value::of(value.is(Kind::string) ? value.string : json::dump(value));
        case KeyType::raw: return value;
    }
    return bad;
}

Result<json::Value> value_from_text(const KeySpec& spec, const std::string& key,
                                    const std::string& text, const PathBase& base,
                                    const std::string& origin) {
    const std::string_view bare = trim(text);
    const bool list = spec.type == KeyType::list || spec.type == KeyType::paths;
    if (bare.empty() && !list) return json::Value();
    json::Value value = json::Value::of(text);
    if (spec.type == KeyType::raw || (list && !bare.empty() && bare.front() == '[')) {
        json::ParseOptions options;
        options.name = origin;
        AFS_ASSIGN(value, json::parse(text, options));
    } else if (list) {
        value = split(text, spec.type == KeyType::paths ? ':' : ',');
    } else if (spec.type == KeyType::flag || spec.type == KeyType::integer ||
               spec.type == KeyType::number) {
        const json::Value read = spec.type == KeyType::flag ? flag_from(bare) : number_from(bare);
        if (read.is(json::Kind::null)) return wrong(spec, key, value, origin);
        value = read;
    }
    return check_value(spec, key, value, base, origin);
}

}  // namespace afs::config
