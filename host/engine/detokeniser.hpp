// Turns ids into bytes one at a time, as the tokenizer would all at once.
#pragma once
#include <string>
#include <vector>

#include "afs/status.hpp"

namespace afs {

class Tokenizer;

class Detokeniser {
public:
    Detokeniser() = default;
    explicit Detokeniser(Tokenizer* tokenizer, uint32_t decode_flags = 0)
        : tokenizer_(tokenizer), flags_(decode_flags) {}

    // What comes next continues these ids, a prompt's: the space before its first word is text, not
    // the start of one. Ids that the tokenizer does not know are passed over.
    void follow(const std::vector<int32_t>& ids);
    // The bytes that this id adds to the text so far.
    Result<std::string> push(int32_t id);

private:
    // Decoding depends on neighbours (a leading space, for one), so each id is decoded together
    // with a few before it, and what those give alone is cut off.
    static constexpr size_t kWindow = 6;

    Tokenizer* tokenizer_ = nullptr;
    uint32_t flags_ = 0;
    std::vector<int32_t> window_;
    std::string before_;  // the bytes of the window
    std::string both_;    // scratch
};

}  // namespace afs
