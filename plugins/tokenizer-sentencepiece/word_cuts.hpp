// Where text can be cut without changing what BPE makes of it: between two characters that stand
// side by side in no piece, since every merge makes a piece. What lies between the cuts are short
// words that come again and again, which the library need not see twice.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace afs::spm {

class WordCuts {
public:
    // Whether that holds for the model: BPE, text taken as it is, and nothing joined that the
    // vocabulary lacks.
    static bool possible(const Model& model);
    explicit WordCuts(const Model& model);
    // End of the word that starts at text[at]; text is valid UTF-8.
    size_t end(std::string_view text, size_t at) const;

private:
    static constexpr uint32_t kAscii = 128;
    static uint64_t key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
    void join(uint32_t left, uint32_t right);
    bool joined(uint32_t left, uint32_t right) const;
    size_t slot(uint64_t key) const;
    void grow();

    std::vector<bool> ascii_;      // [kAscii * kAscii]
    std::vector<uint64_t> pairs_;  // the others; 0: free; a power of two long
    size_t n_pairs_ = 0;
};

}  // namespace afs::spm
