// A SentencePiece model as the loaders read it, whatever it lay in. What the library is given is
// written anew from this, after check: it sees nothing of a file that was not looked at.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/status.hpp"

namespace afs::spm {

inline constexpr const char* kBlank = "\xe2\x96\x81";  // U+2581 stands for a space in pieces

struct Piece {
    std::string text;
    float score = 0;
    int32_t type = AFS_PIECE_NORMAL;
};

// A token beside the pieces, or one of them to be found in text before any piece is.
struct AddedToken {
    std::string content;
    int32_t id = -1;
    bool special = false;
    bool lstrip = false, rstrip = false;  // takes the white space before or after it along
};

enum class Algorithm { unigram = 1, bpe = 2, word = 3, character = 4 };  // the file's numbers

struct Model {
    // Highest id a file may use: a bound on what a broken file can make us allocate.
    static constexpr uint32_t kMaxId = (1u << 22) - 1;

    Algorithm algorithm = Algorithm::unigram;
    std::vector<Piece> pieces;  // by id
    bool byte_fallback = false;
    // The normaliser: rules for characters, and what happens to blanks.
    std::string charsmap;
    bool add_dummy_prefix = true;          // a blank before the text
    bool remove_extra_whitespaces = true;  // at both ends, and repeated ones
    bool escape_whitespaces = true;        // pieces spell a space as kBlank

    std::vector<AddedToken> added;                 // their ids may lie behind those of the pieces
    std::unordered_map<std::string, int32_t> ids;  // of pieces and added tokens, by text
    std::unordered_map<int32_t, size_t> added_at;  // index into added, by id
    int32_t unknown_id = -1, bos_id = -1, eos_id = -1, pad_id = -1;
    bool adds_bos = true, adds_eos = false;  // as LlamaTokenizer, where nothing else is said
    bool prefix_after_added = true;          // the dummy prefix also behind an added token
    std::string origin;                      // for the summary: "tokenizer.model"
    std::string file;                        // for messages
};

// Whether the library can be trusted with the pieces and rules; fills unknown_id, ids and, with the
// pieces that stand for no text of their own, added.
Status check(Model& model);
// The normaliser's rules stay inside their table.
Status check_charsmap(const std::string& charsmap);
// A ModelProto. dummy_prefix: whether this one adds it.
std::string serialize(const Model& model, bool dummy_prefix);

// The byte of "<0x0A>"; -1: no such name.
int byte_of_piece(const std::string& text);

}  // namespace afs::spm
