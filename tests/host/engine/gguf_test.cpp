// GGUF models with random weights of every type: the logits of blocks are those of the decoded
// weights; split files, and a memory that the host cannot read.
#include "afs/dequantise.hpp"
#include "conformance/cases/random_blocks.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/gguf_model.hpp"
#include "support/temp_folder.hpp"

using namespace afs::test;
using namespace afs::conformance;
using namespace afs_test;

namespace {

size_t elements(const std::vector<int64_t>& shape) {
    size_t n = 1;
    for (const int64_t extent : shape) n *= static_cast<size_t>(extent);
    return n;
}

std::string bytes_of(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> norm_weight(size_t n, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(1.0f, 0.1f);
    std::vector<float> values(n);
    for (float& value : values) value = normal(random);
    return values;
}

// The model with its matrices in a block format, and with the same values in fp32.
std::pair<GgufBuilder, GgufBuilder> models(const GgufSizes& sizes, int32_t dtype) {
    GgufBuilder blocks = gguf_metadata(sizes), plain = gguf_metadata(sizes);
    const auto type = static_cast<uint32_t>(dtype - AFS_BLOCK);
    uint32_t seed = 100;
    for (const GgufWeight& weight : gguf_weights(sizes)) {
        const size_t n = elements(weight.shape);
        ++seed;
        if (weight.shape.size() == 1) {
            const std::string norm = bytes_of(norm_weight(n, seed));
            blocks.tensor({weight.name, 0, weight.shape, norm});
            plain.tensor({weight.name, 0, weight.shape, norm});
            continue;
        }
        const std::vector<uint8_t> stored = random_blocks(dtype, n, 0.06, seed);
        std::vector<float> values(n);
        REQUIRE(afs::dequantise(dtype, stored.data(), values.data(), n));
        blocks.tensor({weight.name, type, weight.shape, {stored.begin(), stored.end()}});
        plain.tensor({weight.name, 0, weight.shape, bytes_of(values)});
    }
    return {blocks, plain};
}

Setup setup_of(const GgufSizes& sizes, const std::filesystem::path& file, int32_t dtype) {
    Setup setup;
    setup.family = sizes.architecture == "llama" ? "llama3" : "olmo2";
    setup.folder = file.string();
    setup.dtype = dtype;
    return setup;
}

std::vector<float> logits(const Setup& setup) {
    const Model model = make_model(setup);
    return must(make_engine(model)->logits(some_ids(9, 3), 0));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Neither all alike nor without bounds: a comparison of them says something.
void check_alive(const std::vector<float>& values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    CHECK(std::isfinite(*least));
    CHECK(std::isfinite(*most));
    CHECK(*most - *least > 0.1f);
}

}  // namespace

TEST_CASE("every block format gives the logits of its decoded weights") {
    const TempFolder folder;
    for (const std::string architecture : {"llama", "olmo2"})
        for (const afs::BlockFormat& format : afs::kBlockFormats) {
            CAPTURE(architecture, format.name);
            GgufSizes sizes;
            sizes.architecture = architecture;
            sizes.tied = architecture == "llama";
            const auto [blocks, plain] = models(sizes, format.dtype);
            const auto stored = folder.write("blocks.gguf", blocks.bytes()),
                       decoded = folder.write("plain.gguf", plain.bytes());
            for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F64}) {
                const auto got = logits(setup_of(sizes, stored, dtype));
                check_alive(got);
                CHECK(same_bits(got, logits(setup_of(sizes, decoded, dtype))));
            }
        }
}

TEST_CASE("rows narrower than a K-quant's block mix types in one file") {
    const TempFolder folder;
    GgufSizes sizes;
    sizes.ffn = 96;  // rows of ffn_down; its fallback has blocks of 32
    const auto [q4_0, plain] = models(sizes, AFS_Q4_0);
    GgufBuilder mixed = gguf_metadata(sizes);
    uint32_t seed = 100;
    for (const GgufWeight& weight : gguf_weights(sizes)) {
        ++seed;
        const size_t n = elements(weight.shape);
        if (weight.shape.size() == 1) {
            mixed.tensor({weight.name, 0, weight.shape, bytes_of(norm_weight(n, seed))});
            continue;
        }
        const bool wide = weight.shape[1] % 256 == 0;
        const auto stored = random_blocks(wide ? AFS_Q6_K : AFS_Q8_0, n, 0.06, seed);
        mixed.tensor({weight.name, wide ? 14u : 8u, weight.shape, {stored.begin(), stored.end()}});
    }
    const Model model = make_model(setup_of(sizes, folder.write("m.gguf", mixed.bytes()), AFS_F32));
    check_alive(must(make_engine(model)->logits(some_ids(5, 1), 0)));
    uint64_t expected = 0;
    for (const afs::Weight& weight : model.weights.weights()) expected += weight.bytes;
    CHECK(model.weights.bytes() == expected);
}

TEST_CASE("llama: rotary pairs reach a memory that the host cannot read") {
    const TempFolder folder;
    GgufSizes sizes;
    const auto [blocks, plain] = models(sizes, AFS_Q8_0);
    const auto file = folder.write("plain.gguf", plain.bytes());
    Setup host = setup_of(sizes, file, AFS_F32), device = host;
    device.kernels = {"test-fakedev"};
    const Model here = make_model(host), there = make_model(device);
    const auto want = must(make_engine(here)->logits(some_ids(9, 3), 0)),
               got = must(make_engine(there)->logits(some_ids(9, 3), 0));
    REQUIRE(got.size() == want.size());
    float worst = 0;
    for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    CHECK(worst < 1e-3f);  // other kernels, the same weights; swapped rows are off by 0.1 and more
}

TEST_CASE("a split model gives the logits of the whole one") {
    const TempFolder folder;
    GgufSizes sizes;
    sizes.architecture = "olmo2";
    const auto [blocks, plain] = models(sizes, AFS_Q4_K);
    const auto whole = folder.write("whole.gguf", blocks.bytes());
    const std::vector<GgufWeight> list = gguf_weights(sizes);
    const size_t n_parts = 3;
    for (size_t part = 0; part < n_parts; ++part) {
        GgufBuilder b = part == 0 ? gguf_metadata(sizes) : GgufBuilder();
        b.raw("split.no", GgufBuilder::kU16, le(static_cast<uint16_t>(part)));
        b.raw("split.count", GgufBuilder::kU16, le(uint16_t{n_parts}));
        b.raw("split.tensors.count", GgufBuilder::kI32, le(static_cast<int32_t>(list.size())));
        for (size_t i = part; i < list.size(); i += n_parts) {
            const size_t n = elements(list[i].shape);
            const uint32_t seed = 101 + static_cast<uint32_t>(i);
            if (list[i].shape.size() == 1) {
                b.tensor({list[i].name, 0, list[i].shape, bytes_of(norm_weight(n, seed))});
                continue;
            }
            const auto stored = random_blocks(AFS_Q4_K, n, 0.06, seed);
            b.tensor({list[i].name, 12, list[i].shape, {stored.begin(), stored.end()}});
        }
        folder.write("m-0000" + std::to_string(part + 1) + "-of-00003.gguf", b.bytes());
    }
    CHECK(same_bits(logits(setup_of(sizes, folder.path() / "m-00002-of-00003.gguf", AFS_F32)),
                    logits(setup_of(sizes, whole, AFS_F32))));
}
