// The library behind one call: text to ids.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "afs/plugin/word_cache.hpp"
#include "model.hpp"
#include "word_cuts.hpp"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace afs::spm {

class Encoder {
public:
    // The model has passed check.
    static Result<Encoder> make(const Model& model);
    Encoder(Encoder&&) noexcept;
    Encoder& operator=(Encoder&&) noexcept;
    ~Encoder();

    // Appends the ids of a text. begins: the model's dummy prefix comes before it.
    Status encode(std::string_view text, bool begins, std::vector<int32_t>& ids);

private:
    using Processor = sentencepiece::SentencePieceProcessor;
    Encoder();
    Status ask(const Processor& processor, std::string_view text, std::vector<int32_t>& ids);
    Status encode_words(std::string_view text, std::vector<int32_t>& ids);

    // The one adds no prefix. The other is there where a space before the text is not the same:
    // a normaliser would strip it.
    std::unique_ptr<Processor> plain_, prefixing_;
    bool prefix_ = false;
    std::optional<WordCuts> cuts_;
    WordCache cache_;
    std::string spaced_;
    std::vector<int> answer_;
};

}  // namespace afs::spm
