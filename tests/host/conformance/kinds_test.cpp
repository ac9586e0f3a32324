// Models, tokenizers and profiles through the program, and what it writes for machines.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;

ProgramResult conformance(std::vector<std::string> args) {
    args.insert(args.begin(), "conformance");
    return ProgramRun{kHost, std::move(args), "", {}, "/"}.run();
}

}  // namespace

TEST_CASE("kinds: families and tokenizers of this repository are conformant") {
    for (const std::string plugin : {"olmo2", "llama3", "bpe"}) {
        const auto r = conformance({plugin, "--json"});
        CAPTURE(plugin, r.out, r.err);
        CHECK(r.exit_code == 0);
        const Json report = Json::parse(r.out);
        CHECK(report["conformant"] == true);
        for (const Json& c : report["cases"]) CHECK(c["ending"] == "passed");
    }
}

TEST_CASE("kinds: a tokenizer that reads none of the files at hand is conformant in nothing") {
    const auto r = conformance({"sentencepiece"});
    CHECK(r.exit_code == 1);
    CHECK_THAT(r.out, Contains("conformant in nothing"));
    CHECK_THAT(r.out, Contains("give one with --model"));
}

TEST_CASE("kinds: of plugins of one name the kernels are meant, else the kind has to be said") {
    const afs::test::TempFolder folder;
    const auto twin = [&](const std::string& kind) {
        const std::string path = (folder.path() / ("afs-" + kind + "-twin.so")).string();
        std::ofstream(path) << "no library";
        return path;
    };
    const auto judge = [&](const std::string& name) {
        return ProgramRun{
            kHost, {"conformance", name}, "", {{"AFS_PLUGIN_PATH", folder.path().string()}}, "/"}
            .run();
    };
    twin("env"), twin("model");
    CHECK(judge("twin").exit_code == 3);
    CHECK_THAT(judge("twin").err, Contains("env-twin or model-twin"));
    CHECK_THAT(judge("model-twin").err, Contains("afs-model-twin.so"));
    twin("kernels");
    CHECK_THAT(judge("twin").err, Contains("afs-kernels-twin.so"));
}

TEST_CASE("kinds: SentencePiece on vocabularies of its own trainer") {
    for (const std::string model : {"bpe", "unigram"}) {
        const afs::test::TempFolder folder;
        std::filesystem::copy_file(AFS_SOURCE_DIR "/tests/golden/sentencepiece/" + model + ".model",
                                   folder.path() / "tokenizer.model");
        const auto r = conformance({"sentencepiece", "--model", folder.path().string(), "--json"});
        CAPTURE(model, r.out, r.err);
        CHECK(r.exit_code == 0);
        size_t n = 0;
        const Json report = Json::parse(r.out);
        for (const Json& c : report["cases"]) {
            CHECK(c["ending"] == "passed");
            n += c["group"] == "tokenizer";
        }
        CHECK(n == 4);
    }
}

TEST_CASE("kinds: kernels that decline all that was asked are conformant in nothing") {
    const auto r = conformance({"cpu", "--case", "region.llama3-tiny.bf16", "--json"});
    CAPTURE(r.out, r.err);
    const Json report = Json::parse(r.out);
    CHECK(report["cases"][0]["ending"] == "declined");
    CHECK(report["conformant"] == false);
}

TEST_CASE("kinds: programs are judged where others see their values") {
    const std::string toy = std::string(AFS_BUILD_DIR) + "/tests/plugins/afs-kernels-test-toy.so";
    for (const std::string kinds : {"step", "layers", "runs"}) {
        const auto r =
            conformance({toy, "--group", "region", "--option", "kinds=" + kinds, "--json"});
        CAPTURE(kinds, r.out, r.err);
        CHECK(r.exit_code == 0);
        const Json cases = Json::parse(r.out)["cases"];
        CHECK(cases.size() == 6);    // two families, three dtypes
        for (const Json& c : cases)  // OLMo-2 overflows in fp16
            CHECK(c["ending"] == (c["id"] == "region.olmo2-tiny.fp16" ? "declined" : "passed"));
    }
    const auto wrong = conformance({toy, "--case", "region.llama3-tiny.fp32", "--option",
                                    "kinds=layers", "--option", "scaled=L3.attn.ctx", "--json"});
    CAPTURE(wrong.out, wrong.err);
    CHECK(wrong.exit_code == 1);
    const Json c = Json::parse(wrong.out)["cases"][0];
    CHECK(c["ending"] == "failed");
    CHECK_THAT(c["text"].get<std::string>(), Contains("program of L*"));
    CHECK_THAT(c["looks_like"].get<std::string>(),
               Contains("attention/1 on: the first value that leaves its class is "
                        "L3.attn.ctx"));
}

TEST_CASE("kinds: a group of a family, and random cases, run alone") {
    const auto groups = [](const std::vector<std::string>& args) {
        const auto r = conformance(args);
        CAPTURE(r.out, r.err);
        CHECK(r.exit_code == 0);
        const Json report = Json::parse(r.out);
        std::map<std::string, size_t> n;
        for (const Json& c : report["cases"]) ++n[c["group"].get<std::string>()];
        return n;
    };
    using Counts = std::map<std::string, size_t>;
    CHECK(groups({"olmo2", "--group", "model", "--json"}) == Counts{{"model", 5}});
    CHECK(groups({"reference", "--random", "5", "--json"}) == Counts{{"stress", 5}});
    CHECK(groups({"reference", "--random", "5", "--op", "add/1", "--group", "abi", "--json"}) ==
          Counts{{"abi", 10}, {"stress", 5}});
}

