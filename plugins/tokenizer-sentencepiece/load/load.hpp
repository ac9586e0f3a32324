// What reads a model from where. A loader fills a Model; messages name the file.
#pragma once
#include <string>

#include "model.hpp"

namespace afs::spm {

// How well this plugin reads the source, by names and first bytes only; 0 to 100.
int score_source(const std::string& path);
// A folder's tokenizer.model, or one file, with the Hugging Face files beside it.
Result<Model> load_source(const std::string& path);
// Whether a file's first bytes are those of a SentencePiece model (tiktoken's files have the same
// name and are text).
bool looks_like_sentencepiece(const std::string& path);
Status read_model_file(const std::string& path, Model& model);

int score_metadata(const afs_tokenizer_source& source);
// source.vocabulary, which a weight file held.
Result<Model> load_metadata(const afs_tokenizer_source& source);

// tokenizer_config.json, added_tokens.json and special_tokens_map.json of a folder, where they are
// there: added tokens, roles, flags.
Status read_hf_files(const std::string& folder, Model& model);

// Adds a token, unless it is there; INVALID where its id is another's.
Status add_token(const AddedToken& token, Model& model);

}  // namespace afs::spm
