// Tokenizer plugin for SentencePiece models, on the library of that name.
#include "afs/plugin/tokenizer.hpp"

#include "tokenizer.hpp"

AFS_TOKENIZER_PLUGIN(afs::spm::SentencePieceTokenizer, "sentencepiece", "0.1", "Apache-2.0");
