// A recorded run gives the same again, and says what is wrong with a record that is none.
#include <catch2/catch.hpp>

#include "afs/config/config.hpp"
#include "doctor/recorded_run.hpp"

using namespace afs;
using Catch::Contains;

namespace {

RecordedRun tiny_run() {
    ConfigRequest request;
    request.environment.emplace();
    request.overrides = {{"model.path", AFS_SOURCE_DIR "/weights/olmo2-tiny", "test"},
                         {"model.plugin", "auto", "test"},
                         {"kernels", "reference", "test"},
                         {"plugin_path", AFS_BUILD_DIR "/plugins", "test"}};
    request.working_folder = "/";
    const auto config = Config::load(request);
    REQUIRE(config.ok());
    RecordedRun run;
    run.config = config->render();
    run.prompt = "Once upon a time";
    run.max_tokens = 6;
    return run;
}

}  // namespace

TEST_CASE("a run repeats, and its record reads back whole") {
    RunAgain how;
    how.logprobs = true;
    size_t seen = 0;
    how.progress = [&seen](size_t tokens) { seen = tokens; };
    const auto first = run_again(tiny_run(), how);
    INFO(first.status().message());
    REQUIRE(first.ok());
    CHECK(first->ids.size() == 6);
    CHECK(seen == 6);
    CHECK(first->model == "olmo2-tiny");
    CHECK(first->logprobs.size() == 6);
    CHECK(first->top.at(0).size() == 5);
    REQUIRE(first->plugins.size() == 1);
    CHECK(first->plugins[0].name == "reference");
    CHECK(first->plugins[0].sha256.size() == 64);
    CHECK(first->finish == "length");

    const json::Value record = write_record(*first);
    const auto read = read_record(record, "record");
    REQUIRE(read.ok());
    CHECK(json::dump(write_record(*read)) == json::dump(record));

    const auto second = run_again(*read, how);
    REQUIRE(second.ok());
    CHECK(second->ids == first->ids);
    CHECK(second->plan == first->plan);
    CHECK(second->logprobs == first->logprobs);
}

TEST_CASE("overrides win over the record") {
    RunAgain how;
    how.overrides = {{"kernels", "no-such-backend"}};
    const auto run = run_again(tiny_run(), how);
    REQUIRE_FALSE(run.ok());
    CHECK_THAT(run.status().message(), Contains("no-such-backend"));
}

TEST_CASE("a record that is none says what is missing") {
    for (const auto& [text, reason] :
         {std::pair{"{}", "expected a \"config\" object"},
          {R"({"config": {}, "ids": [1, "x"]})", "\"ids\" must be a list of token ids"},
          {R"({"config": {}, "prompt_ids": [-4]})", "\"prompt_ids\" must be a list of token ids"},
          {R"({"config": {}, "max_tokens": 1e300})", "\"max_tokens\" must be"}}) {
        const auto value = json::parse(text);
        REQUIRE(value.ok());
        const auto run = read_record(*value, "some.json");
        REQUIRE_FALSE(run.ok());
        CHECK_THAT(run.status().message(), Contains(reason) && Contains("some.json"));
    }
}
