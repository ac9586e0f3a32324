// report: the record of a machine, two compared, a recorded run repeated.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

using Catch::Contains;
using Record = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

struct Reports {
    afs::test::TempFolder folder;

    ProgramResult run(std::vector<std::string> args) const {
        return ProgramRun{
            AFS_BUILD_DIR "/bin/afs-host", std::move(args), "", {}, folder.path().string()}
            .run();
    }
    std::string text(const std::string& file) const {
        std::ifstream stream(folder.path() / file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
};

}  // namespace

TEST_CASE("report: the same machine gives the same twice, but for what is of the moment") {
    const Reports reports;
    // A certificate counts for the file it was given for, by hash.
    const auto judged = reports.run({"plugins", "inspect", "reference", "--json"});
    const std::string hash = Record::parse(judged.out)["sha256"];
    for (const char* name : {"a", "b"}) {
        reports.folder.write(std::string(name) + "/conformance-x.json",
                             R"({"certificate": "afs conformance", "conformant": true,
                                 "plugin": {"sha256": ")" +
                                 hash + R"("}, "suite": {"level": "full", "date": "then"}})");
        reports.folder.write(std::string(name) + "/torn.json", "{\"certificate\"");
        const auto result = reports.run({"report", "--reports", name});
        INFO(result.out << result.err);
        REQUIRE(result.exit_code == 0);
    }
    Record a = Record::parse(reports.text("a/environment_report.json")),
           b = Record::parse(reports.text("b/environment_report.json"));
    for (Record* page : {&a, &b}) {
        page->erase("made");
        Record& sections = (*page)["sections"];
        for (size_t i = sections.size(); i-- > 0;)
            if (sections[i].contains("momentary")) sections.erase(i);
    }
    CHECK(a == b);
    std::string titles;
    for (const Record& section : a["sections"])
        titles += section["title"].get<std::string>() + "; ";
    for (const char* part : {"What works here", "Sanity", "Checks: system", "Checks: model",
                             "Plugins", "Dependencies", "Configuration", "Weights"})
        CHECK_THAT(titles, Contains(part));
    CHECK_THAT(reports.text("a/environment_report.html"),
               Contains("</html>") && !Contains("http://"));
    CHECK_THAT(reports.text("a/environment_report.md"),
               Contains("# Environment report") && Contains("**ok** conformant, full, then"));

    const auto same =
        reports.run({"report", "--diff", "a/environment_report.json", "b/environment_report.json"});
    CHECK(same.exit_code == 0);
    CHECK_THAT(same.out, Contains("Nothing differs"));
    std::string other = reports.text("b/environment_report.json");
    const size_t at = other.find("glibc");
    REQUIRE(at != std::string::npos);
    reports.folder.write("c.json", other.replace(at, 5, "musll"));
    const auto differs = reports.run({"report", "--diff", "a/environment_report.json", "c.json"});
    CHECK(differs.exit_code == 1);
    CHECK_THAT(differs.out, Contains("1 value differs") && Contains("system.libc / found") &&
                                Contains("+ musll"));
}

TEST_CASE("report fails where the sanity run or a check does, and is written all the same") {
    const Reports reports;
    const std::string nothing = AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-nothing.so";
    const auto sanity = reports.run({"report", "--reports", "a", "--checks", "model", "--kernels",
                                     "test-nothing", "--plugin", nothing});
    INFO(sanity.out << sanity.err);
    CHECK(sanity.exit_code == 1);
    CHECK_THAT(sanity.out, Contains(" findings: 2 failed") && Contains("Not all ran or agreed"));
    const Record page = Record::parse(reports.text("a/environment_report.json"));
    CHECK(page["sections"][0]["title"] == "To look at");
    CHECK_THAT(page["sections"][0].dump(), Contains("sanity.test-nothing"));
    CHECK_THAT(page.dump(), !Contains("Checks: sanity"));
    const auto check = reports.run(
        {"report", "--reports", "b", "--checks", "model", "--no-sanity", "--model", "/no/such"});
    CHECK(check.exit_code == 1);
    CHECK_THAT(reports.text("b/environment_report.md"), Contains("/no/such"));
}

