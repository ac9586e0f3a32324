// Fetches from a hub that does one thing: which files are taken, what is kept and resumed, what
// each refusal says.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

#include "host/hub/fetch_run.hpp"
#include "hub/check.hpp"
#include "hub/files/folder_lock.hpp"

using namespace afs;
namespace fs = std::filesystem;
using test::FetchRun;
using test::hub_server;
using test::TempFolder;

namespace {

size_t count(const json::Value& log, const std::string& key, const std::string& text) {
    size_t n = 0;
    for (const json::Value& request : log.items)
        n += request.find(key)->string.find(text) != std::string::npos;
    return n;
}

bool says(const Status& status, const std::vector<std::string>& words) {
    for (const std::string& word : words)
        if (status.message().find(word) == std::string::npos) {
            UNSCOPED_INFO("no '" << word << "' in: " << status.message());
            return false;
        }
    return true;
}

}  // namespace

TEST_CASE("a fetch takes what a model needs, once, and writes a manifest") {
    const TempFolder folder;
    FetchRun fetch("plain/model", folder);
    const auto fetched = fetch.run();
    INFO(fetched.status().message());
    REQUIRE(fetched.ok());
    CHECK(fetch.wrong_file() == "");
    CHECK(fetch.n_files() == 7);  // no .pth, no .bin, no README, nothing hidden
    CHECK(fs::file_size(fetch.request.folder / "LICENSE") == 0);
    CHECK_FALSE(fs::exists(fetch.request.folder / "original"));
    CHECK(fetch.seen.back().received == fetched->bytes);

    const auto manifest = hub::read_manifest(fetch.request.manifest);
    INFO(manifest.status().message());
    REQUIRE(manifest.ok());
    CHECK(manifest->repository == "plain/model");
    CHECK(manifest->commit.size() == 40);
    CHECK(manifest->files.size() == 7);
    const auto never = [] { return false; };
    const auto checked = hub::check_files(*manifest, fetch.request.folder, never, [](auto&) {});
    REQUIRE(checked.ok());
    for (const hub::CheckedFile& file : *checked) CHECK(file.wrong == "");

    SECTION("the same fetch again receives nothing") {
        FetchRun again("plain/model", folder);
        const auto second = again.run();
        REQUIRE(second.ok());
        CHECK(second->received == 0);
        CHECK(second->were_there == 7);
    }
    SECTION("a changed byte is seen, and fetched again") {
        const fs::path shard = fetch.request.folder / "model-00002-of-00002.safetensors";
        std::fstream(shard, std::ios::in | std::ios::out | std::ios::binary).seekp(5000).put('\7');
        const auto broken = hub::check_files(*manifest, fetch.request.folder, never, [](auto&) {});
        REQUIRE(broken.ok());
        size_t wrong = 0;
        for (const hub::CheckedFile& file : *broken) wrong += !file.wrong.empty();
        CHECK(wrong == 1);
        FetchRun again("plain/model", folder);
        const auto second = again.run();
        REQUIRE(second.ok());
        CHECK(second->received == fs::file_size(shard));
        CHECK(again.wrong_file() == "");
    }
}

TEST_CASE("hubs that list in pages, have no tree, or send no ranges") {
    for (const char* word : {"pages", "no-tree", "no-ranges", "escapes", "flip-once"}) {
        INFO(word);
        const TempFolder folder;
        FetchRun fetch(std::string("odd/") + word, folder);
        const auto fetched = fetch.run();
        INFO(fetched.status().message());
        REQUIRE(fetched.ok());
        CHECK(fetch.wrong_file() == "");
        CHECK(fetch.n_files() == 7);
        CHECK(fetch.never_went_back());
    }
    CHECK(count(hub_server().log("odd/no-tree"), "method", "HEAD") == 10);
}

TEST_CASE("two files of one content, and parts of other contents") {
    const TempFolder folder;
    for (int i = 0; i < 5; ++i) {
        const TempFolder fresh;
        FetchRun fetch("plain/twins", fresh);
        const auto fetched = fetch.run();
        INFO(fetched.status().message());
        REQUIRE(fetched.ok());
        CHECK(fetched->received == fetched->bytes);
        CHECK(fetch.n_files() == 9);
        CHECK(fetch.wrong_file() == "");
    }
    SECTION("a folder is its first repository's, and other files are not written over") {
        REQUIRE(FetchRun("plain/model", folder).run().ok());
        FetchRun other("plain/other", folder);
        CHECK(says(other.run().status(), {"holds another", "of plain/model", "--to"}));
        CHECK(FetchRun("plain/model", folder).wrong_file() == "");
        const TempFolder foreign;
        foreign.write("model/tokenizer.json", "mine");
        FetchRun third("plain/model", foreign);
        CHECK(says(third.run().status(), {"holds another 'tokenizer.json'", "--to"}));
        CHECK(test::read_bytes(foreign.path() / "model" / "tokenizer.json") == "mine");
        CHECK_FALSE(fs::exists(foreign.path() / "model" / "config.json"));
        CHECK_FALSE(fs::exists(foreign.path() / "model" / ".fetch"));
    }
    folder.write("model/.fetch/" + std::string(64, 'a') + "-old.part", "of another revision");
    FetchRun fetch("plain/model", folder);
    REQUIRE(fetch.run().ok());
    size_t left = 0;
    for (const auto& entry : fs::directory_iterator(fetch.request.folder / ".fetch"))
        left += entry.path().extension() == ".part";
    CHECK(left == 0);
}

