// Wrong configurations: one message that says where, what was expected, what was found, what is
// near.
#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "afs/config/config.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using test::TempFolder;

namespace {

std::string refusal(const ConfigRequest& request) {
    const auto config = Config::load(request);
    return config ? "accepted" : config.status().message();
}

ConfigRequest in(const TempFolder& folder) {
    ConfigRequest request;
    request.working_folder = folder.path();
    request.executable = folder.path() / "x/bin/afs-host";
    request.environment.emplace();
    return request;
}

void check_contains(const std::string& message, const std::vector<std::string>& parts) {
    CAPTURE(message);
    for (const std::string& part : parts) {
        CAPTURE(part);
        CHECK(message.find(part) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("files with mistakes") {
    struct Row {
        std::string text;
        std::vector<std::string> parts;
    };
    const Row rows[] = {
        {"{\n \"kernel\": [\"x\"]}",
         {"configs/default.json:2", "unknown key 'kernel'", "'kernels'"}},
        {"{\"sampling\": {\n \"temprature\": 1}}",
         {"default.json:2", "'sampling.temprature'", "did you mean 'sampling.temperature'"}},
        {"{\"modle\": {\"plugin\": \"x\"}}", {"'modle'", "did you mean 'model"}},
        {"{\"models\": {\"olmo2\": {\"paht\": \"x\"}}}", {"did you mean 'models.olmo2.path'"}},
        {"{\"qqqqqqqq\": 1}", {"unknown key 'qqqqqqqq'", "config show"}},
        {"{\"kernels\": \"cuda\"}", {"'kernels' must be a list of names, found text, \"cuda\""}},
        {"{\"kernels\": [1]}", {"must be a list of names"}},
        {"{\"kernels\": [\"a\", \"a\"]}", {"names 'a' twice"}},
        {"{\"deterministic\": 1}", {"must be true or false, found a whole number, 1"}},
        {"{\"model\": \"olmo2\"}", {"'model' must be an object, found text"}},
        {"{\"model\": {\"plugin\": \"\"}}", {"'model.plugin' must be text"}},
        {"{\"model\": {\"plugin\": {}}}", {"'model.plugin' must be text, found an object"}},
        {"{\"model\": {\"dtype\": \"int8\"}}", {"one of fp32|bf16|fp16|fp64", "\"int8\""}},
        {"{\"model\": {\"dtype\": \"fp32|bf16\"}}", {"one of fp32|bf16|fp16|fp64"}},
        {"{\"sampling\": {\"temperature\": \"hot\"}}", {"must be a number from 0 to 1000"}},
        {"{\"sampling\": {\"top_p\": 1.5}}", {"must be a number from 0 to 1, found a number, 1.5"}},
        {"{\"sampling\": {\"top_k\": 1.5}}", {"must be a whole number from 0 to 2147483647"}},
        {"{\"sampling\": {\"seed\": -1}}", {"from 0 to 18446744073709551615", "-1"}},
        {"{\"engine\": {\"block_size\": 0}}", {"from 1 to 4096"}},
        {"{\"pin\": {\"a\": 1}}", {"'pin.a' must be text"}},
        {"{\"pin\": \"x\"}", {"'pin' must be an object"}},
        {"{\"model.plugin\": \"x\"}", {"name without dots"}},
        {"{\"plugins\": {\"a.b\": {\"path\": \"x\"}}}", {"name without dots"}},
        {"{\"\": 1}", {"name without dots"}},
        {"{\"plugins\": {\"m\": 1}}", {"'plugins.m' must be an object"}},
        {"[]", {"must be an object, found a list"}},
        {"{\"a\": 1,\n\"a\": 2}", {"default.json:2", "appears twice"}},
        {"{\"kernels\": [\"a\"],}", {"default.json:1"}},
        {"{\"include\": 1}", {"'include' must be a path or a list of paths"}},
        {"{\"include\": [\"\"]}", {"'include' must be a path"}},
        {"{\n\"include\": \"no.json\"}", {"default.json:2", "cannot include 'no.json'"}},
        {"{\"include\": \"default.json\"}", {"includes this one in turn"}},
        {"{\"compare\": {\"base\": 1}, \"kernels\": 1}", {"'kernels'"}},
        {"", {"default.json:1"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const TempFolder folder;
        folder.write("configs/default.json", row.text);
        check_contains(refusal(in(folder)), row.parts);
    }
}

TEST_CASE("a cycle of includes ends, a diamond does not count as one") {
    const TempFolder folder;
    folder.write("configs/default.json", "{\"include\": \"a.json\"}");
    folder.write("configs/a.json", "{\"include\": \"../configs/b.json\"}");
    folder.write("configs/b.json", "{\"include\": \"default.json\"}");
    check_contains(refusal(in(folder)), {"configs/b.json:1", "includes this one in turn"});
    folder.write("configs/b.json", "{\"kernels\": [\"x\"]}");
    folder.write("configs/default.json", "{\"include\": [\"a.json\", \"b.json\"]}");
    CHECK(refusal(in(folder)) == "accepted");
}

TEST_CASE("files that are not there, or no files") {
    const TempFolder folder;
    ConfigRequest request = in(folder);
    request.file = "none.json";
    check_contains(refusal(request), {"'none.json'", "--config", folder.path().string()});
    request.file = std::string(".");
    check_contains(refusal(request), {"--config"});
    request.file.clear();
    (*request.environment)["AFS_CONFIG"] = "gone.json";
    check_contains(refusal(request), {"'gone.json'", "environment AFS_CONFIG"});
    request.environment->clear();
    folder.write(".env", "\nAFS_CONFIG=lost.json\n");
    check_contains(refusal(request), {"'lost.json'", ".env:2"});
}

TEST_CASE("a FIFO as configuration does not hang") {
    const TempFolder folder;
    REQUIRE(mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
    ConfigRequest request = in(folder);
    request.file = "pipe";
    check_contains(refusal(request), {"'pipe'", "not a regular file"});
}

TEST_CASE("lines of .env with mistakes, foreign lines are ignored") {
    struct Row {
        std::string text;
        std::vector<std::string> parts;
    };
    const Row rows[] = {
        {"\nAFS_KERNLES=x", {".env:2", "unknown variable AFS_KERNLES", "AFS_KERNELS"}},
        {"AFS_KERNELS", {".env:1", "NAME=VALUE"}},
        {"AFS_KERNELS='x", {".env:1", "no closing '"}},
        {"AFS_KERNELS='x' y", {".env:1", "after the closing quote"}},
        {"AFS_SEED=1\nAFS_SEED=2", {".env:2", "AFS_SEED is set twice"}},
        {"AFS_KERNELS=cpu,\xff", {".env:1 AFS_KERNELS", "a list of names"}},
        {"AFS_MODEL=/\xff", {"accepted"}},  // a path may hold any bytes
        {"AFS_SEED=one", {".env:1 AFS_SEED", "whole number"}},
        {"OTHER\nfoo bar\n# AFS_X=1\nexport PATH='x\n", {"accepted"}},
        {"AFS_TOP_P=0.5 # half\r\nexport AFS_SEED = 7\n", {"accepted"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const TempFolder folder;
        folder.write(".env", row.text);
        check_contains(refusal(in(folder)), row.parts);
    }
}

TEST_CASE("environment and command line with mistakes") {
    const TempFolder folder;
    ConfigRequest request = in(folder);
    (*request.environment)["AFS_TEMPERATURE"] = "hot";
    check_contains(refusal(request), {"environment AFS_TEMPERATURE", "a number", "hot"});
    request.environment->clear();
    (*request.environment)["AFS_KERNLES"] = std::string("x");
    (*request.environment)["AFSX"] = std::string("x");
    const auto config = Config::load(request);
    REQUIRE(config.ok());
    REQUIRE(config->warnings().size() == 1);
    check_contains(config->warnings()[0], {"AFS_KERNLES", "AFS_KERNELS"});

    struct Row {
        const char* argument;
        std::vector<std::string> parts;
    };
    const Row rows[] = {
        {"kernls=x", {"command line --set", "'kernls'", "did you mean 'kernels'"}},
        {"sampling.top_k=1.5", {"command line --set", "whole number"}},
        {"sampling.top_k=0x10", {"whole number"}},
        {"sampling.top_p=nan", {"must be a number from 0 to 1, found text, \"nan\""}},
        {"sampling.min_p=-inf", {"must be a number from 0 to 1, found text, \"-inf\""}},
        {"sampling.temperature=Infinity", {"from 0 to 1000, found text, \"Infinity\""}},
        {"sampling.repetition_penalty=1e999", {"0.01 to 100, found text, \"1e999\""}},
        {"sampling.seed=inf", {"must be a whole number", "found text, \"inf\""}},
        {"deterministic=maybe", {"true or false"}},
        {"kernels=a,,b", {"list of names"}},
        {"kernels=[1", {"command line --set"}},
        {"compare={", {"command line --set"}},
        {"model=x", {"'model' is a group of keys", "such as 'model.plugin'"}},
        {"plugins.cpu=x", {"'plugins.cpu' is a group of keys", "such as 'plugins.cpu.path'"}},
        {"models=x", {"such as 'models.NAME.path'"}},
        {"pin=x", {"'pin' is a group of keys", "such as 'pin.NAME'"}},
        {"=x", {"expects key=value"}},
        {"novalue", {"expects key=value"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.argument);
        const auto set = parse_set(row.argument);
        if (!set) {
            check_contains(set.status().message(), row.parts);
            continue;
        }
        ConfigRequest one = in(folder);
        one.overrides = {*set};
        check_contains(refusal(one), row.parts);
    }
}
