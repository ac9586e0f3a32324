// The text of one sequence as it is written to a terminal or a socket: whole UTF-8 characters only,
// nothing of a stop string, no byte lost at the end.
#pragma once
#include <string>
#include <vector>

#include "engine/detokeniser.hpp"
#include "engine/stop_strings.hpp"

namespace afs {

class TextStream {
public:
    // The tokenizer must outlive the stream. decode_flags: AFS_DECODE_*.
    explicit TextStream(Tokenizer* tokenizer, std::vector<std::string> stop_strings = {},
                        uint32_t decode_flags = 0)
        : detokeniser_(tokenizer, decode_flags), stops_(std::move(stop_strings)) {}

    // What comes next continues these ids, a prompt's.
    void follow(const std::vector<int32_t>& ids) { detokeniser_.follow(ids); }
    // Text that can be shown now; empty while a character or a possible stop string is incomplete,
    // and after a stop string.
    Result<std::string> push(int32_t id);
    // What was held back: the sequence is over. Bytes that never became a character come out raw.
    std::string finish();
    bool stopped() const { return stopped_; }  // a stop string was met

private:
    Detokeniser detokeniser_;
    StopStrings stops_;
    std::string partial_;  // the beginning of a character
    bool stopped_ = false;
};

// Bytes at the end of text that begin a UTF-8 character without ending it: 0 to 3.
size_t incomplete_utf8(const std::string& text);

}  // namespace afs
