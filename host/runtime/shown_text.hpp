// Text of files, hubs and plugins as a terminal may have it.
#pragma once
#include <string>
#include <string_view>

namespace afs {

// Control characters (of ASCII and U+0080 to U+009F) but line feeds and tabs, and bytes that are no
// UTF-8, become \xNN: a name in a file cannot clear the screen, or write over what was said of it.
std::string shown_text(std::string_view text);

}  // namespace afs
