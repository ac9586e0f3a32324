// Plugins that crash, hang, leak, throw, lie or are none: each ends in its own way with its reason,
// and the suite carries on with the next case.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;
const std::string kPlugins = std::string(AFS_BUILD_DIR) + "/tests/plugins/afs-kernels-test-";

ProgramResult judge(const std::string& plugin, std::vector<std::string> more) {
    std::vector<std::string> args = {"conformance", kPlugins + plugin + ".so"};
    args.insert(args.end(), more.begin(), more.end());
    return ProgramRun{kHost, args, "", {}, "/"}.run();
}

// The cases of a report, by ending.
std::map<std::string, std::vector<Json>> endings(const ProgramResult& r) {
    INFO(r.err);
    REQUIRE(!r.out.empty());
    std::map<std::string, std::vector<Json>> all;
    const Json report = Json::parse(r.out);
    for (const Json& c : report["cases"]) all[c["ending"]].push_back(c);
    return all;
}

const std::string kCase = "add/1:bf16:bf16:n=2,d=8:normal", kOther = "add/1:fp32:fp32:n=1,d=3:flat";

}  // namespace

TEST_CASE("endings: one case that crashes costs itself alone") {
    const auto r = judge("misbehaving",
                         {"--option", "how=once", "--json", "--case",
                          "add/1:bf16:bf16:n=2,d=17:normal", "--case", kCase, "--case", kOther});
    CHECK(r.exit_code == 1);
    auto by = endings(r);
    REQUIRE(by["crashed"].size() == 1);
    CHECK_THAT(by["crashed"][0]["text"].get<std::string>(), Contains("signal 6"));
    CHECK_THAT(by["crashed"][0]["text"].get<std::string>(), Contains("in run"));
    CHECK(by["passed"].size() == 2);
}

TEST_CASE("endings: each kind of misbehaviour by its name") {
    struct Expected {
        const char *how, *ending, *text;
        std::vector<std::string> more;
    };
    const std::vector<Expected> all = {
// AddressSanitizer turns the signal into an exit and has a malloc of its own.
#if !defined(__SANITIZE_ADDRESS__)
        {"crash", "crashed", "signal 11", {"--case", kCase}},
        {"leak", "leaked", "bytes behind", {"--case", "leak@" + kCase}},
        {"hog", "out of memory", "more than 256 MiB", {"--case", kCase, "--case-memory", "256"}},
#endif
        {"exit", "exited", "exit code 3", {"--case", kCase}},
        {"refuse", "refused", "its query had said yes", {"--case", kCase}},
        {"workspace", "failed", "64 bytes of workspace", {"--case", kCase}},
        {"exact", "failed", "structs of a newer host", {"--case", "abi.growth"}},
        {"hang", "hung", "no end after 1 s in run", {"--case", kCase, "--case-seconds", "1"}}
    };
    for (const Expected& e : all) {
        std::vector<std::string> args = {"--option", std::string("how=") + e.how, "--json"};
        args.insert(args.end(), e.more.begin(), e.more.end());
        const auto r = judge("misbehaving", args);
        CAPTURE(e.how, r.out, r.err);
        CHECK(r.exit_code == 1);
        auto by = endings(r);
        REQUIRE(by[e.ending].size() == 1);
        CHECK_THAT(by[e.ending][0]["text"].get<std::string>(), Contains(e.text));
    }
}

TEST_CASE("endings: a throw in every slot is an ending of its own that names the slot") {
    const std::vector<std::pair<std::string, std::string>> all = {{"query", "abi.unknown-op"},
                                                                  {"kv_layouts", "abi.wishes"},
                                                                  {"prepare", kCase},
                                                                  {"run", kCase},
                                                                  {"drop", kCase},
                                                                  {"describe", "abi.wishes"},
                                                                  {"table", "abi.tables"},
                                                                  {"close", "abi.lifecycles"}};
    for (const auto& [slot, id] : all) {
        const auto r =
            judge("misbehaving", {"--option", "how=throws in " + slot, "--json", "--case", id});
        CAPTURE(slot, r.out, r.err);
        CHECK(r.exit_code == 1);
        auto by = endings(r);
        REQUIRE(by["threw"].size() == 1);
        CHECK_THAT(by["threw"][0]["text"].get<std::string>(), Contains(slot));
    }
}

TEST_CASE("endings: without a fault add/1 alone passes, which is no verdict on the rest") {
    const auto r = judge("misbehaving", {"--op", "add/1", "--json"});
    CAPTURE(r.out.substr(0, 2000), r.err);
    CHECK(r.exit_code == 0);
    const auto report = Json::parse(r.out);
    CHECK(report["conformant"] == false);
    CHECK(report["passed"] == true);
    CHECK(report["suite"]["narrowed_by"] == Json({"--op add/1"}));
    CHECK(report["ops"]["offered"] == 1);
    CHECK(report["ops"]["of"] == 10);
}

