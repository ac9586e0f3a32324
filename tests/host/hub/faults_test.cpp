// A hundred fetches over connections that break at random: cuts at any byte, dropped connections,
// 408, 429 and 5xx, slow senders, servers without ranges or with other ranges than asked, a login
// page instead of the file, wrong bytes. Each ends with the right files or with one clear error,
// and what failed goes on from there at the next run.
#include "host/hub/fetch_run.hpp"

using namespace afs;

namespace {

constexpr int kSeeds = 100, kMostRuns = 40;

bool is_one_clear_error(const Status& status) {
    const std::string& text = status.message();
    return text.size() > 20 && text.size() < 800 && text.find('\n') == std::string::npos &&
           text.find("hf_right") == std::string::npos && text.find("secret") == std::string::npos;
}

// "": only the hub was shown the token.
std::string token_leak(const json::Value& log) {
    for (const json::Value& request : log.items) {
        const bool at_hub = request.find("side")->string == "hub";
        if (request.find("token")->string != (at_hub ? "Bearer hf_right" : ""))
            return request.find("side")->string + " " + request.find("path")->string;
    }
    return {};
}

}  // namespace

TEST_CASE("fetches over connections that break at random") {
    int at_once = 0, later = 0;
    for (int seed = 1; seed <= kSeeds; ++seed) {
        const std::string repository = "faults/seed-" + std::to_string(seed);
        INFO("repository " << repository);
        const test::TempFolder folder;
        bool done = false;
        for (int run = 0; run < kMostRuns && !done; ++run) {
            test::FetchRun fetch(repository, folder);
            fetch.settings = test::hub_server().settings("hf_right");
            fetch.settings.stall_seconds = 60;  // no fault here; a machine may stand still for 5
            const auto fetched = fetch.run();
            done = fetched.ok();
            INFO((done ? "" : fetched.status().message()));
            REQUIRE((done || is_one_clear_error(fetched.status())));
            REQUIRE(fetch.wrong_file().empty());
            REQUIRE(fetch.never_went_back());
            if (done) {
                REQUIRE(fetch.n_files() == 7);
                REQUIRE(fetched->manifest.files.size() == 7);
                REQUIRE(fetch.seen.back().done == fetch.seen.back().total);
                ++(run == 0 ? at_once : later);
            }
        }
        CHECK(done);
        const json::Value log = test::hub_server().log(repository);
        CHECK(test::restarted(log) == "");
        CHECK(token_leak(log) == "");
    }
    INFO("at once " << at_once << ", at a later run " << later);
    CHECK(at_once >= 30);  // both ends of a run were met
    CHECK(later >= 5);
}
