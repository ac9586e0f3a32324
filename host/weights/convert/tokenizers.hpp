// Whether two tokenizers give the same ids, and which pre-tokenizer makes a vocabulary do so.
#pragma once
#include "afs/config/config.hpp"
#include "loader/search.hpp"
#include "runtime/open_tokenizer.hpp"
#include "weights/convert/tables.hpp"
#include "weights/convert/vocabulary.hpp"

namespace afs::convert {

// The first text of the probes whose ids differ, or what one of them refuses; "": none.
std::string ids_difference(Tokenizer& a, Tokenizer& b, const std::vector<std::string>& probes);

// Sets vocabulary.pre. UNSUPPORTED: no known pre-tokenizer gives the ids of `source`.
Status choose_pre_tokenizer(const Config& config, const PluginSearch& search,
                            OpenedTokenizer& source, const Tables& tables, Vocabulary& vocabulary);

}  // namespace afs::convert
