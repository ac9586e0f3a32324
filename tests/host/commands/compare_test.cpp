// compare: a backend with itself, an override that is right, overrides with one mistake each,
// another memory, runs that are kept, and what is refused.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;

ProgramResult compare(std::vector<std::string> args, const std::string& folder = "/tmp") {
    args.insert(args.begin(), "compare");
    return ProgramRun{
        kHost, std::move(args), "", {{"AFS_PLUGIN_PATH", AFS_BUILD_DIR "/tests/plugins"}}, folder}
        .run();
}
Json parsed(const ProgramResult& result, int exit_code) {
    INFO(result.out << result.err);
    REQUIRE(result.exit_code == exit_code);
    return Json::parse(result.out);
}
// Where a line is broken depends on how long its numbers are.
std::string in_one_line(const std::string& text) {
    std::string out;
    for (const char c : text)
        if (c != ' ' && c != '\n')
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    return out;
}
size_t widest(const std::string& text) {
    size_t most = 0, at = 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        most = std::max(most, end - at);
    return most;
}

}  // namespace

TEST_CASE("a backend with itself: right on both sides, no difference shown, in two runs") {
    const afs::test::TempFolder folder;
    const std::string page = (folder.path() / "page.html").string();
    const auto result = compare({"--base", "reference", "--test", "reference", "--judge-tokens",
                                 "24", "--seconds", "2", "--html", page});
    INFO(result.out << result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(in_one_line(result.out), Contains("no difference shown") &&
                                            Contains("noise floor") &&
                                            Contains("every node on the same kernels"));
    CHECK(std::count(result.out.begin(), result.out.end(), '\n') <= 25);
    CHECK(widest(result.out) <= 100);
    CHECK(std::filesystem::file_size(page) > 5000);
    const auto again = parsed(compare({"--base", "reference", "--test", "reference",
                                       "--judge-tokens", "24", "--seconds", "2", "--json"}),
                              0);
    CHECK(again["speed"][0]["verdict"] == "no difference shown");
    CHECK(again["right"] == true);
}

// olmo2-tiny has rows of logits beyond its vocabulary.
TEST_CASE("both sides are judged by the same columns") {
    const auto run = parsed(compare({"--base", "reference", "--test", "reference", "--model-plugin",
                                     "olmo2", "--judge-tokens", "24", "--no-speed", "--json"}),
                            0);
    CHECK(run["base"]["judgement"][0]["logits"] == run["test"]["judgement"][0]["logits"]);
}

TEST_CASE("one mistake in an override: its tag and kind are named, no speed is printed") {
    const afs::test::TempFolder folder;
    struct Case {
        const char* kernels;
        const char* looks_like;
    };
    for (const Case& c : {Case{"test-attention-scaled", "scaled by 1.01"},
                          Case{"test-attention-edge", "tokens 64 to 67"}}) {
        const auto json =
            parsed(compare({"--base", "reference", "--test", std::string(c.kernels) + ",reference",
                            "--judge-tokens", "68", "--json", "--case", "cases"},
                           folder.path().string()),
                   1);
        CAPTURE(c.kernels);
        CHECK(json["wrong_side"] == "test");
        CHECK_FALSE(json.contains("speed"));
        const auto& wrong = json["test"]["judgement"][0]["wrong"][0];
        CHECK(wrong["tag"] == "L0.attn.ctx");
        CHECK_THAT(wrong["looks_like"].get<std::string>(), Contains(c.looks_like));
        CHECK(json["smallest_set"]["tags"] == Json{"L0.attn.ctx"});
        CHECK(json["smallest_set"]["minimal"] == true);
        CHECK(std::filesystem::exists(folder.path() / "cases/L0.attn.ctx/case.json"));
        CHECK(std::filesystem::exists(folder.path() / "cases/L0.attn.ctx/values.safetensors"));
    }
    const auto base =
        parsed(compare({"--base", "test-attention-scaled,reference", "--test", "reference",
                        "--judge-tokens", "24", "--no-speed", "--json", "--case", "cases"},
                       folder.path().string()),
               1);
    CHECK(base["wrong_side"] == "base");
}

TEST_CASE("an override that is right, and kernels in another memory") {
    const auto mine = parsed(compare({"--base", "reference", "--test", "test-attention,reference",
                                      "--judge-tokens", "40", "--no-speed", "--json"}),
                             0);
    CHECK(mine["test"]["judgement"][0]["nodes_judged"] == 123);
    CHECK(mine["changed"].size() == 1);
    const auto device =
        parsed(compare({"--base", "test-fakedev", "--test", "test-fakeguest,test-fakedev",
                        "--judge-tokens", "24", "--dtype", "fp32", "--json", "--seconds", "1",
                        "--tg", "4", "--pp", "8"}),
               0);
    CHECK(device["timing"]["generate"] == 4);
    CHECK(device["attribution"].size() > 10);
}

TEST_CASE("a base that runs the step as one program is cut where the test overrides it") {
    const auto json =
        parsed(compare({"--base", "test-toy", "--test", "test-attention,test-toy", "--dtype",
                        "fp32", "--judge-tokens", "24", "--seconds", "1", "--tg", "4", "--pp", "8",
                        "--set", "plugins.test-toy.kinds=runs", "--json"}),
               0);
    CHECK(json["cut_nodes"] == 7);
    CHECK(json["price_of_cut"].size() == 2);
    CHECK(json["overall"].size() == 2);
}

TEST_CASE("a context that is too short is refused with what is needed") {
    struct Case {
        std::vector<std::string> args;
        const char* says;
    };
    for (const Case& c :
         {Case{{"--max-context", "1"},
               "judging a text needs a context of 3 tokens, this one holds 1"},
          Case{{"--max-context", "8", "--judge-tokens", "9"}, "--judge-tokens 9 needs"},
          Case{{"--max-context", "60", "--pp", "50", "--tg", "20", "--judge-tokens", "4"},
               "timing --pp 50 and --tg 20 needs a context of 70 tokens"}}) {
        std::vector<std::string> args = {"--base", "reference", "--test", "reference"};
        args.insert(args.end(), c.args.begin(), c.args.end());
        const auto refused = compare(args);
        CHECK(refused.exit_code == 1);
        CHECK_THAT(refused.err, Contains(c.says) && Contains("--max-context"));
    }
}

TEST_CASE("runs are kept and compared, more than one difference is refused") {
    const afs::test::TempFolder folder;
    for (const char* name : {"a.json", "b.json"}) {
        const auto saved = compare({"--save", name, "--kernels", "reference", "--judge-tokens",
                                    "24", "--seconds", "1", "--tg", "8", "--pp", "16"},
                                   folder.path().string());
        INFO(saved.out << saved.err);
        REQUIRE(saved.exit_code == 0);
        CHECK_THAT(in_one_line(saved.out),
                   Contains("--kernels OTHER --pp 16 --tg 8 --save OTHER.json, then afs-host "
                            "compare " +
                            std::string(name) + " OTHER.json"));
    }
    const auto both = compare({"a.json", "b.json"}, folder.path().string());
    INFO(both.out << both.err);
    CHECK(both.exit_code == 0);
    CHECK_THAT(both.out, Contains("not interleaved"));
    const auto dropped = compare({"a.json", "b.json", "--pp", "8"}, folder.path().string());
    CHECK(dropped.exit_code == 2);
    CHECK_THAT(dropped.err, Contains("--pp has no effect on saved runs"));
    folder.write("broken.json", R"({"afs": "run", )");
    for (const auto& files : {std::vector<std::string>{"a.json", "broken.json"},
                              std::vector<std::string>{"broken.json", "a.json"}}) {
        const auto broken = compare(files, folder.path().string());
        CHECK(broken.exit_code == 2);
        CHECK_THAT(broken.err, Contains("broken.json") && !Contains("a.json"));
    }
    folder.write("one.json", R"({"kernels": ["reference"], "threads": 1,
        "model": {"plugin": "olmo2", "path": ")" AFS_SOURCE_DIR R"(/weights/olmo2-tiny"}})");
    folder.write("two.json", R"({"kernels": ["cpu"], "threads": 2,
        "model": {"plugin": "olmo2", "path": ")" AFS_SOURCE_DIR R"(/weights/olmo2-tiny"}})");
    const auto unfair = compare({"one.json", "two.json"}, folder.path().string());
    CHECK(unfair.exit_code == 2);
    CHECK_THAT(unfair.err, Contains("2 things differ") && Contains("threads: 1 against 2"));
    CHECK(compare({"one.json"}, folder.path().string()).exit_code == 2);
    CHECK_THAT(compare({}).err, Contains("nothing to compare"));
    CHECK(compare({"--base", "nobody", "--test", "reference"}).exit_code == 3);
}
