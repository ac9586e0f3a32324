// Byte-pair encoding of one pre-token.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "afs/plugin/word_cache.hpp"
#include "definition.hpp"

namespace afs::bpe {

class Bpe {
public:
    // The definition must outlive this.
    explicit Bpe(const Definition& definition);
    // Appends the ids of a pre-token, at most 2^31 - 1 bytes.
    Status encode(std::string_view pretoken, std::vector<int32_t>& ids);

private:
    struct Symbol {
        int32_t id, previous, next;  // indices into symbols_, -1: none
        bool gone;
    };
    struct Candidate {
        uint32_t rank, id;  // of the merge
        int32_t left;       // index of the left symbol
    };
    Status start(std::string_view pretoken);
    void propose(int32_t left);
    void merge_all();

    const Definition& definition_;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> heap_;
    WordCache cache_;
};

}  // namespace afs::bpe
