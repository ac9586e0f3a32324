// What a terminal would obey is shown, all other text stays.
#include "runtime/shown_text.hpp"

#include <catch2/catch.hpp>

using afs::shown_text;

TEST_CASE("shown_text: control characters and broken UTF-8 are escaped, text stays") {
    const std::string plain = "two lines\n\tna\xc3\xafve \xe4\xbd\xa0 \xf0\x9f\x98\x80 \\x1b ~";
    CHECK(shown_text(plain) == plain);
    CHECK(shown_text("a\x1b[2Jb") == "a\\x1b[2Jb");
    CHECK(shown_text("done\rfailed") == "done\\x0dfailed");
    CHECK(shown_text(std::string("\0\x7f", 2)) == "\\x00\\x7f");
    CHECK(shown_text("\xc2\x9b"
                     "2J") == "\\xc2\\x9b2J");  // CSI in one character
    CHECK(shown_text("\xc2\xa0") == "\xc2\xa0");
    CHECK(shown_text("\xff\xc2") == "\\xff\\xc2");
    CHECK(shown_text("").empty());
}
