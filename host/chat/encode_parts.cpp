#include "chat/encode_parts.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "afs/tokenizer.hpp"

namespace afs {
namespace {

class PartEncoder {
public:
    explicit PartEncoder(Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

    Status learn_markers(const std::vector<ChatPart>& parts) {
        for (const ChatPart& part : parts) {
            if (part.kind != AFS_CHAT_MARKER || markers_.count(part.text)) continue;
            AFS_ASSIGN(const int32_t id, marker_id(tokenizer_, part.text));
            if (id >= 0) markers_[part.text] = id;
        }
        return {};
    }

    // Whether the special tokens of a text's ids are the template's markers and nothing else.
    Result<bool> only_markers(const std::vector<ChatPart>& parts, const std::vector<int32_t>& ids) {
        auto part = parts.begin();
        const auto next_marker = [&]() -> int32_t {
            for (; part != parts.end(); ++part) {
                const auto marker = markers_.find(part->text);
                if (part->kind != AFS_CHAT_MARKER || marker == markers_.end()) continue;
                ++part;
                return marker->second;
            }
            return -1;
        };
        for (const int32_t id : ids) {
            AFS_ASSIGN(const bool special, is_special(id));
            if (special && next_marker() != id) return false;
        }
        return next_marker() < 0;
    }

    Status add(const ChatPart& part) {
        const auto marker = markers_.find(part.text);
        if (part.kind != AFS_CHAT_MARKER || marker == markers_.end()) {
            run_ += part.text;
            return {};
        }
        AFS_TRY(flush());
        ids_.push_back(marker->second);
        return {};
    }

    // What lies between two markers.
    Status flush() {
        if (run_.empty()) return {};
        AFS_TRY(tokenizer_.encode(run_, 0, piece_));
        if (holds_marker(piece_)) AFS_TRY(encode_apart());
        ids_.insert(ids_.end(), piece_.begin(), piece_.end());
        run_.clear();
        return {};
    }

    std::vector<int32_t> take() { return std::move(ids_); }

private:
    Result<bool> is_special(int32_t id) {
        const auto [known, is_new] = special_.try_emplace(id, false);
        if (is_new) {
            TokenPiece piece;
            AFS_TRY(tokenizer_.token(id, piece));
            known->second = piece.kind == AFS_TOKEN_SPECIAL || holds_marker({id});
        }
        return known->second;
    }
    bool holds_marker(const std::vector<int32_t>& ids) const {
        return std::any_of(markers_.begin(), markers_.end(), [&](const auto& marker) {
            return std::find(ids.begin(), ids.end(), marker.second) != ids.end();
        });
    }

    // Some checkpoints add their markers as tokens that are not special, which tokenizers find in
    // any text. Cut behind its first byte a marker in a message is none.
    Status encode_apart() {
        std::vector<size_t> cuts = {0, run_.size()};
        for (const auto& [text, id] : markers_)
            for (size_t at = 0; (at = run_.find(text, at)) != std::string::npos; ++at)
                cuts.push_back(at + 1);
        std::sort(cuts.begin(), cuts.end());
        piece_.clear();
        std::vector<int32_t> part;
        for (size_t i = 0; i + 1 < cuts.size(); ++i) {
            AFS_TRY(tokenizer_.encode(std::string_view(run_).substr(cuts[i], cuts[i + 1] - cuts[i]),
                                      0, part));
            piece_.insert(piece_.end(), part.begin(), part.end());
        }
        if (!holds_marker(piece_)) return {};
        return unsupported(
            "cannot keep a message apart from the chat template: the tokenizer finds a marker of "
            "the template in it");
    }

    Tokenizer& tokenizer_;
    std::map<std::string, int32_t> markers_;
    std::unordered_map<int32_t, bool> special_;  // of the ids seen so far
    std::string run_;
    std::vector<int32_t> piece_, ids_;
};

}  // namespace

Result<int32_t> marker_id(Tokenizer& tokenizer, const std::string& marker) {
    std::vector<int32_t> ids;
    AFS_TRY(tokenizer.encode(marker, AFS_ENCODE_PARSE_SPECIAL, ids));
    if (ids.size() != 1) return -1;
    TokenPiece piece;
    AFS_TRY(tokenizer.token(ids[0], piece));
    return piece.kind == AFS_TOKEN_NORMAL ? -1 : ids[0];
}

Result<std::vector<int32_t>> encode_parts(Tokenizer& tokenizer, const std::vector<ChatPart>& parts,
                                          bool everywhere) {
    std::string text;
    for (const ChatPart& part : parts) text += part.text;
    std::vector<int32_t> ids;
    AFS_TRY(tokenizer.encode(text, AFS_ENCODE_PARSE_SPECIAL, ids));
    if (everywhere) return ids;
    PartEncoder encoder(tokenizer);
    AFS_TRY(encoder.learn_markers(parts));
    AFS_ASSIGN(const bool as_written, encoder.only_markers(parts, ids));
    if (as_written) return ids;
    for (const ChatPart& part : parts) AFS_TRY(encoder.add(part));
    AFS_TRY(encoder.flush());
    return encoder.take();
}

}  // namespace afs