TEST_CASE("kinds: a narrowed run does not read like the whole suite") {
    const afs::test::TempFolder folder;
    const std::string junit = (folder.path() / "j.xml").string(),
                      certificate = (folder.path() / "c.json").string();
    const auto r = conformance({"reference", "--op", "add/1", "--group", "numeric", "--certificate",
                                certificate, "--junit", junit});
    CAPTURE(r.out, r.err);
    CHECK(r.exit_code == 0);
    CHECK_THAT(r.out, Contains("\npassed in part: ops 1/10") &&
                          Contains("\nonly --op add/1 --group numeric: no verdict on the rest") &&
                          !Contains("next: "));
    std::ifstream file(certificate);
    const Json json = Json::parse(file);
    CHECK(json["conformant"] == false);
    CHECK(json["passed"] == true);
    CHECK(json["suite"]["narrowed_by"] == Json({"--op add/1", "--group numeric"}));
    std::ifstream xml_file(junit);
    const std::string xml((std::istreambuf_iterator<char>(xml_file)), {});
    CHECK_THAT(xml, Contains("name=\"conformance of reference, only --op add/1, only --group"));
}

TEST_CASE("kinds: no search finds the plugin of seeded bugs") {
    const auto r = ProgramRun{kHost, {"plugins", "list"}, "", {}, "/"}.run();
    CHECK_THAT(r.out, Contains("reference"));
    CHECK_THAT(r.out, !Contains("seeded"));
}

TEST_CASE("kinds: an unsupported op that a profile needs is a failure of the profile") {
    const auto r =
        conformance({std::string(AFS_BUILD_DIR) + "/tests/plugins/afs-kernels-test-misbehaving.so",
                     "--profile", "olmo2-bf16-decode", "--json"});
    CAPTURE(r.err);
    CHECK(r.exit_code == 1);
    const Json report = Json::parse(r.out);
    CHECK(report["conformant"] == true);  // in what it offers
    REQUIRE(report["profiles"].size() == 1);
    CHECK(report["profiles"][0]["holds"] == false);
    CHECK(report["profiles"][0]["ops"] == 1);
    CHECK(report["profiles"][0]["of"] == 10);
}

TEST_CASE("kinds: --seed numbers the first random case") {
    const auto ids = [](const std::string& n, const std::string& seed) {
        const auto r = conformance({"reference", "--random", n, "--seed", seed, "--json"});
        CAPTURE(r.err);
        REQUIRE(r.exit_code == 0);
        const Json report = Json::parse(r.out);
        CHECK(report["suite"]["narrowed_by"].dump() ==
              "[\"--random " + n + "\"" + (seed == "0" ? "]" : ",\"--seed " + seed + "\"]"));
        std::set<std::string> all;
        for (const Json& c : report["cases"]) all.insert(c["id"].get<std::string>());
        return all;
    };
    const auto from_0 = ids("30", "0"), from_20 = ids("10", "20");
    CHECK(from_20.size() == 10);
    CHECK(std::includes(from_0.begin(), from_0.end(), from_20.begin(), from_20.end()));
}

TEST_CASE("kinds: a journal goes on, the certificate and JUnit say the same counts") {
    const afs::test::TempFolder folder;
    const std::string journal = (folder.path() / "j").string(),
                      certificate = (folder.path() / "c.json").string(),
                      junit = (folder.path() / "j.xml").string();
    const std::vector<std::string> args = {"reference", "--op", "add/1", "--resume", journal};
    CHECK(conformance(args).exit_code == 0);
    auto more = args;
    more.insert(more.end(), {"--certificate", certificate, "--junit", junit});
    const auto again = conformance(more);
    CHECK(again.exit_code == 0);
    CHECK_THAT(again.out, Contains("results are from the journal"));
    std::ifstream file(certificate);
    const Json json = Json::parse(file);
    CHECK(json["plugin"]["sha256"].get<std::string>().size() == 64);
    const size_t n = json["groups"]["numeric"]["cases"].get<size_t>();
    CHECK(n > 100);
    std::ifstream xml_file(junit);
    const std::string xml((std::istreambuf_iterator<char>(xml_file)), {});
    CHECK_THAT(xml, Contains("failures=\"0\""));
    auto other = args;
    other[0] = std::string(AFS_BUILD_DIR) + "/plugins/self-test/afs-kernels-seeded-bugs.so";
    const auto refused = conformance(other);
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Contains("it is of reference"));
    std::filesystem::remove(journal);
    const auto judge = [&](const std::string& set) {
        return conformance(
            {"cpu", "--op", "add/1", "--resume", journal, "--option", "instruction_set=" + set});
    };
    CHECK(judge("portable").exit_code == 0);
    const auto options = judge("auto");
    CHECK(options.exit_code == 1);
    CHECK_THAT(options.err,
               Contains("instruction_set=portable, expected") && Contains("instruction_set=auto"));
}
