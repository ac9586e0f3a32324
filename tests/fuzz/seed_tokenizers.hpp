// Small tokenizers of tests/golden/tokenizer, compiled in: a target's program needs no file.
#pragma once

namespace afs::fuzz {

struct SeedTokenizer {
    const char* json;
    bool keeps_all;  // decode(encode(x)) == x: its rules remove nothing
};
extern const SeedTokenizer kSeedTokenizers[3];

}  // namespace afs::fuzz
