// Tokenizer plugin for byte-level BPE checkpoints.
#include "afs/plugin/tokenizer.hpp"

#include "tokenizer.hpp"

AFS_TOKENIZER_PLUGIN(afs::bpe::BpeTokenizer, "bpe", "0.1", "Apache-2.0");
