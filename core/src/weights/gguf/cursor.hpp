// Reads forward through mapped bytes and never past their end.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "afs/weights/gguf.hpp"

namespace afs::gguf {

class Cursor {
public:
    Cursor(const uint8_t* begin, uint64_t bytes) : at_(begin), left_(bytes) {}

    uint64_t left() const { return left_; }
    const uint8_t* at() const { return at_; }
    bool skip(uint64_t n) {
        if (n > left_) return false;
        at_ += n;
        left_ -= n;
        return true;
    }
    template <class T>
    bool read(T& out) {
        if (sizeof out > left_) return false;
        std::memcpy(&out, at_, sizeof out);
        return skip(sizeof out);
    }
    // A length and as many bytes.
    bool read(std::string_view& out) {
        const Cursor before = *this;
        uint64_t n = 0;
        if (read(n) && n <= left_) {
            out = {reinterpret_cast<const char*>(at_), n};
            return skip(n);
        }
        *this = before;
        return false;
    }

private:
    const uint8_t* at_;
    uint64_t left_;
};

// Reads a value of this type. "" when it is well-formed, else what is wrong with it.
std::string read_value(Cursor& cursor, uint32_t type, GgufValue& out);

}  // namespace afs::gguf
