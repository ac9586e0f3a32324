// From the parts of a written conversation to ids.
#pragma once
#include <cstdint>
#include <vector>

#include "afs/chat.hpp"

namespace afs {

class Tokenizer;

// The ids of the whole text, encoded at once with its special tokens parsed, but for one thing:
// only the template's own markers become special tokens. The same words inside a message stay
// ordinary text, so nobody can forge a turn. Where a message holds such words, what lies between
// two markers is encoded by itself, in one piece, whatever parts it is made of: OLMo-2's "|>" and
// line end become one token.
//
// everywhere: special tokens in messages are parsed too.
Result<std::vector<int32_t>> encode_parts(Tokenizer& tokenizer, const std::vector<ChatPart>& parts,
                                          bool everywhere);

// The id of a marker; -1: for this tokenizer it is ordinary text.
Result<int32_t> marker_id(Tokenizer& tokenizer, const std::string& marker);

}  // namespace afs