TEST_CASE("endings: what always crashes or hangs is given up, and says so") {
    const auto r = judge("misbehaving", {"--option", "how=hang", "--op", "add/1", "--group",
                                         "numeric", "--case-seconds", "1", "--json"});
    auto by = endings(r);
    CHECK(by["hung"].size() >= 3);
    CHECK(by["hung"].size() < 8);
    CHECK(by["skipped"].size() > 50);
}

TEST_CASE("endings: a throw in any slot is caught and named") {
    for (const std::string plugin : {"query-throws", "prepare-throws"}) {
        const auto r = judge(plugin, {"--case", kCase, "--json"});
        auto by = endings(r);
        CAPTURE(plugin, r.out);
        CHECK(r.exit_code == 1);
        REQUIRE(by["threw"].size() == 1);
    }
}

TEST_CASE("endings: a plugin that supports nothing does not pass") {
    const auto r = judge("misbehaving", {"--op", "linear/1"});
    CAPTURE(r.out);
    CHECK(r.exit_code == 1);
    CHECK_THAT(r.out, Contains("conformant in nothing: ops 0/10"));
    const auto nothing = judge("nothing", {"--op", "add/1"});
    CHECK(nothing.exit_code == 1);
    CHECK_THAT(nothing.out, Contains("ops 0/10"));
}

TEST_CASE("endings: what is no plugin is refused with its reason") {
    const auto refused = [](const std::string& plugin, const std::string& why) {
        const auto r = judge(plugin, {});
        CAPTURE(plugin, r.err);
        CHECK(r.exit_code == 3);
        CHECK_THAT(r.err, Contains(why));
    };
    refused("no-symbol", "exports no symbol 'afs_plugin_v0'");
    refused("future-major", "speaks contract 9");
    refused("init-crashes", "crashed");
    refused("unresolved", "undefined symbol");
    refused("probe-declines", "3 legs");
    const auto absent = ProgramRun{kHost, {"conformance", "/no/such.so"}, "", {}, "/"}.run();
    CHECK(absent.exit_code == 3);
    const auto open_throws = judge("open-throws", {});
    CHECK(open_throws.exit_code == 3);
    CHECK_THAT(open_throws.err, Contains("threw an exception"));
}

TEST_CASE("endings: wrong use") {
    const auto use = [](std::vector<std::string> args, const std::string& why) {
        args.insert(args.begin(), "conformance");
        const auto r = ProgramRun{kHost, args, "", {}, "/"}.run();
        CAPTURE(r.err);
        CHECK(r.exit_code == 2);
        CHECK_THAT(r.err, Contains(why));
    };
    use({}, "which plugin?");
    use({"reference", "--quick", "--full"}, "exclude each other");
    use({"reference", "--profile", "olmo2-bf16-decode", "--op", "add/1"},
        "--profile and --op exclude each other");
    use({"reference", "--op", "linaer/1"}, "no op 'linaer/1'");
    use({"reference", "--case", "linear/1:bf16:bf16:n=1:norml"}, "family 'norml'");
    use({"reference", "--case", "linear/1:bf16:bf16:n=0,m=1,k=1:normal"}, "n=0: expected 1 to");
    use({"reference", "--case", "pures@add/1:bf16:bf16:n=1,d=8:normal"}, "no check 'pures'");
    use({"reference", "--waivers", "/no/such"}, "cannot read '/no/such'");
    use({"reference", "--profile", "nosuch"}, "no profile is called 'nosuch'");
    use({"reference", "-j", "0"}, "--jobs: expected a whole number from 1");
    use({"reference", "--random", "0"}, "--random: expected a whole number from 1");
    use({"reference", "--option", "x"}, "expected KEY=VALUE");
    use({"reference", "--case", "nosuch"}, "has no case 'nosuch'");
    use({"reference", "--group", "model"}, "has no group 'model'");
    use({"olmo2", "--group", "numeric"}, "expected one of abi, model");
    use({"bpe", "--case", "linear/1:bf16:bf16:n=1,m=1,k=1:normal"}, "a tokenizer plugin");
    for (const char* flag : {"--op=add/1", "--random=5", "--fit", "--profile=olmo2-bf16-decode"})
        use({"olmo2", flag}, "'olmo2' is a model plugin");
}

TEST_CASE("endings: kernels of another memory are judged like those of the host's") {
    const std::string owner = kPlugins + "fakedev.so";
    const auto r = judge("fakeguest", {"--owner", owner, "--op", "rms_norm/1", "--json"});
    CAPTURE(r.out.substr(0, 3000), r.err);
    CHECK(r.exit_code == 0);
    const Json report = Json::parse(r.out);
    CHECK_THAT(report["machine"]["memory"].get<std::string>(), Contains("fake"));
    CHECK(report["groups"]["numeric"]["passed"] > 100);
    for (const char* check : {"replay@", "repeat@", "alone@"}) {
        size_t n = 0;
        for (const Json& c : report["cases"])
            n += c["id"].get<std::string>().rfind(check, 0) == 0 && c["ending"] == "passed" &&
                 c.value("text", "").empty();
        CAPTURE(check);
        CHECK(n > 0);
    }
    const auto alone = judge("fakeguest", {});
    CHECK(alone.exit_code == 3);
    CHECK_THAT(alone.err, Contains("name one with --owner"));
}
