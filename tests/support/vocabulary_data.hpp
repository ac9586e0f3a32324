// A vocabulary as the host reads one from a weight file's metadata, from parts a test can change.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afs/abi/tokenizer.h"

namespace tokenizer_test {

struct VocabularyData {
    std::string model, pre;  // empty pre: not said
    std::vector<std::string> tokens, merges;
    std::vector<float> scores;   // empty: none
    std::vector<int32_t> types;  // empty: none
    int32_t bos_id = -1, eos_id = -1, unknown_id = -1, pad_id = -1;
    int32_t add_bos = -1, add_eos = -1, add_space_prefix = -1, remove_extra_whitespaces = -1;

    uint32_t add(const std::string& token, int32_t type, float score = 0) {
        tokens.push_back(token);
        types.push_back(type);
        scores.push_back(score);
        return static_cast<uint32_t>(tokens.size() - 1);
    }

    // Valid until this object changes.
    const afs_vocabulary* view() {
        texts_.clear();
        for (const std::vector<std::string>* list : {&tokens, &merges})
            for (const std::string& text : *list) texts_.push_back({text.data(), text.size()});
        view_ = {};
        view_.struct_size = sizeof view_;
        view_.n_tokens = static_cast<uint32_t>(tokens.size());
        view_.n_merges = static_cast<uint32_t>(merges.size());
        view_.model = model.c_str();
        view_.pre = pre.empty() ? nullptr : pre.c_str();
        view_.tokens = texts_.data();
        view_.merges = merges.empty() ? nullptr : texts_.data() + tokens.size();
        view_.scores = scores.empty() ? nullptr : scores.data();
        view_.types = types.empty() ? nullptr : types.data();
        view_.bos_id = bos_id;
        view_.eos_id = eos_id;
        view_.unknown_id = unknown_id;
        view_.pad_id = pad_id;
        view_.add_bos = add_bos;
        view_.add_eos = add_eos;
        view_.add_space_prefix = add_space_prefix;
        view_.remove_extra_whitespaces = remove_extra_whitespaces;
        return &view_;
    }

private:
    std::vector<afs_text> texts_;
    afs_vocabulary view_{};
};

}  // namespace tokenizer_test
