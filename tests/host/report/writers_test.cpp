// The same page in every format: nothing lost, nothing that a reader's program would take for more
// than text, nothing fetched from anywhere.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

#include "host/report/page.hpp"
#include "report/chart.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using namespace afs::report;
using Catch::Matchers::Contains;

TEST_CASE("JSON holds the whole page") {
    const std::string text = report::json(test::page());
    const auto read = parse(text, "page");
    REQUIRE(read.ok());
    CHECK(report::json(*read) == text);
    CHECK(report::html(*read) == report::html(test::page()));
    CHECK(read->sections.at(2).momentary);
}

TEST_CASE("what is no report is refused by name") {
    for (const char* text : {"", "[]", "3", "{\"title\": \"x\"}", "{\"afs_report\": 2}"}) {
        const auto read = parse(text, "some.json");
        REQUIRE_FALSE(read.ok());
        CHECK_THAT(read.status().message(), Contains("some.json"));
    }
    const auto odd = parse(
        R"({"afs_report": 1, "sections": [3, {"blocks": [4, {"table": 5, "rows": [6, [7]]},
            {"facts": [["one"]]}, {"chart": 8}, {}]}]})",
        "odd");
    REQUIRE(odd.ok());
    CHECK(odd->sections.size() == 1);
    CHECK_FALSE(report::html(*odd).empty());
}

TEST_CASE("HTML escapes texts and asks nobody for anything") {
    const std::string text = report::html(test::page());
    CHECK_THAT(text, Contains("<title>Page &lt;1&gt; &amp; &quot;2&quot;</title>"));
    CHECK_THAT(text, !Contains("<script"));
    CHECK_THAT(text, Contains("&lt;script&gt;"));
    for (const char* fetch : {"src=", "url(", "@import", "href=\"http"})
        CHECK_THAT(text, !Contains(fetch));
    CHECK_THAT(text, Contains("<th scope=\"row\">processor</th><td class=\"long\">A | B</td>"));
    CHECK_THAT(text, Contains("<span class=\"mark failed\">failed</span>"));
    CHECK_THAT(text, Contains("<td data-label=\"t/s\" class=\"n\">1200.5</td>"));
    CHECK_THAT(text, Contains("<svg "));
}

TEST_CASE("a terminal's escapes reach no page") {
    Report page{"a\x1b[31mred", "", ""};
    CHECK_THAT(report::html(page), !Contains("\x1b"));
    CHECK_THAT(report::markdown(page), !Contains("\x1b"));
}

TEST_CASE("Markdown keeps its tables whole") {
    const std::string text = report::markdown(test::page());
    CHECK_THAT(text, Contains("| processor | A \\| B |"));
    CHECK_THAT(text, Contains("| memory | **warning** 24 GiB |"));
    CHECK_THAT(text, Contains("| tg128 | 41 | **failed** |"));
    CHECK_THAT(text, Contains("| fast & new | 20 | 40 |"));
    CHECK_THAT(text, Contains("````\nline 1\n```\nline 3 <&>\n````\n"));
    CHECK_THAT(text, !Contains("<script"));
}

TEST_CASE("a bar is as long as its value says") {
    const std::string text = svg(
        {Chart::Kind::bars, "t", "u", {"half", "full", "none", "odd"}, {{"", {}, {1, 2, 0, NAN}}}});
    CHECK_THAT(text, Contains("width=\"170.0\""));
    CHECK_THAT(text, Contains("width=\"340.0\""));
    CHECK_THAT(text, !Contains("nan"));
}

TEST_CASE("a line lies inside its picture and leaves out what is no number") {
    const std::string text =
        svg({Chart::Kind::lines, "t", "u", {}, {{"", {0, 5, 10, NAN}, {0, NAN, 4, 1}}}});
    CHECK_THAT(text, Contains("points=\"62.0,204.0 422.0,16.0\""));
    CHECK_THAT(text, !Contains("nan"));
    CHECK_THAT(svg({Chart::Kind::lines, "nothing", "", {}, {}}), Contains("</svg>"));
}

TEST_CASE("a file is written whole, or the error names it") {
    const test::TempFolder folder;
    const std::string path = (folder.path() / "new" / "page").string();
    REQUIRE(write_all(path, test::page()).ok());
    std::ifstream file(path + ".html");
    std::ostringstream text;
    text << file.rdbuf();
    CHECK(text.str() == report::html(test::page()));
    const Status refused = write_file("/proc/no-such/page", "text");
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.message(), Contains("/proc/no-such"));
    folder.write("old", "old text");
    std::filesystem::create_directory(folder.path() / "taken");
    folder.write("taken/inside", "");
    CHECK_FALSE(write_file((folder.path() / "taken").string(), "text").ok());
    size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
        ++n;
    CHECK(n == 3);  // new, old, taken: no draft was left
}
