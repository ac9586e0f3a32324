// ggml's tensor types by number.
#pragma once
#include <cstdint>

namespace afs::gguf {

struct TypeRow {
    uint32_t number;
    const char* name;   // ggml's
    int32_t dtype;      // AFS_DTYPE_NONE: not read here
    uint32_t elements;  // of a block; 1: plain
    uint32_t bytes;     // of a block
};

const TypeRow* find_type(uint32_t number);  // nullptr: ggml knows none of this number

}  // namespace afs::gguf
