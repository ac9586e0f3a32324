// Which of a repository's files make a model that runs: configuration, tokenizer, licence, and the
// weights once. Not what other frameworks read, nor the same weights in a second form.
#pragma once
#include <string>
#include <vector>

#include "hub/listing.hpp"

namespace afs::hub {

struct Selection {
    std::string gguf;  // part of a .gguf file's name, any case; empty: safetensors
};

// NOT_FOUND and INVALID say what the repository has instead.
Result<std::vector<RemoteFile>> select_files(const Listing& listing, const Selection& selection);

}  // namespace afs::hub
