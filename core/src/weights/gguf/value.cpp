// Metadata values: walked once when the file is opened, so that later reads need no checks.
#include <limits>

#include "cursor.hpp"

namespace afs {
namespace {

using gguf::Cursor;

constexpr int kMaxDepth = 4;  // of arrays in arrays; no known file has any

constexpr const char* kNames[] = {"uint8",  "int8",    "uint16",  "int16", "uint32",
                                  "int32",  "float32", "boolean", "text",  "array",
                                  "uint64", "int64",   "float64"};
constexpr uint32_t kTypes = sizeof kNames / sizeof *kNames;

// Bytes of a scalar; 0: its size depends on what it holds.
uint64_t size_of(GgufType type) {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean: return 1;
        case GgufType::u16:
        case GgufType::i16: return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32: return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64: return 8;
        default: return 0;
    }
}

// The least that an item takes: a text's length, or an array's type and count.
uint64_t least_of(GgufType type) {
    const uint64_t size = size_of(type);
    return size ? size : type == GgufType::string ? 8 : 12;
}

std::string cut(const std::string& what, const Cursor& cursor) {
    return what + ", the file has " + std::to_string(cursor.left()) + " left";
}

std::string unknown(uint32_t type) {
    return "expected a value type from 0 to " + std::to_string(kTypes - 1) + ", found " +
           std::to_string(type);
}

std::string read_any(Cursor& cursor, GgufType type, int depth, GgufValue& out);

std::string read_array(Cursor& cursor, int depth, GgufValue& out) {
    if (depth == kMaxDepth)
        return "arrays nested deeper than " + std::to_string(kMaxDepth) + " levels";
    uint32_t type = 0;
    uint64_t count = 0;
    if (cursor.left() < 12) return cut("an array's type and count need 12 bytes", cursor);
    if (!cursor.read(type) || !cursor.read(count)) return "an array without a count";
    if (type >= kTypes) return "array items: " + unknown(type);
    out.item_type = static_cast<GgufType>(type);
    out.count = count;
    out.data = cursor.at();
    const uint64_t least = least_of(out.item_type);
    if (count > cursor.left() / least)
        return cut("an array of " + std::to_string(count) + " " + kNames[type] +
                       " items needs at least " + std::to_string(least) + " bytes each",
                   cursor);
    if (out.item_type == GgufType::boolean)
        for (uint64_t i = 0; i < count; ++i)
            if (out.data[i] > 1)
                return "item " + std::to_string(i) + " is a boolean of " +
                       std::to_string(out.data[i]) + ", expected 0 or 1";
    if (size_of(out.item_type)) {
        cursor.skip(count * least);
    } else {
        GgufValue item;
        for (uint64_t i = 0; i < count; ++i)
            if (std::string wrong = read_any(cursor, out.item_type, depth + 1, item);
                !wrong.empty())
                return "item " + std::to_string(i) + ": " + wrong;
    }
    out.bytes = static_cast<uint64_t>(cursor.at() - out.data);
    return {};
}

std::string read_any(Cursor& cursor, GgufType type, int depth, GgufValue& out) {
    out = GgufValue();
    out.type = type;
    if (type == GgufType::array) return read_array(cursor, depth, out);
    if (type == GgufType::string) {
        std::string_view text;
        uint64_t length = 0;
        Cursor ahead = cursor;
        if (!ahead.read(length)) return cut("a text's length needs 8 bytes", cursor);
        if (!cursor.read(text)) return cut("a text of " + std::to_string(length) + " bytes", ahead);
        out.data = reinterpret_cast<const uint8_t*>(text.data());
        out.bytes = text.size();
        return {};
    }
    out.data = cursor.at();
    out.bytes = size_of(type);
    if (!cursor.skip(out.bytes))
        return cut(std::string(name_of(type)) + " needs " + std::to_string(out.bytes) + " bytes",
                   cursor);
    if (type == GgufType::boolean && *out.data > 1)
        return "expected a boolean of 0 or 1, found " + std::to_string(*out.data);
    return {};
}

template <class T>
T load(const GgufValue& value) {
    T out;
    std::memcpy(&out, value.data, sizeof out);
    return out;
}

}  // namespace

namespace gguf {

std::string read_value(Cursor& cursor, uint32_t type, GgufValue& out) {
    if (type >= kTypes) return unknown(type);
    return read_any(cursor, static_cast<GgufType>(type), 0, out);
}

}  // namespace gguf

const char* name_of(GgufType type) {
    return kNames[static_cast<uint32_t>(type)];
}

std::optional<int64_t> GgufValue::integer() const {
    switch (type) {
        case GgufType::u8: return load<uint8_t>(*this);
        case GgufType::i8: return load<int8_t>(*this);
        case GgufType::u16: return load<uint16_t>(*this);
        case GgufType::i16: return load<int16_t>(*this);
        case GgufType::u32: return load<uint32_t>(*this);
        case GgufType::i32: return load<int32_t>(*this);
        case GgufType::i64: return load<int64_t>(*this);
        case GgufType::u64: {
            const auto wide = load<uint64_t>(*this);
            if (wide > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return {};
            return static_cast<int64_t>(wide);
        }
        default: return {};
    }
}

std::optional<double> GgufValue::number() const {
    if (type == GgufType::f32) return static_cast<double>(load<float>(*this));
    if (type == GgufType::f64) return load<double>(*this);
    if (type == GgufType::u64) return static_cast<double>(load<uint64_t>(*this));
    const std::optional<int64_t> whole = integer();
    if (!whole) return {};
    return static_cast<double>(*whole);
}

std::optional<bool> GgufValue::flag() const {
    if (type != GgufType::boolean) return {};
    return *data != 0;
}

std::optional<std::string_view> GgufValue::text() const {
    if (type != GgufType::string) return {};
    return std::string_view(reinterpret_cast<const char*>(data), bytes);
}

std::vector<GgufValue> GgufValue::items() const {
    std::vector<GgufValue> all;
    if (type != GgufType::array) return all;
    all.resize(count);
    Cursor cursor(data, bytes);
    for (GgufValue& item : all) read_any(cursor, item_type, 1, item);
    return all;
}

std::vector<std::string_view> GgufValue::texts() const {
    std::vector<std::string_view> all;
    each_text([&all](std::string_view text) { all.push_back(text); });
    return all;
}

}  // namespace afs
