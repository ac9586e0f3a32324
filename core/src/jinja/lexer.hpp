// A Jinja text as tokens, white space control already applied.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "afs/status.hpp"

namespace afs::jinja {

struct Token {
    // open: "{%" or "{{"; close: "%}" or "}}".
    enum class Kind { data, open, close, name, string, integer, symbol, end };
    Kind kind = Kind::end;
    std::string text;  // string: its value
    uint32_t line = 1;
};

// The last token is `end`. Comments are gone.
Result<std::vector<Token>> tokenise(std::string_view text);

}  // namespace afs::jinja
