// The vocabulary among a GGUF file's metadata (tokenizer.ggml.*) as the contract hands it to a
// tokenizer plugin. Its texts stay in the mapped file.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/weights/gguf.hpp"

namespace afs {

class GgufVocabulary {
public:
    // nullptr: the file has none.
    static Result<std::shared_ptr<const GgufVocabulary>> read(const GgufFile& file);

    const afs_vocabulary& table() const { return table_; }

private:
    friend class VocabularyReader;
    std::shared_ptr<const MappedFile> file_;
    std::string model_, pre_;
    std::vector<afs_text> tokens_, merges_;
    std::vector<float> scores_;
    std::vector<int32_t> types_;
    afs_vocabulary table_{};
};

}  // namespace afs
