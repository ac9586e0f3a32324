// weights fetch as a user meets it: from names to a model that runs, interrupts, two at once, the
// line on a terminal, offline, wrong use.
#include <stdlib.h>

#include <chrono>
#include <regex>
#include <thread>

#include "host/hub/fetch_run.hpp"
#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/running_program.hpp"

using namespace afs;
namespace fs = std::filesystem;
using test::hub_server;
using test::TempFolder;

namespace {

const std::string kBundled = std::string(AFS_SOURCE_DIR) + "/weights/olmo2-tiny";

struct Fetch {
    const TempFolder& folder;
    std::string repository;
    std::vector<std::string> more = {};

    fs::path model() const { return folder.path() / "model"; }
    fs::path reports() const { return folder.path() / "reports"; }
    std::vector<std::string> words() const {
        std::vector<std::string> all = {"weights",        "fetch",     repository,        "--to",
                                        model().string(), "--reports", reports().string()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    ProgramResult run(std::map<std::string, std::string> environment = {}) const {
        environment.emplace("HF_ENDPOINT", hub_server().endpoint());
        return ProgramRun{kHost, words(), "", environment, folder.path().string()}.run();
    }
    // Runs on while the test does something else; HF_ENDPOINT comes from this process.
    std::vector<std::string> command() const {
        setenv("HF_ENDPOINT", hub_server().endpoint().c_str(), 1);
        std::vector<std::string> all = words();
        all.insert(all.begin(), kHost);
        return all;
    }
    // Waits until so many bytes of the weights lie there.
    bool has_begun(uint64_t bytes) const {
        for (int i = 0; i < 2000; ++i) {
            std::error_code absent;
            for (const auto& entry : fs::directory_iterator(model() / ".fetch", absent))
                if (entry.path().extension() == ".part" && entry.file_size(absent) >= bytes &&
                    !absent)
                    return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }
    bool is_whole() const {
        return test::read_bytes(model() / "model.safetensors") ==
               test::read_bytes(kBundled + "/model.safetensors");
    }
};

bool has(const std::string& text, const std::string& word) {
    return text.find(word) != std::string::npos;
}

// "1.2 MB" in bytes.
double bytes_of(const std::string& number, const std::string& unit) {
    const double factor = unit == "kB" ? 1e3 : unit == "MB" ? 1e6 : unit == "GB" ? 1e9 : 1;
    return std::stod(number) * factor;
}

}  // namespace

TEST_CASE("weights fetch: from a name to a model that runs, and offline afterwards") {
    const TempFolder folder;
    const Fetch fetch{folder, "bundled/olmo2-tiny"};
    const ProgramResult fetched = fetch.run({{"HF_TOKEN", "hf_right"}});
    INFO(fetched.out << fetched.err);
    REQUIRE(fetched.exit_code == 0);
    CHECK(fetch.is_whole());
    CHECK(has(fetched.out, "every hash as the hub states"));
    CHECK(has(fetched.out, "next: afs-host --model " + fetch.model().string()));
    CHECK(has(fetched.err, "warning"));  // a token over http
    CHECK_FALSE(has(fetched.out + fetched.err, "hf_right"));
    const auto manifest = hub::read_manifest(fetch.reports() / "weights-model.json");
    REQUIRE(manifest.ok());
    CHECK(manifest->repository == "bundled/olmo2-tiny");
    const ProgramResult run =
        ProgramRun{kHost, {"--model", fetch.model().string(), "-p", "Once", "-n", "3"}}.run();
    INFO(run.err);
    CHECK(run.exit_code == 0);

    const std::map<std::string, std::string> offline = {{"HF_HUB_OFFLINE", "1"},
                                                        {"HF_ENDPOINT", "http://127.0.0.1:1"}};
    CHECK(fetch.run(offline).exit_code == 0);
    std::fstream(fetch.model() / "model.safetensors", std::ios::in | std::ios::out)
        .seekp(9000)
        .put('\7');
    const ProgramResult broken = fetch.run(offline);
    CHECK(broken.exit_code == 1);
    CHECK(has(broken.err, "'model.safetensors' has sha256"));
    const ProgramResult other = Fetch{folder, "bundled/llama3-tiny", {"--offline"}}.run();
    CHECK(other.exit_code == 1);
    CHECK(has(other.err, "is of bundled/olmo2-tiny"));
    const TempFolder nothing;
    const ProgramResult never = Fetch{nothing, "bundled/olmo2-tiny", {"--offline"}}.run();
    CHECK(never.exit_code == 1);
    CHECK(has(never.err, "was not fetched here before"));
}

TEST_CASE("weights fetch: interrupted, killed, and twice at once") {
    const TempFolder folder;
    const Fetch fetch{folder, "slow/olmo2-tiny"};
    {
        RunningProgram program(fetch.command());
        REQUIRE(fetch.has_begun(500000));
        const ProgramResult second = fetch.run();
        CHECK(second.exit_code == 1);
        CHECK(has(second.err, "another fetch writes to '" + fetch.model().string()));
        program.send(SIGINT);
        const std::string said = program.read_rest_of_err();
        CHECK(program.wait() == 130);
        CHECK(has(said, "run the same command again to go on"));
    }
    CHECK_FALSE(fs::exists(fetch.model() / "model.safetensors"));
    {
        RunningProgram program(fetch.command());
        REQUIRE(fetch.has_begun(2000000));
        program.send(SIGKILL);
        CHECK(program.wait() == 137);
    }
    CHECK_FALSE(fs::exists(fetch.model() / "model.safetensors"));
    const ProgramResult last = fetch.run();
    INFO(last.err);
    CHECK(last.exit_code == 0);
    CHECK(fetch.is_whole());
    // What an ended program left in the network is lost, all else is kept: no request of the
    // content went back to the start.
    uint64_t asked = 0;
    for (const json::Value& request : hub_server().log(fetch.repository).items) {
        const json::Value* file = request.find("file");
        if (!file || file->string != "model.safetensors") continue;
        const std::string range = request.find("range")->string;
        const uint64_t from = range.empty() ? 0 : std::stoull(range.substr(6));
        CHECK((from > asked || asked == 0));
        asked = from;
    }
    CHECK(asked >= 2000000);
}

TEST_CASE("weights fetch and verify: a full disk loses nothing") {
    const TempFolder folder;
    const Fetch fetch{folder, "bundled/olmo2-tiny"};
    const auto limited = [&](const std::string& before, const std::vector<std::string>& words,
                             const std::string& behind = "") {
        std::vector<std::string> args = {"-c", before + "; exec \"$@\" " + behind, "sh", kHost};
        args.insert(args.end(), words.begin(), words.end());
        const std::map<std::string, std::string> hub = {{"HF_ENDPOINT", hub_server().endpoint()}};
        return ProgramRun{"/bin/bash", args, "", hub, folder.path().string()}.run();
    };
    const ProgramResult half = limited("ulimit -S -f 1000", fetch.words());
    INFO(half.err);
    CHECK(half.exit_code == 1);
    CHECK(has(half.err, "model.safetensors"));
    CHECK(has(half.err, "make room"));
    CHECK_FALSE(fs::exists(fetch.model() / "model.safetensors"));
    CHECK_FALSE(fs::exists(fetch.reports() / "weights-model.json"));
    // Nobody reads what is said, yet the model is there, with its manifest.
    const ProgramResult unsaid = limited("true", fetch.words(), ">/dev/full");
    CHECK(unsaid.exit_code == 1);
    CHECK(has(unsaid.err, "cannot write to standard output: No space left on device"));
    CHECK(fetch.is_whole());
    CHECK(hub::read_manifest(fetch.reports() / "weights-model.json").ok());
    // A manifest without room: the one of before stays.
    const std::string manifest = test::read_bytes(fetch.reports() / "weights-model.json");
    const ProgramResult again = limited("ulimit -S -f 0", fetch.words());
    INFO(again.err);
    CHECK(test::read_bytes(fetch.reports() / "weights-model.json") == manifest);
    CHECK(fetch.is_whole());
    const std::vector<std::string> verify = {"weights", "verify", fetch.model().string(),
                                             "--manifest", fetch.reports() / "weights-model.json"};
    for (const char* form : {"--values", "--json"}) {
        auto words = verify;
        words.emplace_back(form);
        const ProgramResult full = limited("true", words, ">/dev/full");
        CHECK(full.exit_code == 1);
        CHECK(has(full.err, "cannot write to standard output: No space left on device"));
    }
    CHECK(limited("ulimit -S -f 0", verify).exit_code == 0);  // it writes no file
}

TEST_CASE("weights fetch: the line on a terminal") {
    const TempFolder folder;
    const Fetch fetch{folder, "slow/llama3-tiny"};
    std::string command;
    for (const std::string& word : fetch.command()) command += word + " ";
    const ProgramResult shown = ProgramRun{
        "/usr/bin/script",
        {"-qec", command, "/dev/null"},
        "",
        {{"HF_ENDPOINT",
          hub_server().endpoint()}}}.run();
    INFO(shown.out);
    REQUIRE(shown.exit_code == 0);
    const std::regex line(
        "([0-9.]+) (k?M?B) of ([0-9.]+) (k?M?B), ([0-9])/([0-9]) files"
        "(, [0-9.]+ k?M?B/s, [0-9]+ s left)?");
    double last = 0;
    int lines = 0, with_rate = 0;
    for (std::sregex_iterator it(shown.out.begin(), shown.out.end(), line), end; it != end; ++it) {
        const double now = bytes_of((*it)[1], (*it)[2]);
        CHECK(now >= last);
        CHECK(now <= bytes_of((*it)[3], (*it)[4]));
        last = now;
        ++lines;
        with_rate += (*it)[7].matched;
    }
    CHECK(lines >= 5);
    CHECK(with_rate >= 3);
}

TEST_CASE("weights fetch: wrong use and refusals") {
    struct Case {
        std::vector<std::string> args;
        int exit_code;
        std::vector<std::string> says;
    };
    const std::vector<Case> cases = {
        {{"weights"}, 2, {"needs a second word", "weights fetch"}},
        {{"weights", "fetsh", "x/y"}, 2, {"unknown verb 'weights fetsh'", "'weights fetch'"}},
        {{"weights", "fetch"}, 2, {"expected a model", "example"}},
        {{"weights", "fetch", "olmo2-1"}, 2, {"did you mean 'olmo2-1b'", "ORG/NAME"}},
        {{"weights", "fetch", "a/b", "c/d"}, 2, {"unexpected word 'c/d'"}},
        {{"weights", "fetch", "a/b", "--jobs", "0"}, 2, {"--jobs", "from 1 to 64"}},
        {{"weights", "fetch", "a/b", "--revison", "x"}, 2, {"--revision"}},
        {{"weights", "fetch", "missing/model"}, 1, {"missing/model", "HF_TOKEN"}},
        {{"weights", "fetch", "gated/model"}, 1, {"gated", "ask for access"}},
        {{"weights", "fetch", "plain/model", "--revision", "v9"}, 1, {"no revision 'v9'"}},
        {{"weights", "fetch", "plain/model", "--to", "/proc/x"}, 1, {"/proc/x", "--to"}},
        {{"weights", "fetch", "plain/model", "--to", "random", "--reports", "."},
         1,
         {"yet no model"}},
    };
    const TempFolder folder;
    for (const Case& c : cases) {
        const ProgramResult result = ProgramRun{kHost,
                                                c.args,
                                                "",
                                                {{"HF_ENDPOINT", hub_server().endpoint()}},
                                                folder.path().string()}
                                         .run();
        INFO(result.err);
        CHECK(result.exit_code == c.exit_code);
        for (const std::string& word : c.says) CHECK(has(result.err, word));
    }
    const ProgramResult endpoint =
        ProgramRun{kHost, {"weights", "fetch", "a/b"}, "", {{"HF_ENDPOINT", "hub"}}}.run();
    CHECK(endpoint.exit_code == 2);
    CHECK(has(endpoint.err, "HF_ENDPOINT"));
}
