// weights verify, inspect and convert as a user meets them, from another folder.
#include "afs/json.hpp"
#include "host/hub/fetch_run.hpp"
#include "support/afs_host.hpp"
#include "support/run_program.hpp"

using namespace afs;
namespace fs = std::filesystem;
using test::hub_server;
using test::TempFolder;

namespace {

const std::string kOlmo2Tiny = std::string(AFS_SOURCE_DIR) + "/weights/olmo2-tiny";

ProgramResult run(const TempFolder& folder, const std::vector<std::string>& args) {
    return ProgramRun{
        kHost, args, "", {{"HF_ENDPOINT", hub_server().endpoint()}}, folder.path().string()}
        .run();
}

bool says(const std::string& text, const std::string& word) {
    return text.find(word) != std::string::npos;
}

size_t widest(const std::string& text) {
    size_t width = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        width = std::max(width, end - at);
        at = end + 1;
    }
    return width;
}

}  // namespace

TEST_CASE("weights verify: against a manifest, and against a hub") {
    const TempFolder folder;
    const std::string model = (folder.path() / "m").string();
    REQUIRE(run(folder, {"weights", "fetch", "bundled/olmo2-tiny", "--to", "m", "--reports", "."})
                .exit_code == 0);
    const std::vector<std::string> by_manifest = {"weights", "verify", "m", "--manifest",
                                                  "weights-m.json"};
    const std::vector<std::string> by_hub = {"weights", "verify", "m", "--hub",
                                             "bundled/olmo2-tiny"};
    for (const auto& words : {by_manifest, by_hub}) {
        const ProgramResult good = run(folder, words);
        INFO(good.out << good.err);
        CHECK(good.exit_code == 0);
        CHECK(says(good.out, "hashes   ok"));
        CHECK(says(good.out, "of bundled/olmo2-tiny at "));
        CHECK(says(good.out, "model    ok"));
        CHECK(widest(good.out) <= 100 + model.size());
    }
    // One bit: no header sees it.
    std::fstream(folder.path() / "m" / "model.safetensors", std::ios::in | std::ios::out)
        .seekp(400000)
        .put('\1');
    for (const auto& words : {by_manifest, by_hub}) {
        const ProgramResult bad = run(folder, words);
        INFO(bad.out << bad.err);
        CHECK(bad.exit_code == 1);
        CHECK(says(bad.out, "hashes   wrong"));
        CHECK(says(bad.out, "'model.safetensors' has sha256"));
        CHECK(says(bad.out, "tensors  ok"));
    }
    auto words = by_manifest;
    words.push_back("--json");
    const ProgramResult machine = run(folder, words);
    const auto parsed = json::parse(machine.out);
    REQUIRE(parsed.ok());
    CHECK_FALSE(parsed->find("ok")->boolean);
    CHECK(parsed->find("checks")->items[0].find("state")->string == "wrong");
}

TEST_CASE("weights inspect and convert: from another folder") {
    const TempFolder folder;
    const ProgramResult converted = run(folder, {"weights", "convert", kOlmo2Tiny, "m.gguf"});
    INFO(converted.out << converted.err);
    REQUIRE(converted.exit_code == 0);
    CHECK(says(converted.out, "the same graph, every weight, the same ids for 6 texts"));
    CHECK(says(converted.out, "next: afs-host --model"));
    const ProgramResult text = run(folder, {"weights", "inspect", "m.gguf"});
    CHECK(text.exit_code == 0);
    CHECK(says(text.out, "GGUF, 1 file"));
    CHECK(says(text.out, "blk.{}.attn_q.weight"));
    const ProgramResult csv = run(folder, {"weights", "inspect", "m.gguf", "--csv"});
    CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') == 81);
    CHECK(json::parse(run(folder, {"weights", "inspect", kOlmo2Tiny, "--json"}).out).ok());
    const ProgramResult generated = run(folder, {"--model", "m.gguf", "--kernels", "reference",
                                                 "-p", "Once upon a time", "-n", "8"});
    const ProgramResult original = run(folder, {"--model", kOlmo2Tiny, "--kernels", "reference",
                                                "-p", "Once upon a time", "-n", "8"});
    CHECK(generated.exit_code == 0);
    CHECK(generated.out == original.out);
}

TEST_CASE("weights verify, inspect, convert: wrong use") {
    struct Case {
        std::vector<std::string> args;
        int exit_code;
        std::vector<std::string> says;
    };
    const std::vector<Case> cases = {
        {{"weights", "inspect"}, 2, {"expected a folder or file", "example"}},
        {{"weights", "inspect", "nowhere"}, 3, {"'nowhere'", "weights fetch"}},
        {{"weights", "inspect", kOlmo2Tiny, "--csv", "--json"}, 2, {"exclude each other"}},
        {{"weights", "inspect", kOlmo2Tiny + "/config.json"}, 1, {"config.json", ".gguf"}},
        {{"weights", "verify"}, 2, {"expected a folder or file"}},
        {{"weights", "verify", kOlmo2Tiny, "--manifest", "x"}, 2, {"'x'"}},
        {{"weights", "verify", kOlmo2Tiny, "--manifest", "x", "--hub", "a/b"}, 2, {"exclude"}},
        {{"weights", "verify", kOlmo2Tiny, "--hub", "missing/model"}, 1, {"missing/model"}},
        {{"weights", "convert", kOlmo2Tiny}, 2, {"what to write"}},
        {{"weights", "convert", kOlmo2Tiny, "x.gguf", "--as", "q4"}, 2, {"--as", "'q4'"}},
        {{"weights", "convert", kOlmo2Tiny, "x.gguf", "--dtype", "bf16"}, 2, {"--as"}},
        {{"weights", "convert", "nowhere", "x.gguf"}, 3, {"'nowhere'"}},
        {{"weights", "convert", kOlmo2Tiny, "x", "--tokenizer-files", "gone"}, 2, {"'gone'"}},
        {{"weights", "convert", kOlmo2Tiny, kOlmo2Tiny}, 1, {"is there already"}},
        {{"weights", "convert", kOlmo2Tiny, "/proc/x/y.gguf"}, 1, {"/proc/x/y.gguf"}},
    };
    const TempFolder folder;
    for (const Case& c : cases) {
        const ProgramResult result = run(folder, c.args);
        INFO(result.out << result.err);
        CHECK(result.exit_code == c.exit_code);
        for (const std::string& word : c.says) CHECK(says(result.err, word));
        CHECK(result.out == "");
    }
}