TEST_CASE("report: a certificate of a narrowed run says what it is of") {
    const Reports reports;
    fs::create_directory(reports.folder.path() / "part");
    const auto judged = reports.run({"conformance", "reference", "--random", "3", "--certificate",
                                     "part/conformance-reference.json"});
    INFO(judged.out << judged.err);
    REQUIRE(judged.exit_code == 0);
    reports.run({"report", "--reports", "part", "--checks", "model", "--no-sanity"});
    CHECK_THAT(
        reports.text("part/environment_report.md"),
        Contains("passed in part, only --random 3, quick, ") && !Contains("ok** conformant"));
}

TEST_CASE("report --replay: a recorded run again") {
    const Reports reports;
    const auto recorded = reports.run({"generate", "--json", "--quiet", "--prompt", "The cat", "-n",
                                       "8", "--temperature", "0.9", "--seed", "7"});
    REQUIRE(recorded.exit_code == 0);
    reports.folder.write("run.json", recorded.out);
    const auto same = reports.run({"report", "--replay", "run.json"});
    INFO(same.out << same.err);
    CHECK(same.exit_code == 0);
    CHECK_THAT(same.out, Contains("all 8 the same") && !Contains("setting"));
    const auto hotter = reports.run({"report", "--replay", "run.json", "--temperature", "0.25"});
    INFO(hotter.out << hotter.err);
    CHECK_THAT(hotter.out,
               Contains("setting sampling.temperature") && Contains("0.9 was, 0.25 is"));
    const auto greedy =
        reports.run({"report", "--replay", "run.json", "--json", "--repetition-penalty", "1.5"});
    CHECK_THAT(greedy.out, Contains("setting sampling.repetition_penalty"));
    Record run = Record::parse(recorded.out);
    run["ids"][5] = run["ids"][5].get<int>() + 1;
    reports.folder.write("other.json", run.dump());
    const auto other = reports.run({"report", "--replay", "other.json"});
    CHECK(other.exit_code == 1);
    CHECK_THAT(other.out, Contains("the first 5 the same"));
    Record silent = run;
    silent["prompt_ids"] = Record::array();
    reports.folder.write("silent.json", silent.dump());
    const auto refused = reports.run({"report", "--replay", "silent.json"});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Contains("\"prompt_ids\" must be a list of token ids, found []"));
    run["config"]["kernels"] = {"gone"};
    reports.folder.write("gone.json", run.dump());
    const auto gone = reports.run({"report", "--replay", "gone.json"});
    CHECK(gone.exit_code == 1);
    CHECK_THAT(gone.out, Contains("it did not run"));
}

TEST_CASE("report --replay: a run whose family the checkpoint chose") {
    const Reports reports;
    const auto recorded = reports.run({"generate", "--json", "--quiet", "--prompt", "The cat", "-n",
                                       "4", "--model", AFS_SOURCE_DIR "/weights/llama3-tiny"});
    REQUIRE(recorded.exit_code == 0);
    reports.folder.write("run.json", recorded.out);
    const auto same = reports.run({"report", "--replay", "run.json"});
    INFO(same.out << same.err);
    CHECK(same.exit_code == 0);
}

TEST_CASE("report: wrong use") {
    const Reports reports;
    reports.folder.write("x.json", "{}");
    CHECK(reports.run({"report", "extra"}).exit_code == 2);
    CHECK(reports.run({"report", "--diff", "x.json"}).exit_code == 2);
    CHECK(reports.run({"report", "--diff", "x.json", "--replay", "x.json"}).exit_code == 2);
    const auto none = reports.run({"report", "--diff", "x.json", "x.json"});
    CHECK(none.exit_code == 1);
    CHECK_THAT(none.err, Contains("is no report"));
    const auto record = reports.run({"report", "--replay", "x.json"});
    CHECK(record.exit_code == 1);
    CHECK_THAT(record.err, Contains("is no recorded run"));
}
