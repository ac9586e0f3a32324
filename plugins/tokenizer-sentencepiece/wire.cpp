#include "wire.hpp"

#include <cstring>

namespace afs::spm {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
    to.push_back(static_cast<char>(value));
}

void put_tag(std::string& to, uint32_t field, WireType type) {
    append_varint(to, uint64_t{field} << 3 | type);
}

}  // namespace

bool WireReader::varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    broken_ = true;
    return false;
}

bool WireReader::next(Field& field) {
    if (broken_ || rest_.empty()) return false;
    uint64_t tag = 0, size = 0;
    if (!varint(tag)) return false;
    field = {};
    field.number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
        case kVarint: return varint(field.value);
        case kFixed64: size = 8; break;
        case kFixed32: size = 4; break;
        case kBytes:
            if (!varint(size)) return false;
            field.has_bytes = true;
            break;
        default: size = ~0ull;  // groups: nothing in a model is one
    }
    broken_ = size > rest_.size() || tag >> 3 == 0 || tag >> 35 != 0;
    if (broken_) return false;
    if (field.has_bytes)
        field.bytes = rest_.substr(0, static_cast<size_t>(size));
    else
        std::memcpy(&field.value, rest_.data(), static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return true;
}

void put_varint(std::string& to, uint32_t field, uint64_t value) {
    put_tag(to, field, kVarint);
    append_varint(to, value);
}

void put_float(std::string& to, uint32_t field, float value) {
    put_tag(to, field, kFixed32);
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_bytes(std::string& to, uint32_t field, std::string_view bytes) {
    put_tag(to, field, kBytes);
    append_varint(to, bytes.size());
    to.append(bytes);
}

}  // namespace afs::spm
