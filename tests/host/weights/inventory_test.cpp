// Inventories: sums by hand, layers put together, CSV that quotes, and verification against files
// that lie.
#include <catch2/catch.hpp>
#include <fstream>

#include "afs/json.hpp"
#include "support/gguf_file.hpp"
#include "support/temp_folder.hpp"
#include "weights/inventory.hpp"
#include "weights/verify.hpp"

using namespace afs;
namespace fs = std::filesystem;

namespace {

std::string safetensors(const std::string& header, size_t data) {
    const uint64_t n = header.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &n, 8);
    return bytes + header + std::string(data, '\0');
}

Result<std::vector<VerifyFinding>> check(const fs::path& path, bool values = false) {
    const auto config = Config::load()->with({{"plugin_path", AFS_BUILD_DIR "/plugins", "test"}});
    return verify(
        *config, {path, {}, {}, values}, [] { return false; }, [](const hub::FetchSnapshot&) {});
}

}  // namespace

TEST_CASE("inventory of a safetensors file: layers, dtypes, offsets") {
    const test::TempFolder folder;
    const fs::path file = folder.write(
        "x.safetensors",
        safetensors(R"({"h.10.a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                    R"("h.9.a":{"dtype":"F32","shape":[2,3],"data_offsets":[24,48]},)"
                    R"("h.11.a":{"dtype":"BF16","shape":[2,3],"data_offsets":[48,60]},)"
                    R"("odd,\"name":{"dtype":"I8","shape":[],"data_offsets":[60,61]}})",
                    61));
    const auto inventory = take_inventory(file);
    INFO(inventory.status().message());
    REQUIRE(inventory.ok());
    CHECK(inventory->all.tensors == 4);
    CHECK(inventory->all.parameters == 19);
    CHECK(inventory->all.bytes == 61);
    CHECK(inventory->by_dtype.at("F32").parameters == 12);
    CHECK(inventory->by_dtype.at("BF16").bytes == 12);
    const auto layers = inventory->layers();
    REQUIRE(layers.size() == 3);
    CHECK(layers[0].first == kNoLayer);
    CHECK((layers[1].first == 9 && layers[1].last == 10));  // 11 has another dtype
    CHECK(layers[1].each.bytes == 24);
    CHECK(layers[1].tensors[0]->pattern() == "h.{}.a");
    CHECK(inventory_csv(*inventory) ==
          "name,layer,dtype,shape,parameters,bytes,file,offset\n"
          "\"odd,\"\"name\",,I8,,1,1,x.safetensors," +
              std::to_string(fs::file_size(file) - 1) + "\n" +
              "h.9.a,9,F32,2x3,6,24,x.safetensors," + std::to_string(fs::file_size(file) - 37) +
              "\nh.10.a,10,F32,2x3,6,24,x.safetensors," + std::to_string(fs::file_size(file) - 61) +
              "\nh.11.a,11,BF16,2x3,6,12,x.safetensors," +
              std::to_string(fs::file_size(file) - 13) + "\n");
    const auto parsed = json::parse(inventory_json(*inventory));
    REQUIRE(parsed.ok());
    CHECK(parsed->find("total")->find("parameters")->as_uint64() == 19);
    CHECK(parsed->find("tensors")->items.size() == 4);
}

TEST_CASE("inventory of a GGUF file") {
    const test::TempFolder folder;
    test::GgufBuilder b;
    b.text("general.architecture", "x");
    b.tensor({"blk.0.w", 8, {4, 64}, std::string(4 * 2 * 34, '\1')});
    b.tensor({"out", 0, {8}, std::string(32, '\0')});
    const auto inventory = take_inventory(folder.write("x.gguf", b.bytes()));
    INFO(inventory.status().message());
    REQUIRE(inventory.ok());
    CHECK(inventory->format == "GGUF");
    CHECK(inventory->by_dtype.at("Q8_0").parameters == 256);
    CHECK(inventory->by_dtype.at("Q8_0").bytes == 272);
    CHECK(inventory_text(*inventory)
              .find("Q8_0           1              256        272 B        8.5") !=
          std::string::npos);
}

TEST_CASE("verify: bundled models are whole, broken ones are told") {
    using State = VerifyFinding::State;
    for (const char* name : {"olmo2-tiny", "llama3-tiny"}) {
        const auto findings = check(fs::path(AFS_SOURCE_DIR "/weights") / name, true);
        REQUIRE(findings.ok());
        REQUIRE(findings->size() == 4);
        CHECK((*findings)[0].state == State::skipped);
        for (size_t i = 1; i < 4; ++i) CHECK((*findings)[i].state == State::ok);
    }
    const test::TempFolder folder;
    const fs::path model = folder.path() / "model";
    fs::copy(AFS_SOURCE_DIR "/weights/olmo2-tiny", model);
    const fs::path weights = model / "model.safetensors";
    const uint64_t size = fs::file_size(weights);
    SECTION("a file that is cut") {
        fs::resize_file(weights, size - 1);
        const auto findings = check(model);
        REQUIRE(findings->size() == 2);
        CHECK(findings->back().state == State::failed);
    }
    SECTION("a NaN among the values") {
        std::fstream(weights, std::ios::in | std::ios::out)
            .seekp(static_cast<std::streamoff>(size / 2))
            .write("\xff\xff\xff\xff", 4);
        CHECK(check(model)->back().state == State::ok);
        const auto findings = check(model, true);
        CHECK(findings->back().what == "values");
        CHECK(findings->back().state == State::failed);
    }
    SECTION("a model that no plugin knows is whole all the same") {
        std::ofstream(model / "config.json") << R"({"model_type": "other"})";
        const auto findings = check(model);
        CHECK(findings->back().what == "model");
        CHECK(findings->back().state == State::skipped);
    }
}
