// Waivers forgive what they name and nothing worse, and say when they are no longer needed.
#include <catch2/catch.hpp>
#include <fstream>

#include "conformance/suite/journal.hpp"
#include "conformance/suite/waivers.hpp"
#include "support/temp_folder.hpp"

using namespace afs::conformance;
using afs::test::TempFolder;
using Catch::Matchers::Contains;

namespace {

CaseResult fault(const std::string& id, const std::string& rules = "S") {
    CaseResult r;
    r.id = id, r.ending = Ending::failed, r.rules = rules;
    return r;
}

Waiver waiver(const std::string& pattern, const std::string& rules = "") {
    Waiver w;
    w.pattern = pattern, w.reason = "known", w.rules = rules;
    return w;
}

}  // namespace

TEST_CASE("waivers: forgive by pattern, device, ending and rules") {
    std::vector<CaseResult> results = {fault("linear/1:fp16:a"), fault("linear/1:bf16:a"),
                                       fault("linear/1:fp16:b", "HS")};
    Waiver elsewhere = waiver("linear/1:bf16:*");
    elsewhere.device = "cuda:*";
    const auto lines =
        apply_waivers({waiver("linear/1:fp16:*", "S"), elsewhere}, "cpu:0 host", results);
    CHECK(results[0].waiver == "known");
    CHECK(results[1].waiver.empty());
    CHECK(results[2].waiver.empty());
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines[0], Contains("1 cases end worse"));
    CHECK_THAT(lines[1], Contains("forgives nothing any more"));
}

TEST_CASE("waivers: files") {
    const TempFolder folder;
    const auto read = [&](const std::string& text) {
        const std::string path = folder.path().string() + "/w.json";
        std::ofstream(path) << text;
        return read_waivers(path);
    };
    REQUIRE(read(R"([{"case": "add/1:*", "reason": "r", "link": "l"}])").ok());
    CHECK_THAT(read(R"([{"case": "add/1:*"}])").status().message(), Contains("\"reason\""));
    CHECK_THAT(read(R"([{"cse": "x", "reason": "r"}])").status().message(), Contains("'cse'"));
    CHECK_THAT(read("{}").status().message(), Contains("expected a list"));
    CHECK_THAT(read_waivers("/no/such").status().message(), Contains("cannot read"));
}

TEST_CASE("journal: what is none is refused, lines of other kinds are passed over") {
    const TempFolder folder;
    CHECK_THAT(Journal::open("/dev/zero", "me").status().message(), Contains("a regular file"));
    CHECK_THAT(Journal::open(folder.path().string(), "me").status().message(),
               Contains("a regular file"));
    for (const char* head : {"{\"journal_of\": 3}", "[]", "{", ""})
        CHECK_THAT(
            Journal::open(folder.write("other", std::string(head) + "\n"), "me").status().message(),
            Contains("it is of something else"));
    const std::string path =
        folder.write("odd",
                     "{\"journal_of\": \"me\"}\n{\"ending\": \"passed\", \"id\": 3, \"got\": [], "
                     "\"device_lost\": 1}\n{\"ending\": {}}\n[]\n");
    CHECK(Journal::open(path, "me").ok());
}

TEST_CASE("journal: goes on where it was cut off, refuses another plugin's") {
    const TempFolder folder;
    const std::string path = folder.path().string() + "/journal";
    {
        auto journal = Journal::open(path, "me");
        REQUIRE(journal.ok());
        journal->add(fault("a"));
        journal->add(fault("b"));
    }
    std::ofstream(path, std::ios::app) << R"({"id": "c", "ending": "fai)";
    auto again = Journal::open(path, "me");
    REQUIRE(again.ok());
    CHECK(again->known().size() == 2);
    CHECK(again->known().at("a").rules == "S");
    again->add(fault("c"));
    CHECK(Journal::open(path, "me")->known().size() == 3);
    CHECK_THAT(Journal::open(path, "you").status().message(), Contains("it is of me"));
}
