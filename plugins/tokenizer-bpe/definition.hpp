// A tokenizer as a loader reads it, whatever the file format: what one more format has to fill.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "vocabulary.hpp"

namespace afs::bpe {

// What a split does with the matches of its pattern and the text between them.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

struct SplitRule {
    enum class Kind { regex, literal, digits } kind = Kind::regex;
    std::string pattern;  // in Oniguruma's syntax, as HF writes it; unused for digits
    Behavior behavior = Behavior::isolated;
    bool invert = false;  // matches and the text between them change roles
};

struct Definition {
    Vocabulary vocabulary;
    Merges merges;
    std::vector<AddedToken> added;
    std::vector<SplitRule> splits;      // each works on the pieces of the one before
    std::vector<SplitRule> byte_level;  // the byte-level step's own split, at most one
    bool add_prefix_space = false;      // before every piece that reaches the byte-level step
    bool ignore_merges = false;         // a pre-token that is in the vocabulary is taken whole
    int32_t unk_id = -1;                // for bytes the vocabulary lacks; -1: they are left out
    bool fuse_unk = false;
    std::vector<int32_t> prefix, suffix;  // what ADD_SPECIAL puts around the text
    int32_t bos_id = -1, eos_id = -1, pad_id = -1;
    std::string origin;  // for the summary: "tokenizer.json"
    std::string file;    // for messages: the path of the file that was read
};

// The two expressions that files without a pre-tokenizer of their own imply.
extern const char* const kGpt2Pattern;
extern const char* const kCl100kPattern;

}  // namespace afs::bpe
