// What is unknown is said by name and line; what never ends or never fits is refused.
#include <catch2/catch.hpp>

#include "afs/jinja/template.hpp"

using afs::jinja::Dict;
using afs::jinja::List;
using afs::jinja::Template;
using afs::jinja::Value;
using Catch::Matchers::Contains;

namespace {

afs::Status status_of(const std::string& source) {
    const auto parsed = Template::parse(source);
    if (!parsed) return parsed.status();
    List many(1000, Value::of("x"));
    return parsed->render({{"many", Value::of(std::move(many))}}, "today").status();
}

std::string repeated(const std::string& text, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("what is unknown is named, with its line") {
    struct Case {
        std::string source, says;
    };
    const std::vector<Case> cases = {
        {"a\n{% include 'x' %}", "line 2: the tag {% include %}"},
        {"{{ f(1) }}", "line 1: the function 'f'"},
        {"\n\n{{ 'a' | shout }}", "line 3: the filter 'shout'"},
        {"{{ 1 is prime }}", "the test 'prime'"},
        {"{{ 'a'.casefold() }}", "the method 'casefold'"},
        {"{{ 1.5 }}", "the number '1..'"},
        {"{{ 1 < 2 < 3 }}", "chained comparisons"},
        {"{{ (1, 2) }}", "tuples"},
        {"{{ many }}", "printing a list"},
        {"{{ 'a' + 1 }}", "'+' between values of kind string and integer"},
        {"{{ strftime_now('%H:%M') }}", "a date in another form"},
        {"{{ '\xc3\xa4' | upper }}", "beyond ASCII"},
        {"{% for a, b in many %}{% endfor %}", "another number of values"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.source);
        const afs::Status status = status_of(c.source);
        CHECK_FALSE(status.ok());
        CHECK_THAT(status.message(), Contains(c.says));
    }
}

TEST_CASE("hostile templates end in an error, soon") {
    const std::string loop = "{% for i in many %}", end = "{% endfor %}";
    const std::vector<std::string> sources = {
        "{{ " + repeated("(", 100000) + "1",
        "{{ " + repeated("not ", 100000) + "1 }}",
        "{{ " + repeated("-", 100000) + "1 }}",
        "{{ " + repeated("[", 100000) + " }}",
        repeated("{% if 1 %}", 10000),
        "{{ " + repeated("1 if ", 100000) + "1 }}",
        repeated(loop, 4) + "{{ i }}" + repeated(end, 4),
        loop + loop + repeated("{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}", 60) + end + end,
        "{% set ns = namespace(s='x') %}" + loop + "{% set ns.s = ns.s + ns.s %}" + end,
        "{% set ns = namespace(s=many) %}" + loop + "{% set ns.s = ns.s + ns.s %}" + end,
        std::string((size_t{1} << 20) + 1, 'a'),
        "{{ 99999999999999999999 }}",
        "{{ 9999999999 * 9999999999 }}",
        "{{ '\\ud800' }}",
        "{{ '\\u12' }}",
        std::string("{{ \0 }}", 7),
        "{{",
        "{%",
        "{#",
        "{% set",
        "{% for x in",
        "{{ a[1:2:0] }}",
    };
    for (const std::string& source : sources) {
        CAPTURE(source.substr(0, 60));
        CHECK_FALSE(status_of(source).ok());
    }
}

TEST_CASE("chains as long as templates have them are no nesting") {
    CHECK(status_of("{{ 1" + repeated(" + 1", 60) + " }}").ok());
    CHECK(status_of("{{ 'a'" + repeated("|trim", 60) + " }}").ok());
    CHECK_FALSE(status_of("{{ 1" + repeated(" + 1", 20000) + " }}").ok());
    CHECK_FALSE(status_of("{{ 'a'" + repeated("|trim", 20000) + " }}").ok());
    CHECK_FALSE(status_of("{{ a" + repeated(".a", 20000) + " }}").ok());
    CHECK_FALSE(status_of("{{ a" + repeated("[0]", 20000) + " }}").ok());
    CHECK_FALSE(status_of("{{ a" + repeated("()", 20000) + " }}").ok());
}
