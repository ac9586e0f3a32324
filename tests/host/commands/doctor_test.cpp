// doctor: quick, quiet about what works, loud about what does not, and it writes below its folder.
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "support/gguf_model.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

using Catch::Contains;
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

struct Doctor {
    afs::test::TempFolder folder;

    ProgramResult run(std::vector<std::string> args,
                      std::map<std::string, std::string> environment = {}) const {
        args.insert(args.begin(), {"doctor", "--reports", (folder.path() / "reports").string()});
        return ProgramRun{AFS_BUILD_DIR "/bin/afs-host", args, "", environment,
                          folder.path().string()}
            .run();
    }
    Json read(const std::string& file) const {
        std::ifstream stream(folder.path() / "reports" / file);
        return Json::parse(stream);
    }
};

Json find(const Json& findings, const std::string& name) {
    for (const Json& one : findings)
        if (one["name"] == name) return one;
    return {};
}

}  // namespace

TEST_CASE("doctor finds this machine well, soon, and writes three reports") {
    const Doctor doctor;
    const auto start = std::chrono::steady_clock::now();
    const auto result = doctor.run({});
    [[maybe_unused]] const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - start;
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(took.count() < 3);
#endif
    CHECK_THAT(result.out, Contains("works here\n") && Contains("reference"));
    CHECK_THAT(result.out, !Contains("\033"));
    size_t from = 0;
    for (size_t end; (end = result.out.find('\n', from)) != std::string::npos; from = end + 1)
        CHECK(end - from <= 100);
    CHECK_FALSE(find(doctor.read("system_gpu.json")["findings"], "processor.model").empty());
    CHECK(find(doctor.read("system_gpu.json")["findings"], "checkpoint").empty());
    const Json config = doctor.read("config_report.json");
    CHECK(find(config["findings"], "checkpoint")["status"] == "ok");
    const Json opens = find(doctor.read("system_gpu.json")["findings"], "model.opens");
    CHECK(opens["status"] == "ok");
    CHECK_THAT(opens["found"].get<std::string>(), Contains("olmo2, 7 layers") && Contains("bf16"));
    CHECK(config["settings"]["kernels"]["value"] == Json({"auto"}));
    std::ifstream tree(doctor.folder.path() / "reports/dependency_tree.txt");
    const std::string text{std::istreambuf_iterator<char>(tree), {}};
    CHECK_THAT(text, Contains("\nafs-host  version") && Contains("\nkernels-reference  version") &&
                         Contains("libstdc++.so.6"));
    size_t n = 0;  // nothing beside the reports
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(doctor.folder.path())) ++n;
    CHECK(n == 1);
}

TEST_CASE("doctor goes on where the configuration or the model is broken, and fails") {
    const Doctor doctor;
    doctor.folder.write("bad.json", "{ \"kernel\": 3 }");
    const auto bad = doctor.run({"--config", "bad.json"});
    CHECK(bad.exit_code == 1);
    CHECK_THAT(bad.out, Contains("did you mean") && Contains("processor.model"));
    const auto absent = doctor.run({"--json", "--model", "/no/such", "--kernels", "nonsense"});
    CHECK(absent.exit_code == 1);
    const Json findings = Json::parse(absent.out)["findings"];
    CHECK(find(findings, "checkpoint")["status"] == "failed");
    CHECK(find(findings, "config.kernels")["status"] == "failed");
    for (const Json& one : findings)
        if (one["status"] == "failed" || one["status"] == "warning") {
            INFO(one.dump());
            CHECK(one.contains("remedy"));
        }
}

TEST_CASE("doctor finds that the model cannot run, and why") {
    const Doctor doctor;
    const auto reason = [&](const std::string& model) {
        const auto result = doctor.run({"--json", "--checks", "model", "--model", model});
        INFO(result.out << result.err);
        CHECK(result.exit_code == 1);
        const Json findings = Json::parse(result.out)["findings"],
                   found = find(findings, "model.opens");
        CHECK(found["status"] == "failed");
        for (const Json& one : findings)
            if (one["name"].get<std::string>().starts_with("shapes"))
                CHECK(one["status"] != "failed");
        return found.value("found", "");
    };
    afs::test::GgufSizes sizes;
    sizes.architecture = "qwen2";
    afs::test::GgufBuilder foreign = afs::test::gguf_metadata(sizes);
    CHECK_THAT(reason(doctor.folder.write("q.gguf", foreign.bytes()).string()),
               Contains("no model plugin knows the architecture 'qwen2'") &&
                   Contains("(model.path from command line --model)"));
    sizes.architecture = "llama";
    afs::test::GgufBuilder coded = afs::test::gguf_metadata(sizes);
    coded.tensor({"token_embd.weight", 10, {1, 256}, std::string(84, 'x')});
    CHECK_THAT(reason(doctor.folder.write("k.gguf", coded.bytes()).string()),
               Contains("'token_embd.weight'") && Contains("found Q2_K"));
    fs::copy(AFS_SOURCE_DIR "/weights/llama3-tiny", doctor.folder.path() / "phi");
    std::ifstream file(AFS_SOURCE_DIR "/weights/llama3-tiny/config.json");
    Json config = Json::parse(file);
    config["model_type"] = "phi3";
    config["architectures"] = {"Phi3ForCausalLM"};
    doctor.folder.write("phi/config.json", config.dump());
    CHECK_THAT(reason((doctor.folder.path() / "phi").string()), Contains("\"phi3\""));
}

