// The tokens of a checkpoint's tokenizer files: enough to hold other files against them.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "active_model.hpp"

namespace env_model {

struct Vocabulary {
    bool known = false;                      // a file was read that lists every token
    int64_t size = 0;                        // one more than the largest id
    std::string source;                      // the file's name
    std::map<std::string, int64_t> special;  // added tokens, by their text
    // Of a token's text; -1: there is none.
    int64_t find(const std::string& text) const;

    const Json* model = nullptr;  // tokenizer.json's model.vocab, where it is an object
};

// The model must outlive the vocabulary.
Vocabulary read_vocabulary(const ActiveModel& model);

}  // namespace env_model
