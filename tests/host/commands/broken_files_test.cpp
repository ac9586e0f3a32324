// Weight files that are missing, cut, or lie, through the program: exit 1 or 3 and one message with
// file, tensor, expected and found; never a crash, never much memory.
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "support/gguf_model.hpp"
#include "support/refused_run.hpp"
#include "support/small_checkpoint.hpp"

using namespace afs::test;
namespace fs = std::filesystem;

namespace {

const std::string kNorm = "model.norm.weight";

// A file of this size that begins so and has no blocks on the disk behind it.
void write_sparse(const TempFolder& folder, const std::string& name, const std::string& head,
                  uint64_t size) {
    fs::resize_file(folder.write(name, head), size);
}

std::string with_offsets(const SmallCheckpoint& c, uint64_t begin, uint64_t end) {
    Json header = c.header();
    header[kNorm]["data_offsets"] = {begin, end};
    return c.weights(header.dump());
}

std::string index_of(const SmallCheckpoint& c, const std::string& shard, const std::string& more) {
    Json map = Json::object();
    for (const SmallTensor& tensor : c.tensors) map[tensor.name] = shard;
    if (!more.empty()) map["more"] = more;
    return Json({{"metadata", Json::object()}, {"weight_map", map}}).dump();
}

struct Case {
    std::string title;
    std::function<void(const SmallCheckpoint&, const TempFolder&)> damage;  // of a whole folder
    std::vector<std::string> says;
    std::vector<std::string> args = {};
};

const std::vector<Case> kCases = {
    {"no weights",
     [](auto&, auto& f) { fs::remove(f.path() / "model.safetensors"); },
     {"neither model.safetensors nor"}},
    {"empty",
     [](auto&, auto& f) { f.write("model.safetensors", ""); },
     {"model.safetensors'", "file has 0 bytes", "needs 8"}},
    {"a header longer than the file",
     [](auto& c, auto& f) {
         f.write("model.safetensors", c.length(90 << 20) + c.weights().substr(8));
     },
     {"file has 2", "header needs 94371848", "is the download complete?"}},
    {"a header longer than any",
     [](auto& c, auto& f) {
         f.write("model.safetensors", c.length(~0ull) + c.weights().substr(8));
     },
     {"header of 18446744073709551615 bytes, at most 100000000"}},
    {"64 GB without a block, a header of nothing",
     [](auto& c, auto& f) {
         write_sparse(f, "model.safetensors", c.length(95 << 20) + "{", uint64_t{64} << 30);
     },
     {"model.safetensors'", "holds a NUL byte"}},
    {"64 GB without a block, one good tensor",
     [](auto& c, auto& f) {
         write_sparse(f, "model.safetensors", c.weights(), uint64_t{64} << 30);
     },
     {"its tensors take 21216 bytes, the file holds 6871"}},
    {"overlapping offsets",
     [](auto& c, auto& f) { f.write("model.safetensors", with_offsets(c, 0, 32)); },
     {"tensor 'model.", "expected its data at offset 32", "found 0"}},
    {"descending offsets",
     [](auto& c, auto& f) { f.write("model.safetensors", with_offsets(c, 9632, 9600)); },
     {"tensor '" + kNorm + "'", "expected data_offsets [begin, end] inside", "found [9632, 9600]"}},
    {"overflowing offsets",
     [](auto& c, auto& f) { f.write("model.safetensors", with_offsets(c, ~0ull - 31, ~0ull)); },
     {"tensor '" + kNorm + "'", "found [18446744073709551584, 18446744073709551615]"}},
    {"a dtype that no kernel takes",
     [](auto& c, auto& f) {
         Json header = c.header();
         header[kNorm]["dtype"] = "I32";
         f.write("model.safetensors", c.weights(header.dump()));
     },
     {"tensor '" + kNorm + "'", "expected dtype F32, BF16", "found I32"}},
    {"another shape of the same size",
     [](auto& c, auto& f) {
         Json header = c.header();
         header[kNorm]["shape"] = Json::array({2, 4});
         f.write("model.safetensors", c.weights(header.dump()));
     },
     {"tensor '" + kNorm + "'", "expected shape [8]", "found [2, 4]"}},
    {"a shape whose product overflows",
     [](auto& c, auto& f) {
         Json header = c.header();
         header[kNorm]["shape"] = Json::array({int64_t{1} << 62, 8});
         f.write("model.safetensors", c.weights(header.dump()));
     },
     {"tensor '" + kNorm + "'", "product fits in 63 bits"}},
    {"a tensor is missing",
     [](SmallCheckpoint c, auto& f) {
         c.tensors.erase(c.tensors.begin() + 1);
         c.write(f);
     },
     {"missing", kNorm}},
    {"a tensor too many",
     [](SmallCheckpoint c, auto& f) {
         c.tensors.push_back({"model.layers.0.self_attn.q_proj.bias", {1}, "F32", "1234"});
         c.write(f);
     },
     {"that the model does not know", "self_attn.q_proj.bias"}},
    {"a tensor whose name would drive a terminal",
     [](SmallCheckpoint c, auto& f) {
         c.tensors.push_back(
             {"a\x1b]0;x\x07\xc2\x9b"
              "2J\r",
              {1},
              "F32",
              "1234"});
         c.write(f);
     },
     {"does not know: 'a\\x1b]0;x\\x07\\xc2\\x9b2J\\x0d'"}},
    {"a tensor twice",
     [](auto& c, auto& f) {
         const std::string header = c.header().dump();
         f.write("model.safetensors",
                 c.weights(header.substr(0, header.size() - 1) + ",\"" + kNorm +
                           R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})"));
     },
     {"key '" + kNorm + "' appears twice"}},
    {"an absent shard",
     [](auto& c, auto& f) {
         fs::rename(f.path() / "model.safetensors", f.path() / "a.safetensors");
         f.write("model.safetensors.index.json", index_of(c, "a.safetensors", "b.safetensors"));
     },
     {"1 of 2 shards are absent: b.safetensors"}},
    {"a shard outside the folder",
     [](auto& c, auto& f) {
         fs::rename(f.path() / "model.safetensors", f.path() / "a.safetensors");
         f.write("model.safetensors.index.json", index_of(c, "a.safetensors", "../b.safetensors"));
     },
     {"index.json:1", "'../b.safetensors'", "must lie in the checkpoint's folder"}},
    {"a promised tensor that its shard lacks",
     [](auto& c, auto& f) {
         fs::rename(f.path() / "model.safetensors", f.path() / "a.safetensors");
         f.write("model.safetensors.index.json", index_of(c, "a.safetensors", "a.safetensors"));
     },
     {"promises tensors that are not there", "'more' in a.safetensors"}},
    {"NaN among the weights",
     [](SmallCheckpoint c, auto& f) {
         c.tensor(kNorm).data.replace(8, 4, std::string("\0\0\xc0\x7f", 4));
         c.write(f);
     },
     {"tensor '" + kNorm + "'", "value 2 is NaN", "expected finite"},
     {"--check-tensors"}},
    {"infinity among the weights",
     [](SmallCheckpoint c, auto& f) {
         c.tensor(kNorm).data.replace(28, 4, std::string("\0\0\x80\xff", 4));
         c.write(f);
     },
     {"tensor '" + kNorm + "'", "value 7 is -infinity"},
     {"--check-tensors"}},
};

}  // namespace