TEST_CASE("doctor finds kernels that are asked for and do not work here") {
    const Doctor doctor;
    const auto result =
        doctor.run({"--json", "--checks", "model", "--kernels", "test-probe-declines", "--plugin",
                    AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-probe-declines.so"});
    INFO(result.out << result.err);
    CHECK(result.exit_code == 1);
    const Json findings = Json::parse(result.out)["findings"];
    const Json named = find(findings, "config.kernels");
    CHECK(named["status"] == "failed");
    CHECK_THAT(named["found"].get<std::string>(), Contains("needs a machine with 3 legs"));
    CHECK(find(findings, "model.opens")["status"] == "failed");
}

TEST_CASE("doctor tells a plugin that crashes and a check that does, and finishes") {
    const Doctor doctor;
    const std::string plugins = AFS_BUILD_DIR "/tests/plugins/";
    const auto result =
        doctor.run({"--json", "--plugin", plugins + "afs-env-test-checks.so", "--plugin",
                    plugins + "afs-kernels-test-init-crashes.so", "--checks", "test-checks"});
    CHECK(result.exit_code == 1);
    const Json findings = Json::parse(result.out)["findings"];
    CHECK(find(findings, "plugin.kernels-test-init-crashes")["status"] == "warning");
    CHECK(find(findings, "crashes")["status"] == "failed");
    CHECK(find(findings, "last.option")["status"] == "info");
    CHECK(find(findings, "processor.model").empty());  // --checks names the others away
}

TEST_CASE("doctor --sanity compares the backends, --write-env takes the fastest") {
    const Doctor doctor;
    const auto result = doctor.run({"--sanity", "--write-env", "--checks", "model"});
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("reference: ran; the others are compared with it"));
    const Json summary = doctor.read("test_summary.json");
    CHECK(summary["ok"] == true);
    CHECK(summary["runs"][0]["run"]["ids"].size() == 12);
    for (const Json& run : summary["runs"]) CHECK(run["status"] == "ok");
    CHECK(fs::exists(doctor.folder.path() / "reports/test_summary.md"));
    std::ifstream file(doctor.folder.path() / "reports/.env.autodetected");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    CHECK_THAT(text, Contains("\nAFS_KERNELS=") && Contains("\nAFS_THREADS="));
    const auto one = doctor.run({"--sanity", "--checks", "model", "--kernels", "reference"});
    CHECK(one.exit_code == 0);
    CHECK(doctor.read("test_summary.json")["runs"].size() == 1);
    // It works as a .env.
    doctor.folder.write(".env", text);
    const auto shown = ProgramRun{AFS_BUILD_DIR "/bin/afs-host",
                                  {"config", "show"},
                                  "",
                                  {},
                                  doctor.folder.path().string()}
                           .run();
    CHECK_THAT(shown.out, Contains(".env") && Contains("AFS_KERNELS"));
}

TEST_CASE("a sanity run that fails counts among what failed") {
    const Doctor doctor;
    const std::vector<std::string> args = {"--sanity",
                                           "--checks",
                                           "model",
                                           "--kernels",
                                           "test-nothing",
                                           "--plugin",
                                           AFS_BUILD_DIR
                                           "/tests/plugins/afs-kernels-test-nothing.so"};
    const auto text = doctor.run(args);
    INFO(text.out << text.err);
    CHECK(text.exit_code == 1);
    CHECK_THAT(text.out, Contains("sanity: ") && Contains("supports nothing") &&
                             Contains(" warning, 2 failed; written to") &&
                             Contains("next: what failed has its remedy beside it"));
    auto more = args;
    more.push_back("--json");
    const auto json = doctor.run(more);
    CHECK(json.exit_code == 1);
    const Json finding = find(Json::parse(json.out)["findings"], "sanity.test-nothing");
    CHECK(finding["status"] == "failed");
    CHECK_THAT(finding["remedy"].get<std::string>(), Contains("--kernels test-nothing"));
}

TEST_CASE("doctor says where it cannot write") {
    const Doctor doctor;
    doctor.folder.write("reports", "a file");
    const auto result = doctor.run({"--checks", "model"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("cannot write") && Contains("reports"));
}

TEST_CASE("doctor --policy verifies what the event wants, and keeps its last reports") {
    const Doctor doctor;
    const auto result = doctor.run({"--policy"});
    INFO(result.out << result.err);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("Verification: push: Passed.") && !Contains("folder.core"));
    CHECK(doctor.read("auto_verification.json")["title"] == "Verification: push");
    CHECK(fs::exists(doctor.folder.path() / "reports/auto_verification.html"));
    CHECK(doctor.run({"--policy=pull_request", "--model", "/no/such"}).exit_code == 1);
    CHECK_THAT(doctor.read("auto_verification.json")["summary"].get<std::string>(),
               Contains("Did not pass"));
    const auto unknown = doctor.run({"--policy=monthly"});
    CHECK(unknown.exit_code == 2);
    CHECK_THAT(unknown.err, Contains("weekly"));
    CHECK(doctor.run({"--policy", "--policy-file", "/no/such.json"}).exit_code == 2);
}
