// The wire format of protobuf, in which SentencePiece models are stored: the library hides its
// messages, and takes what it is given on trust.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace afs::spm {

struct Field {
    uint32_t number = 0;
    uint64_t value = 0;      // of a varint or fixed-size field
    std::string_view bytes;  // of a field with a length
    bool has_bytes = false;
};

class WireReader {
public:
    explicit WireReader(std::string_view message) : rest_(message) {}
    // False at the end and where the message is broken.
    bool next(Field& field);
    bool broken() const { return broken_; }

private:
    bool varint(uint64_t& value);
    std::string_view rest_;
    bool broken_ = false;
};

void put_varint(std::string& to, uint32_t field, uint64_t value);
void put_float(std::string& to, uint32_t field, float value);
void put_bytes(std::string& to, uint32_t field, std::string_view bytes);

}  // namespace afs::spm