TEST_CASE("the small checkpoint runs, whole and in shards") {
    const TempFolder folder;
    const SmallCheckpoint checkpoint;
    checkpoint.write(folder);
    const auto good = run_model(folder.path().string(), {"--check-tensors"});
    INFO(good.err);
    CHECK(good.exit_code == 0);
    CHECK(good.out.rfind("ab", 0) == 0);
    fs::rename(folder.path() / "model.safetensors", folder.path() / "a.safetensors");
    folder.write("model.safetensors.index.json", index_of(checkpoint, "a.safetensors", ""));
    CHECK(run_model(folder.path().string()).exit_code == 0);
}

TEST_CASE("weight files that cannot be used say why") {
    for (const Case& c : kCases) {
        INFO(c.title);
        const TempFolder folder;
        const SmallCheckpoint checkpoint;
        checkpoint.write(folder);
        c.damage(checkpoint, folder);
        check_refused(run_model(folder.path().string(), c.args), c.says);
    }
}

TEST_CASE("a weight file cut anywhere is refused") {
    const TempFolder folder;
    const SmallCheckpoint checkpoint;
    checkpoint.write(folder);
    const std::string whole = checkpoint.weights();
    const size_t data = whole.size() - checkpoint.data().size();
    std::vector<size_t> sizes = {1, 7, 8, 9, 100, data - 1, data, data + 1, whole.size() - 1};
    for (size_t size = 997; size < whole.size(); size += 1997) sizes.push_back(size);
    for (const size_t size : sizes) {
        INFO(size << " of " << whole.size() << " bytes");
        folder.write("model.safetensors", whole.substr(0, size));
        check_refused(run_model(folder.path().string()), {"model.safetensors'"});
    }
}

