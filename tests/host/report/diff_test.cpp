// A comparison shows what differs and nothing else.
#include <catch2/catch.hpp>

#include "host/report/page.hpp"

using namespace afs;
using namespace afs::report;
using Catch::Matchers::Contains;

TEST_CASE("a page does not differ from itself, nor by time or what is momentary") {
    Report other = test::page();
    other.made = "2027-01-01T00:00:00Z";
    other.sections[2].blocks = {Facts{{{"free memory", "4 GiB"}}}};
    CHECK(same(test::page(), other));
    const Report out = diff(test::page(), "a", other, "b");
    REQUIRE(out.sections.size() == 1);
    CHECK(out.sections[0].title == "Nothing differs");
}

TEST_CASE("each value that differs is one row") {
    Report other = test::page();
    std::get<Facts>(other.sections[0].blocks[0]).rows[1].second = Cell{"48 GiB", Mark::ok};
    Table& table = std::get<Table>(other.sections[1].blocks[1]);
    table.rows[1][1] = Cell("44");
    table.rows.push_back({"tg256", "40", Mark::ok});
    std::get<Chart>(other.sections[3].blocks[0]).series[1].y[0] = 12;
    std::get<Verbatim>(other.sections[3].blocks[2]).text = "line 1\n```\nanother\n";
    CHECK_FALSE(same(test::page(), other));
    const Report out = diff(test::page(), "a", other, "b");
    REQUIRE(out.sections.size() == 3);
    const std::string text = markdown(out);
    CHECK_THAT(text, Contains("| memory | warning 24 GiB | ok 48 GiB |"));
    CHECK_THAT(text, Contains("| tg128 / t/s | 41 | 44 |"));
    CHECK_THAT(text, Contains("| tg256 / t/s | - | 40 |"));
    CHECK_THAT(text, Contains("| reference / test | 11 | 12 |"));
    CHECK_THAT(text, Contains("| text 1 line 3 | line 3 &lt;&&gt; | another |"));
    CHECK_THAT(text, !Contains("processor"));
    CHECK_THAT(out.summary, Contains("6 values differ"));
}

TEST_CASE("a section that one page lacks is shown whole") {
    Report other = test::page();
    other.sections.erase(other.sections.begin());
    const std::string text = markdown(diff(test::page(), "a", other, "b"));
    CHECK_THAT(text, Contains("| processor | A \\| B | - |"));
    CHECK_THAT(markdown(diff(other, "b", test::page(), "a")),
               Contains("| processor | - | A \\| B |"));
}

TEST_CASE("rows of one name are told apart") {
    Report a{"a", "", ""}, b{"b", "", ""};
    a.add("s").add(Facts{{{"gpu", "one"}, {"gpu", "two"}}});
    b.add("s").add(Facts{{{"gpu", "one"}, {"gpu", "three"}}});
    const std::string text = markdown(diff(a, "a", b, "b"));
    CHECK_THAT(text, Contains("| gpu (2) | two | three |"));
    CHECK_THAT(text, !Contains("| gpu |"));
}
