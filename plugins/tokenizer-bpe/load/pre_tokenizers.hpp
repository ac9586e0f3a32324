// The pre-tokenizers that weight files name (tokenizer.ggml.pre), each checked against the real
// tokenizer that goes by it (tests/weights/tokenizer_parity_test.cpp).
#pragma once
#include <string>
#include <string_view>

namespace afs::bpe {

struct PreTokenizer {
    const char* name;
    bool single_digits;   // every digit is cut off before the expression works
    const char* pattern;  // in Oniguruma's syntax
    bool ignore_merges;
    bool adds_bos;  // where the file has no add_bos_token
};

const PreTokenizer* find_pre_tokenizer(std::string_view name);  // nullptr: not known
std::string known_pre_tokenizers();                             // "gpt-2, smollm, …"

}  // namespace afs::bpe