TEST_CASE("what a hub refuses is said with what to do") {
    struct Case {
        const char *repository, *token;
        Code code;
        std::vector<std::string> words;
    };
    const std::vector<Case> cases = {
        {"missing/model", "", Code::not_found, {"missing/model", "401", "HF_TOKEN"}},
        {"missing/model", "hf_x", Code::not_found, {"the token of the test was sent"}},
        {"gated/model", "", Code::unsupported, {"gated", "401", "/gated/model", "HF_TOKEN"}},
        {"gated/model", "hf_wrong", Code::unsupported, {"gated", "403", "of the test was sent"}},
        {"plain/no-weights", "", Code::not_found, {"model.safetensors", "pytorch_model.bin"}},
        {"plain/quants", "", Code::not_found, {"--gguf", "M-Q4_K_M.gguf", "M-F16.gguf"}},
        {"odd/wrong", "", Code::io, {"its content has", "the hub states"}},
        {"odd/busy", "", Code::io, {"503", "gave up after 6 tries"}},
        {"odd/circle", "", Code::invalid, {"redirects more than 10 times"}},
        {"odd/lies", "", Code::io, {"the hub states 701", "gave up"}},
        {"rogue/model", "", Code::io, {"500", "?[31mred alert?"}},
    };
    for (const Case& c : cases) {
        INFO(c.repository << " " << c.token);
        const TempFolder folder;
        FetchRun fetch(c.repository, folder);
        fetch.settings.token = c.token;
        const auto fetched = fetch.run();
        REQUIRE_FALSE(fetched.ok());
        INFO(fetched.status().message());
        CHECK(fetched.status().code() == c.code);
        CHECK(says(fetched.status(), c.words));
        CHECK(fetched.status().message().find("hf_") == std::string::npos);
        if (fs::exists(fetch.request.folder)) CHECK(fetch.wrong_file() == "");
        CHECK_FALSE(fs::exists(fetch.request.manifest));
    }
    const TempFolder folder;
    FetchRun fetch("gated/model", folder);
    fetch.settings.token = "hf_right";
    CHECK(fetch.run().ok());
    fetch.request.revision = "v9";
    CHECK(says(fetch.run().status(), {"no revision 'v9'"}));
    fetch.settings.endpoint = "http://127.0.0.1:1";
    CHECK(
        says(fetch.run().status(), {"127.0.0.1:1", "check the network", "gave up after 6 tries"}));
}

TEST_CASE("a hub that asks to wait is waited for") {
    for (const char* repository : {"odd/rate", "odd/rate-limit"}) {  // Retry-After, RateLimit
        const TempFolder folder;
        FetchRun fetch(repository, folder);
        const auto start = std::chrono::steady_clock::now();
        REQUIRE(fetch.run().ok());
        CHECK(std::chrono::steady_clock::now() - start >= std::chrono::seconds(1));
    }
}

TEST_CASE("a GGUF file by part of its name") {
    const TempFolder folder;
    FetchRun fetch("plain/quants", folder);
    fetch.request.selection.gguf = "q4_k_m";
    REQUIRE(fetch.run().ok());
    CHECK(fetch.n_files() == 2);  // and the licence
    CHECK(fs::exists(fetch.request.folder / "M-Q4_K_M.gguf"));
    fetch.request.selection.gguf = "f16";
    REQUIRE(fetch.run().ok());
    CHECK(fs::exists(fetch.request.folder / "M-F16-00002-of-00002.gguf"));
    fetch.request.selection.gguf = "Q";
    CHECK(says(fetch.run().status(), {"2 .gguf models", "M-Q4_K_M.gguf", "M-Q8_0.gguf"}));
    fetch.request.selection.gguf = "Q2";
    CHECK(says(fetch.run().status(), {"no .gguf file with 'Q2'", "M-Q8_0.gguf"}));
}

