// A real checkpoint's files, ../shared/data/olmo2-13b-instruct, where they are there.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>

#include "support.hpp"

using namespace tokenizer_test;

TEST_CASE("OLMo-2's vocab.json and merges.txt tokenise as dolma2") {
    const std::string folder = AFS_SOURCE_DIR "/../shared/data/olmo2-13b-instruct";
    if (!std::filesystem::exists(folder)) {
        std::cout << "skipped: " << folder << " is not there\n";
        return;
    }
    Plugin plugin;
    const afs_status status = plugin.load(folder);
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
    CHECK(plugin.info().n_vocab == 100278);
    CHECK(plugin.info().bos_id == 100257);
    CHECK(plugin.info().eos_id == 100257);
    CHECK(plugin.info().pad_id == 100277);
    CHECK(plugin.info().adds_bos == 0);
    const std::pair<const char*, Ids> cases[] = {
        {"Hello world", {9906, 1917}},
        {"3333333", {8765, 8765, 18}},
        {"I'LL we've", {40, 6, 4178, 584, 3077}},
        {"  \n\n a", {19124, 264}},
        {"a\r\nb", {64, 319, 65}},
        {" \t x", {7163, 865}},
        {"12345 678", {4513, 1774, 220, 17458}},
        {"<|user|>\n", {27, 91, 882, 91, 397}},
        {"<|assistant|>\n", {27, 91, 78191, 91, 397}},
        {"|||IP_ADDRESS|||<|extra_id_10|>", {100263, 100275}},
    };
    for (const auto& [text, ids] : cases) {
        CHECK(plugin.encode(text) == ids);
        CHECK(plugin.decode(ids) == text);
    }
    CHECK(plugin.encode("<|endoftext|>", AFS_ENCODE_PARSE_SPECIAL) == Ids{100257});
    CHECK(plugin.encode("<|endoftext|>").size() > 1);
}
