// A tokenizer for tests: one id a byte, ids from 256 on are the given words.
#pragma once
#include <string>
#include <vector>

#include "afs/tokenizer.hpp"

namespace afs_test {

class ByteTokenizer final : public afs::Tokenizer {
public:
    explicit ByteTokenizer(std::vector<std::string> words = {}) : words_(std::move(words)) {}
    int score(const afs_tokenizer_source&) override { return 0; }
    afs::Status load(const afs_tokenizer_source&, afs_tokenizer_info&) override { return {}; }
    afs::Status encode(std::string_view text, uint32_t, std::vector<int32_t>& ids) override {
        ids.clear();
        for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
        return {};
    }
    afs::Status decode(const int32_t* ids, size_t n, uint32_t, std::string& bytes) override {
        bytes.clear();
        for (size_t i = 0; i < n; ++i) {
            if (ids[i] < 0 || ids[i] >= 256 + static_cast<int32_t>(words_.size()))
                return afs::invalid("no such id");
            if (ids[i] < 256)
                bytes += static_cast<char>(ids[i]);
            else
                bytes += words_[static_cast<size_t>(ids[i] - 256)];
        }
        // As SentencePiece does: the text's first space is not shown.
        if (!bytes.empty() && bytes[0] == ' ') bytes.erase(0, 1);
        return {};
    }
    afs::Status token(int32_t, afs::TokenPiece&) override { return {}; }

private:
    std::vector<std::string> words_;
};

}  // namespace afs_test