TEST_CASE("a cancelled fetch goes on at the next run") {
    const TempFolder folder;
    FetchRun fetch("odd/big", folder);
    fetch.request.jobs = 1;
    std::atomic<bool> stop{false};
    const auto fetched = hub::fetch(
        fetch.settings, fetch.request, [&] { return stop.load(); },
        [&](const hub::FetchSnapshot& now) { stop = stop || now.done > 600000; });
    CHECK(fetched.status().code() == Code::cancelled);
    const fs::path shard = fetch.request.folder / "model-00001-of-00002.safetensors";
    CHECK_FALSE(fs::exists(shard));
    const auto second = fetch.run();
    REQUIRE(second.ok());
    CHECK(second->received < second->bytes - 500000);
    CHECK(fetch.wrong_file() == "");
    CHECK(fetch.seen.back().done == second->bytes);
    const json::Value log = hub_server().log("odd/big");
    CHECK(count(log, "if_range", "cdn-") == 1);  // bound to the ETag that it began under
}

TEST_CASE("disks that are full, folders that cannot be written, two at once") {
    const TempFolder folder;
    FetchRun fetch("plain/model", folder);
    SECTION("the limit comes in the middle: what came is kept, and is enough for the next run") {
        signal(SIGXFSZ, SIG_IGN);
        rlimit old{};
        getrlimit(RLIMIT_FSIZE, &old);
        const rlimit small{200000, old.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        const auto fetched = fetch.run();
        setrlimit(RLIMIT_FSIZE, &old);
        REQUIRE_FALSE(fetched.ok());
        CHECK(fetched.status().code() == Code::no_memory);
        CHECK(says(fetched.status(), {"model-00001-of-00002.safetensors", "make room"}));
        CHECK(fetch.wrong_file() == "");
        const auto second = fetch.run();
        REQUIRE(second.ok());
        CHECK(second->received <= second->bytes - 200000);
        CHECK(fetch.wrong_file() == "");
    }
    SECTION("a disk that is too small is refused before the first byte") {
        const fs::path disk = folder.path() / "disk";
        fs::create_directory(disk);
        if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=300k") != 0) {
            WARN("no tmpfs can be mounted here: the check of free space did not run");
            return;
        }
        fetch.request.folder = disk / "model";
        const auto fetched = fetch.run();
        CHECK(fetched.status().code() == Code::no_memory);
        CHECK(says(fetched.status(), {"not enough room", "are free", "--to"}));
        CHECK(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=300k") == 0);
        CHECK(says(fetch.run().status(), {"Read-only file system", "--to"}));
        umount(disk.c_str());
    }
    SECTION("a disk that fills on the way: what came is kept, and the next run goes on") {
        const fs::path disk = folder.path() / "disk";
        fs::create_directory(disk);
        if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=40m") != 0) {
            WARN("no tmpfs can be mounted here: no disk was filled");
            return;
        }
        FetchRun slow("slow/llama3-tiny", folder);
        slow.request.folder = disk / "model";
        const auto filled = hub::fetch(
            slow.settings, slow.request, [] { return false; },
            [&](const hub::FetchSnapshot& now) {
                if (now.done < 1000000 || fs::exists(disk / "filler")) return;
                std::ofstream filler(disk / "filler", std::ios::binary);
                const std::string block(1 << 16, 'x');
                while (filler.write(block.data(), 1 << 16).flush()) {
                }
            });
        CHECK(filled.status().code() == Code::no_memory);
        CHECK(says(filled.status(), {"model.safetensors", "No space left", "make room"}));
        CHECK_FALSE(fs::exists(slow.request.folder / "model.safetensors"));
        fs::remove(disk / "filler");
        const auto second = slow.run();
        INFO(second.status().message());
        CHECK(second.ok());
        if (second.ok()) CHECK(second->received <= second->bytes - 1000000);
        CHECK(slow.wrong_file() == "");
        umount(disk.c_str());
    }
    SECTION("no folder can be made there") {
        fetch.request.folder = folder.write("file", "x") / "model";
        CHECK(says(fetch.run().status(), {"cannot make the folder", "--to"}));
        fetch.request.folder = "/proc/nowhere";
        CHECK(says(fetch.run().status(), {"cannot make the folder '/proc/nowhere"}));
    }
    SECTION("another fetch has the folder") {
        fs::create_directories(fetch.request.folder / ".fetch");
        auto lock = hub::FolderLock::take(fetch.request.folder / ".fetch" / "lock");
        REQUIRE(lock.ok());
        CHECK(says(fetch.run().status(), {"another fetch", std::to_string(getpid())}));
        CHECK(fetch.n_files() == 0);
    }
}