TEST_CASE("GGUF files that lie") {
    const TempFolder folder;
    const auto refused = [&](const std::string& bytes, const std::vector<std::string>& says,
                             uint64_t size = 0) {
        const fs::path file = folder.write("m.gguf", bytes);
        if (size) fs::resize_file(file, size);
        check_refused(run_model(file.string()), says);
    };
    constexpr uint64_t kSparse = uint64_t{64} << 30;
    GgufBuilder counts;
    counts.n_pairs = uint64_t{1} << 30;
    refused(counts.bytes(), {"m.gguf'", "its header says 1073741824 metadata pairs"});
    refused(counts.bytes(), {"m.gguf'", "at most 65536 are read"}, kSparse);
    GgufBuilder tensors;
    tensors.n_tensors = ~uint64_t{0};
    refused(tensors.bytes(), {"its header says 18446744073709551615 tensors"}, kSparse);
    // An array of 4 G numbers that the sparse file does have: nothing of it is copied.
    GgufBuilder array;
    array.text("general.architecture", "llama");
    array.raw("x", GgufBuilder::kArray, le(uint32_t{GgufBuilder::kU8}) + le(uint64_t{1} << 32));
    refused(array.bytes(), {"cannot use the GGUF metadata: llama.embedding_length is missing"},
            kSparse);
    GgufBuilder tokens = gguf_metadata({});
    tokens.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "gpt-2");
    tokens.raw("tokenizer.ggml.tokens", GgufBuilder::kArray,
               le(uint32_t{GgufBuilder::kText}) + le(uint64_t{1} << 32));
    refused(tokens.bytes(), {"metadata key 'tokenizer.ggml.tokens'"});
    GgufBuilder overlap;
    overlap.text("general.architecture", "llama");
    overlap.tensor({"a", 0, {8}, std::string(32, 'a')});
    overlap.tensor({"b", 0, {8}, std::string(32, 'b'), 0});
    refused(overlap.bytes(), {"tensor 'b'", "expected its data at offset 32", "found offset 0"});
    GgufBuilder far;
    far.text("general.architecture", "llama");
    far.tensor({"a", 0, {int64_t{1} << 40, int64_t{1} << 15}, "1234"});
    refused(far.bytes(), {"tensor 'a'", "needs 144115188075855872 bytes"}, kSparse);
}

TEST_CASE("what is no file, or may not be read, is named") {
    const TempFolder folder;
    for (const std::string name :
         {"model.safetensors", "config.json", "tokenizer.json", "generation_config.json"}) {
        const fs::path file = folder.path() / name;
        const auto refused = [&](const std::string& says) {
            check_refused(run_model(folder.path().string()), {"'" + file.string() + "'", says});
            fs::remove(file);
        };
        INFO(name);
        SmallCheckpoint().write(folder);
        fs::remove(file);
        fs::create_symlink(name, file);
        refused("Too many levels of symbolic links");
        fs::create_symlink("elsewhere", file);
        refused("link to nothing");
        fs::create_directory(file);
        refused("expected a regular file, found a folder");
        REQUIRE(mkfifo(file.c_str(), 0600) == 0);
        refused("expected a regular file, found a pipe");
    }
    fs::remove(folder.path() / "tokenizer.json");
    fs::create_symlink("tokenizer.json", folder.path() / "tokenizer.json");
    RunningProgram convert({AFS_BUILD_DIR "/bin/afs-host", "weights", "convert",
                            folder.path().string(), (folder.path() / "out").string()});
    CHECK_THAT(convert.read_rest_of_err(), Catch::Matchers::Contains("tokenizer.json'") &&
                                               Catch::Matchers::Contains("symbolic links"));
    CHECK(convert.wait() == 1);
    const fs::path loop = folder.path() / "loop";
    fs::create_symlink("loop", loop);
    check_refused(run_model(loop.string()), {"Too many levels of symbolic links"});
}

TEST_CASE("files without permission to read are named") {
    const TempFolder folder;
    SmallCheckpoint().write(folder);
    std::vector<std::string> before;
    if (geteuid() == 0) {  // root may read everything: as nobody, who may not
        before = {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"};
        fs::permissions(folder.path(), fs::perms::others_exec | fs::perms::others_read,
                        fs::perm_options::add);
        if (run_model(folder.path().string(), {}, before).exit_code != 0) {
            WARN("skipped: nobody cannot run " AFS_BUILD_DIR "/bin/afs-host");
            return;
        }
    }
    for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"}) {
        const fs::path file = folder.path() / name;
        INFO(name);
        fs::permissions(file, fs::perms::none);
        check_refused(run_model(folder.path().string(), {}, before),
                      {"'" + file.string() + "'", "Permission denied"});
        fs::permissions(file, fs::perms::owner_read | fs::perms::others_read);
    }
    fs::permissions(folder.path(), fs::perms::none);
    check_refused(run_model(folder.path().string(), {}, before), {"Permission denied"});
    fs::permissions(folder.path(), fs::perms::owner_all);
}
