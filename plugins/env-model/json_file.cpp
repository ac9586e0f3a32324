#include "json_file.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace env_model {

namespace fs = std::filesystem;

namespace {
constexpr uint64_t kMostBytes = uint64_t{256} << 20;
constexpr int kMostJsonDepth = 64;
}  // namespace

std::optional<std::string> read_part(std::istream& file, uint64_t bytes) {
    std::string text;
    char part[1 << 16];
    while (text.size() < bytes) {
        const uint64_t n = std::min<uint64_t>(sizeof part, bytes - text.size());
        if (!file.read(part, static_cast<std::streamsize>(n)) || std::memchr(part, 0, n)) return {};
        text.append(part, n);
    }
    return text;
}

std::optional<std::string> read_text(const fs::path& path, uint64_t most) {
    std::error_code error;
    const uint64_t size = fs::file_size(path, error);
    if (error || size > most) return {};
    std::ifstream file(path, std::ios::binary);
    return read_part(file, size);
}

std::optional<Json> parse_json(const std::string& text, std::string& problem) {
    bool deep = false;
    const auto limit = [&deep](int depth, Json::parse_event_t, Json&) {
        deep = deep || depth > kMostJsonDepth;
        return depth <= kMostJsonDepth;
    };
    try {
        Json value = Json::parse(text, limit);
        if (!deep) return value;
        problem = "nested deeper than 64";
    } catch (const Json::exception& error) {
        problem = error.what();
        // "[json.exception.parse_error.101] parse error at line 3, ...": without its own name.
        if (const size_t at = problem.find("] "); at != std::string::npos) problem.erase(0, at + 2);
        problem = problem.substr(0, 200);
    }
    return {};
}

JsonFile read_json(const fs::path& path) {
    JsonFile out{path, {}, ""};
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return out;
    const auto text = read_text(path, kMostBytes);
    if (!text)
        out.problem = "it cannot be read";
    else if (text->rfind("version https://git-lfs", 0) == 0)
        out.problem = "it is a Git LFS pointer, not the file itself";
    else
        out.value = parse_json(*text, out.problem);
    if (out.value && !out.value->is_object()) {
        out.value.reset();
        out.problem = "expected an object";
    }
    return out;
}

const Json* member(const Json* object, const char* key) {
    if (!object || !object->is_object()) return nullptr;
    const auto found = object->find(key);
    return found == object->end() ? nullptr : &*found;
}

std::string text_of(const Json* object, const char* key) {
    const Json* value = member(object, key);
    // A special token may be an object: {"content": "<s>", "lstrip": false, ...}.
    if (value && value->is_object()) return text_of(value, "content");
    return value && value->is_string() ? value->get<std::string>() : "";
}

std::optional<int64_t> whole(const Json* object, const char* key) {
    const Json* value = member(object, key);
    if (!value || !value->is_number_integer()) return {};
    return value->get<int64_t>();
}

std::optional<double> number(const Json* object, const char* key) {
    const Json* value = member(object, key);
    if (!value || !value->is_number()) return {};
    return value->get<double>();
}

std::vector<int64_t> ids(const Json* object, const char* key) {
    std::vector<int64_t> out;
    const Json* value = member(object, key);
    if (value && value->is_number_integer()) out.push_back(value->get<int64_t>());
    if (value && value->is_array())
        for (const Json& item : *value)
            if (item.is_number_integer()) out.push_back(item.get<int64_t>());
    return out;
}

}  // namespace env_model
