// Conversions of the bundled models: there and back each tensor has the same bytes, the logits are
// the same bit for bit in every form that loses nothing, texts have the same ids; what cannot be
// converted is refused and leaves nothing behind.
#include <array>
#include <fstream>
#include <iterator>

#include "afs/config/config.hpp"
#include "afs/dequantise.hpp"
#include "afs/weights/safetensors.hpp"
#include "conformance/cases/random_blocks.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/gguf_model.hpp"
#include "support/temp_folder.hpp"
#include "weights/convert/convert.hpp"

using namespace afs::test;
using namespace afs_test;
namespace fs = std::filesystem;

namespace {

const fs::path kWeights = AFS_SOURCE_DIR "/weights";

afs::Result<afs::convert::Converted> convert(const fs::path& from, const fs::path& to,
                                             int32_t dtype = AFS_DTYPE_NONE,
                                             const fs::path& tokenizer_files = {}) {
    const std::string plugins = AFS_BUILD_DIR "/plugins";
    const auto config = must(afs::Config::load().ok()
                                 ? afs::Config::load()->with({{"plugin_path", plugins, "test"}})
                                 : afs::Config::load());
    return afs::convert::convert(
        config, {from, to, dtype, tokenizer_files, AFS_SOURCE_DIR "/configs/conversion.json"},
        [](uint64_t done, uint64_t total) { return done <= total; });
}

std::vector<float> logits(const std::string& family, const fs::path& model) {
    Setup setup;
    setup.family = family;
    setup.folder = model.string();
    setup.dtype = AFS_BF16;
    setup.limits.max_context = 64;
    const Model made = make_model(setup);
    return must(make_engine(made)->logits(some_ids(24, 7, 90), 0));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The first tensor that the two files do not hold alike; "": none.
std::string tensor_difference(const fs::path& a, const fs::path& b) {
    const auto file_a = must(afs::SafetensorsFile::open(a)),
               file_b = must(afs::SafetensorsFile::open(b));
    std::map<std::string, const afs::FileTensor*> by_name;
    for (const afs::FileTensor& tensor : file_b.tensors()) by_name[tensor.name] = &tensor;
    if (file_a.tensors().size() != by_name.size()) return "their number";
    for (const afs::FileTensor& x : file_a.tensors()) {
        const afs::FileTensor* y = by_name[x.name];
        const bool same = y && x.shape == y->shape && x.dtype == y->dtype && x.bytes == y->bytes &&
                          std::memcmp(x.data, y->data, x.bytes) == 0;
        if (!same) return x.name;
    }
    return {};
}

// A llama-shaped GGUF file whose matrices are of one block format, and what its values are.
fs::path block_model(const TempFolder& folder, int32_t dtype, const GgufSizes& sizes) {
    GgufBuilder b = gguf_metadata(sizes);
    uint32_t seed = 1;
    for (const GgufWeight& weight : gguf_weights(sizes)) {
        size_t n = 1;
        for (const int64_t size : weight.shape) n *= static_cast<size_t>(size);
        if (weight.shape.size() == 1) {
            std::string ones;
            for (size_t i = 0; i < n; ++i) ones += le(1.0f + static_cast<float>(i) * 0.001f);
            b.tensor({weight.name, 0, weight.shape, ones});
            continue;
        }
        const std::vector<uint8_t> blocks = afs::conformance::random_blocks(dtype, n, 0.06, ++seed);
        b.tensor({weight.name,
                  static_cast<uint32_t>(dtype - AFS_BLOCK),
                  weight.shape,
                  {blocks.begin(), blocks.end()}});
    }
    return folder.write("blocks.gguf", b.bytes());
}

}  // namespace

TEST_CASE("bundled models to GGUF and back") {
    for (const std::string family : {"olmo2", "llama3"}) {
        CAPTURE(family);
        const TempFolder folder;
        const fs::path source = kWeights / (family + "-tiny"), gguf = folder.path() / "m.gguf",
                       back = folder.path() / "back", wide = folder.path() / "wide.gguf";
        const auto to = convert(source, gguf);
        INFO(to.status().message());
        REQUIRE(to.ok());
        const auto from = convert(gguf, back);
        INFO(from.status().message());
        REQUIRE(from.ok());
        REQUIRE(convert(source, wide, AFS_F32).ok());
        CHECK(tensor_difference(source / "model.safetensors", back / "model.safetensors") == "");
        const std::vector<float> want = logits(family, source);
        CHECK(same_bits(want, logits(family, gguf)));
        CHECK(same_bits(want, logits(family, back)));
        CHECK(same_bits(want, logits(family, wide)));
        const auto half = convert(wide, folder.path() / "half", AFS_F16);
        INFO(half.status().message());
        REQUIRE(half.ok());
        REQUIRE(convert(wide, folder.path() / "narrow.gguf", AFS_BF16).ok());
        CHECK(same_bits(want, logits(family, folder.path() / "narrow.gguf")));
        // One family runs in fp16, the other does not.
        const std::string stated = family == "olmo2" ? "\"float32\"" : "\"float16\"";
        CHECK(text_of(folder.path() / "half" / "config.json").find(stated) != std::string::npos);
        REQUIRE(convert(source, folder.path() / "folder32", AFS_F32).ok());
        CHECK(same_bits(want, logits(family, folder.path() / "folder32")));
        CHECK(fs::exists(folder.path() / "folder32" / "tokenizer.json"));
    }
}

TEST_CASE("blocks stay blocks in GGUF, and are written out for safetensors") {
    for (const int32_t dtype : {AFS_Q8_0, AFS_Q4_K}) {
        const TempFolder folder;
        GgufSizes sizes;
        sizes.vocab = 4096;  // as many as the tokenizer that goes with it has
        sizes.layers = 1;
        const fs::path blocks = block_model(folder, dtype, sizes);
        const std::vector<float> want = logits("llama3", blocks);
        REQUIRE(convert(blocks, folder.path() / "copy.gguf").ok());
        CHECK(same_bits(want, logits("llama3", folder.path() / "copy.gguf")));
        const fs::path out = folder.path() / "out";
        const auto kept = convert(blocks, out, AFS_DTYPE_NONE, kWeights / "llama3-tiny");
        REQUIRE_FALSE(kept.ok());
        CHECK(kept.status().message().find("--as bf16") != std::string::npos);
        CHECK_FALSE(fs::exists(out));
        const auto without = convert(blocks, out, AFS_F32);
        REQUIRE_FALSE(without.ok());
        CHECK(without.status().message().find("--tokenizer-files") != std::string::npos);
        const auto plain = convert(blocks, out, AFS_F32, kWeights / "llama3-tiny");
        INFO(plain.status().message());
        REQUIRE(plain.ok());
        CHECK(same_bits(want, logits("llama3", out)));
        // Each value is rounded once, to the nearest.
        REQUIRE(convert(blocks, folder.path() / "rounded.gguf", AFS_BF16).ok());
        const auto from = must(afs::Checkpoint::open(blocks)),
                   to = must(afs::Checkpoint::open(folder.path() / "rounded.gguf"));
        const afs::FileTensor *x = from.find("blk.0.ffn_up.weight"),
                              *y = to.find("blk.0.ffn_up.weight");
        REQUIRE((x && y && y->dtype == AFS_BF16));
        std::vector<float> values(y->bytes / 2);
        REQUIRE(afs::dequantise(dtype, x->data, values.data(), values.size()));
        const auto* rounded = static_cast<const afs::bf16*>(y->data);
        size_t wrong = 0;
        for (size_t i = 0; i < values.size(); ++i)
            wrong += rounded[i].bits != afs::to_bf16(values[i]).bits;
        CHECK(wrong == 0);
    }
}

TEST_CASE("a folder without a tokenizer goes from dtype to dtype, and not to GGUF") {
    const TempFolder folder;
    const fs::path model = folder.path() / "model";
    fs::create_directory(model);
    for (const char* name : {"config.json", "model.safetensors"})
        fs::copy(kWeights / "olmo2-tiny" / name, model / name);
    const auto wide = convert(model, folder.path() / "wide", AFS_F32);
    INFO(wide.status().message());
    REQUIRE(wide.ok());
    CHECK(wide->checked == "the same graph, every weight");
    CHECK_FALSE(convert(model, folder.path() / "m.gguf").ok());
    CHECK(convert(model, folder.path() / "m.gguf", AFS_DTYPE_NONE, kWeights / "olmo2-tiny").ok());
}

TEST_CASE("what cannot be converted is refused and leaves nothing behind") {
    const TempFolder folder;
    const fs::path model = folder.path() / "model", out = folder.path() / "out.gguf";
    fs::copy(kWeights / "olmo2-tiny", model);
    const auto refused = [&](const std::string& word, int32_t dtype = AFS_DTYPE_NONE) {
        const auto result = convert(model, out, dtype);
        INFO(word << ": " << result.status().message());
        CHECK_FALSE(result.ok());
        CHECK(result.status().message().find(word) != std::string::npos);
        CHECK_FALSE(fs::exists(out));
        CHECK_FALSE(fs::exists(out.string() + ".part"));
    };
    SECTION("a value beyond fp16") {
        const uint64_t end = fs::file_size(model / "model.safetensors");
        std::fstream file(model / "model.safetensors", std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(end / 2)).write("\x80\x49\x80\x49", 4);  // 2^20
        file.close();
        refused("beyond its range", AFS_F16);
    }
    SECTION("a tokenizer with a normalizer") {
        std::string text = text_of(model / "tokenizer.json");
        const std::string none = "\"normalizer\":null";
        text.replace(text.find(none), none.size(), "\"normalizer\":{\"type\":\"NFC\"}");
        std::ofstream(model / "tokenizer.json", std::ios::binary) << text;
        refused("normalizer");
    }
    SECTION("a token beyond the embedding") {
        for (const auto& [name, was, is] :
             {std::array{"tokenizer.json", "\"id\":3047", "\"id\":9047"},
              std::array{"tokenizer_config.json", "\"3047\":", "\"9047\":"}}) {
            std::string text = text_of(model / name);
            text.replace(text.find(was), std::string(was).size(), is);
            std::ofstream(model / name, std::ios::binary) << text;
        }
        refused("id below the 3072 rows");
    }
    SECTION("a missing tensor") {
        std::string text = text_of(model / "model.safetensors");
        text.replace(text.find("model.norm.weight"), 17, "model.morn.weight");
        std::ofstream(model / "model.safetensors", std::ios::binary) << text;
        refused("model.norm.weight");
    }
    SECTION("a target that is there") {
        const fs::path there = folder.write("there.gguf", "x");
        const auto result = convert(model, there);
        CHECK_FALSE(result.ok());
        CHECK(text_of(there) == "x");
    }
    SECTION("a folder that is not there to write into") {
        CHECK_FALSE(convert(model, "/proc/nowhere/out.gguf").ok());
        CHECK_FALSE(convert(model, folder.write("file", "x") / "out").ok());
    }
}
