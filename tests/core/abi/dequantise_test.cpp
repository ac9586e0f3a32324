// Block formats: layout, names, and every value bit for bit as PyPI's gguf decodes it (goldens made
// by tools/goldens/blocks.py).
#include "afs/dequantise.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string contents(const std::string& name) {
    std::ifstream file(std::string(AFS_SOURCE_DIR "/tests/golden/blocks/").append(name),
                       std::ios::binary);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
}

}  // namespace

TEST_CASE("every block format decodes as gguf does, bit for bit") {
    const std::string blob = contents("blocks.bin");
    const auto index = nlohmann::json::parse(contents("blocks.json"));
    REQUIRE(index["types"].size() == std::size(afs::kBlockFormats));
    for (const auto& type : index["types"]) {
        const int32_t dtype = AFS_BLOCK + type["number"].get<int32_t>();
        const afs::BlockFormat* format = afs::block_format(dtype);
        CAPTURE(type["name"].get<std::string>());
        REQUIRE(format);
        const size_t n_blocks = type["blocks"], n = n_blocks * format->elements,
                     offset = type["offset"];
        REQUIRE(offset + n_blocks * format->bytes + n * sizeof(float) <= blob.size());
        const char* blocks = blob.data() + offset;
        std::vector<float> got(n), want(n);
        REQUIRE(afs::dequantise(dtype, blocks, got.data(), n));
        std::memcpy(want.data(), blocks + n_blocks * format->bytes, n * sizeof(float));
        size_t different = 0;
        for (size_t i = 0; i < n; ++i)
            different += afs::float_bits(got[i]) != afs::float_bits(want[i]);
        CHECK(different == 0);
        // From an odd address, and not what is no whole block.
        std::vector<char> odd(1 + n_blocks * format->bytes);
        std::copy(blocks, blocks + n_blocks * format->bytes, odd.begin() + 1);
        std::vector<float> again(n);
        REQUIRE(afs::dequantise(dtype, odd.data() + 1, again.data(), n));
        CHECK(std::memcmp(again.data(), got.data(), n * sizeof(float)) == 0);
        CHECK_FALSE(afs::dequantise(dtype, blocks, got.data(), n - 1));
    }
}

TEST_CASE("names and sizes of block formats") {
    CHECK(std::string(afs::dtype_name(AFS_Q4_0)) == "q4_0");
    CHECK(std::string(afs::dtype_name(AFS_BLOCK + 14)) == "q6_K");
    CHECK(std::string(afs::dtype_name(AFS_BLOCK + 10)) == "unknown");
    CHECK(afs::dtype_bytes(AFS_Q4_0, 64) == 36);
    CHECK(afs::dtype_bytes(AFS_Q4_1, 64) == 40);
    CHECK(afs::dtype_bytes(AFS_Q5_0, 64) == 44);
    CHECK(afs::dtype_bytes(AFS_Q5_1, 64) == 48);
    CHECK(afs::dtype_bytes(AFS_Q8_0, 64) == 68);
    CHECK(afs::dtype_bytes(AFS_Q4_K, 512) == 288);
    CHECK(afs::dtype_bytes(AFS_Q5_K, 512) == 352);
    CHECK(afs::dtype_bytes(AFS_Q6_K, 512) == 420);
    CHECK(afs::dtype_bytes(AFS_BF16, 3) == 6);
    CHECK(afs::dtype_bytes(AFS_BLOCK + 10, 256) == 0);
    CHECK(afs::block_format(AFS_F32) == nullptr);
    CHECK(afs::block_format(AFS_BLOCK) == nullptr);
    float value = 0;
    CHECK_FALSE(afs::dequantise(AFS_F32, &value, &value, 0));
}
