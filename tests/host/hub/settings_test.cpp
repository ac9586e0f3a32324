// The variables of the ecosystem, addresses, and what is chosen of a list.
#include <catch2/catch.hpp>
#include <map>

#include "hub/http/url.hpp"
#include "hub/listing.hpp"
#include "hub/settings.hpp"
#include "hub/short_names.hpp"
#include "support/temp_folder.hpp"

using namespace afs;

namespace {

Result<hub::Settings> read(const std::map<std::string, std::string>& variables) {
    return hub::read_settings([&](const char* name) -> const char* {
        const auto it = variables.find(name);
        return it == variables.end() ? nullptr : it->second.c_str();
    });
}

}  // namespace

TEST_CASE("hub settings from the environment") {
    const test::TempFolder home;
    home.write(".cache/huggingface/token", "hf_file\n");
    home.write("other/token", " hf_other ");
    const std::string folder = home.path().string();
    CHECK(read({})->endpoint == "https://huggingface.co");
    CHECK(read({})->token == "");
    CHECK_FALSE(read({})->offline);
    CHECK(read({{"HF_ENDPOINT", "http://mirror:8080//"}})->endpoint == "http://mirror:8080");
    CHECK(read({{"HOME", folder}})->token == "hf_file");
    CHECK(read({{"HOME", folder}, {"HF_HOME", folder + "/other"}})->token == "hf_other");
    CHECK(read({{"HF_TOKEN_PATH", folder + "/other/token"}})->token == "hf_other");
    CHECK(read({{"HOME", folder}, {"HF_TOKEN", "hf_set"}})->token == "hf_set");
    CHECK(read({{"HOME", folder}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token == "");
    CHECK(read({{"HF_HUB_OFFLINE", "ON"}})->offline);
    CHECK_FALSE(read({{"HF_HUB_OFFLINE", "0"}})->offline);
    CHECK(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "7"}})->stall_seconds == 7);

    for (const char* endpoint : {"huggingface.co", "ftp://host", "file:///etc", "https://"})
        CHECK_FALSE(read({{"HF_ENDPOINT", endpoint}}).ok());
    const auto credentials = read({{"HF_ENDPOINT", "https://me:pass@host"}});
    REQUIRE_FALSE(credentials.ok());
    CHECK(credentials.status().message().find("pass@") == std::string::npos);
    const auto injected = read({{"HF_TOKEN", "hf_a\r\nX-Evil: 1"}});
    REQUIRE_FALSE(injected.ok());
    CHECK(injected.status().message().find("hf_a") == std::string::npos);
    CHECK_FALSE(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "soon"}}).ok());
}

TEST_CASE("addresses") {
    CHECK(hub::parse_url("HTTPS://Hub.Example/x")->origin == "https://hub.example:443");
    CHECK(hub::parse_url("http://hub:80/")->origin == hub::parse_url("http://hub/")->origin);
    CHECK(hub::parse_url("http://hub:81/")->origin != hub::parse_url("http://hub/")->origin);
    CHECK(hub::resolve_location("https://hub/a/b", "/c?d=1") == "https://hub/c?d=1");
    CHECK(hub::resolve_location("https://hub/a/b", "//cdn/x") == "https://cdn/x");
    CHECK_FALSE(hub::resolve_location("https://hub/a", "file:///etc/passwd"));
    CHECK(hub::without_credentials("https://u:p@cdn/x?sig=1#a") == "https://cdn/x");
    CHECK(hub::without_credentials("https://cdn/x@y") == "https://cdn/x@y");
    CHECK(hub::escape("refs/pr/1") == "refs%2Fpr%2F1");
    CHECK(hub::escape_path("a b/c%.txt") == "a%20b/c%25.txt");
}

TEST_CASE("paths of a hub stay below the folder") {
    for (const char* good : {"config.json", "a/b.gguf", "model-00001-of-00002.safetensors"})
        CHECK(hub::is_safe_path(good));
    for (const char* bad : {"", "/etc/passwd", "../x", "a/../x", "a//b", "a/", ".gitattributes",
                            "a/.hidden", "a\\b", "a\nb", "."})
        CHECK_FALSE(hub::is_safe_path(bad));
}

TEST_CASE("short names") {
    const auto names = hub::read_short_names(AFS_SOURCE_DIR "/configs/hub-models.json");
    INFO(names.status().message());
    REQUIRE(names.ok());
    CHECK(names->size() == 7);
    CHECK(hub::find_repository("llama3.2-1b", *names)->repository == "meta-llama/Llama-3.2-1B");
    CHECK(hub::find_repository("llama3.2-1b", *names)->gated);
    CHECK(hub::find_repository("Org/a.model_1-x", *names)->name == "a.model_1-x");
    const auto near = hub::find_repository("olmo2-1", *names);
    REQUIRE_FALSE(near.ok());
    CHECK(near.status().message().find("did you mean 'olmo2-1b'") != std::string::npos);
    for (const char* bad : {"", "/", "a/", "/b", "a/b/c", "../x", "a/..", "a b/c", "a/b?c", "-"})
        CHECK_FALSE(hub::find_repository(bad, *names).ok());
}
