// Weights that were packed once and are mapped at the next start; files that may not be taken.
#include <filesystem>
#include <fstream>
#include <functional>

#include "host/engine/model_fixture.hpp"
#include "support/temp_folder.hpp"

using namespace afs_test;
using afs::test::TempFolder;
namespace fs = std::filesystem;

namespace {

// Passes everything on and counts the weights that are packed.
class Counting final : public afs::KernelBackend, public afs::WeightPacker {
public:
    Counting(std::shared_ptr<afs::KernelBackend> inner, int& n) : inner_(std::move(inner)), n_(n) {}
    afs::WeightPacker* weights() override { return this; }
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        return inner_->query(query, out);
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        return inner_->prepare(query);
    }
    afs::Status plan(const afs_query& query, uint32_t value, const uint32_t* nodes, uint32_t n,
                     afs_packing& out) override {
        return inner_->weights()->plan(query, value, nodes, n, out);
    }
    afs::Status pack(const afs_query& query, uint32_t value, const afs_packing& packing,
                     const afs_tensor& raw, void* packed, afs_stream stream) override {
        ++n_;
        return inner_->weights()->pack(query, value, packing, raw, packed, stream);
    }

private:
    std::shared_ptr<afs::KernelBackend> inner_;
    int& n_;
};

struct Start {
    std::vector<int32_t> ids;
    int n_packed = 0;
};

using Options = std::map<std::string, std::string>;

Start start(const fs::path& cache, const fs::path& model, afs::Quantise quantise = {},
            const Options& options_of_cpu = {}, const std::string& version = {}) {
    Start out;
    Setup setup;
    setup.options = options_of_cpu;
    setup.family = "llama3";
    setup.dtype = AFS_BF16;
    setup.kernels = {"cpu"};
    setup.folder = model.string();
    setup.quantise = quantise;
    setup.adapt = [&](afs::Backend& backend) {
        if (!version.empty()) backend.version = version;
        backend.api = std::make_shared<Counting>(backend.api, out.n_packed);
    };
    afs::EngineOptions options;
    options.packed_cache = cache;
    afs::Request request;
    request.prompt = some_ids(14, 14, 1000);
    request.max_new_tokens = 8;
    out.ids = run_one(*make_engine(make_model(setup), options), request).ids;
    return out;
}

const fs::path kModel = fs::path(AFS_SOURCE_DIR) / "weights" / "llama3-tiny";

fs::path only_file(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
    REQUIRE(files.size() == 1);
    return files[0];
}

auto n_files(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

void overwrite(const fs::path& file, std::streamoff at, const std::string& bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream << bytes;
    REQUIRE(stream.good());
}

}  // namespace

TEST_CASE("packed cache: the second start packs nothing and gives the same tokens") {
    const TempFolder folder;
    const fs::path cache = folder.path() / "cache";  // made when it is needed
    const Start without = start({}, kModel), first = start(cache, kModel),
                second = start(cache, kModel);
    CHECK(without.n_packed > 0);
    CHECK(first.n_packed == without.n_packed);
    CHECK(second.n_packed == 0);
    CHECK(first.ids == without.ids);
    CHECK(second.ids == without.ids);
}

TEST_CASE("packed cache: what is cut, damaged or another's is made anew") {
    const TempFolder folder;
    const fs::path cache = folder.path();
    const Start first = start(cache, kModel);
    const fs::path file = only_file(cache);
    const auto size = static_cast<std::streamoff>(fs::file_size(file));
    const std::function<void()> harms[] = {
        [&] { fs::resize_file(file, static_cast<uintmax_t>(size - 1000)); },
        [&] { fs::resize_file(file, 10); },
        [&] { fs::resize_file(file, 0); },
        [&] { overwrite(file, 0, "something else"); },
        [&] { overwrite(file, 16, std::string(8, '\x7f')); },  // bytes of the key
        [&] { overwrite(file, 24, std::string(8, '\x7f')); },  // number of weights
        [&] { overwrite(file, 60, "x"); },                     // the key
        [&] { overwrite(file, size - 2000, std::string(64, '\x55')); },
        [&] {
            fs::remove(file);
            fs::create_directory(file);
        }};
    for (const auto& harm : harms) {
        harm();
        const Start again = start(cache, kModel);
        CHECK(again.n_packed == first.n_packed);
        CHECK(again.ids == first.ids);
        if (fs::is_directory(file)) continue;  // stays; the weights are packed at each start
        CHECK(static_cast<std::streamoff>(fs::file_size(file)) == size);
        CHECK(start(cache, kModel).n_packed == 0);
    }
}

TEST_CASE("packed cache: another checkpoint, other bits, a file written to: another key") {
    const TempFolder folder;
    const fs::path cache = folder.path() / "cache", model = folder.path() / "model";
    fs::copy(kModel, model, fs::copy_options::recursive);
    const Start original = start(cache, kModel);
    CHECK(start(cache, model).n_packed == original.n_packed);
    CHECK(start(cache, model).n_packed == 0);
    CHECK(start(cache, model, afs::Quantise::int8).n_packed == original.n_packed);
    CHECK(start(cache, model, afs::Quantise::int8).n_packed == 0);
    CHECK(start(cache, model).n_packed == 0);
    CHECK(n_files(cache) == 3);
    const fs::path weights = model / "model.safetensors";
    fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
    CHECK(start(cache, model).n_packed == original.n_packed);
    CHECK(start(cache, model).n_packed == 0);
    CHECK(n_files(cache) == 3);  // in the place of the one before
}

TEST_CASE("packed cache: another plugin is another edition, another option another file") {
    const TempFolder folder;
    const fs::path cache = folder.path();
    const Start first = start(cache, kModel, {}, {}, "1.0");
    CHECK(start(cache, kModel, {}, {}, "1.0").n_packed == 0);
    CHECK(start(cache, kModel, {}, {}, "1.1").n_packed == first.n_packed);
    CHECK(start(cache, kModel, {}, {}, "1.1").n_packed == 0);
    CHECK(n_files(cache) == 1);
    const Options portable = {{"instruction_set", "portable"}};
    CHECK(start(cache, kModel, {}, portable, "1.1").n_packed == first.n_packed);
    CHECK(start(cache, kModel, {}, portable, "1.1").n_packed == 0);
    CHECK(n_files(cache) == 2);
    CHECK(start(cache, kModel, {}, {{"threads", "1"}}, "1.1").n_packed == 0);
    CHECK(start(cache, kModel, {}, {{"threads", "2"}}, "1.1").n_packed == 0);
}

TEST_CASE("packed cache: what was not used for 30 days goes when another file is written") {
    const TempFolder folder;
    const fs::path cache = folder.path(), old = cache / "0123456789abcdef.afs-packed",
                   other = cache / "notes.txt";
    start(cache, kModel);
    const fs::path used = only_file(cache);
    for (const fs::path& file : {old, other}) std::ofstream(file) << "something";
    const auto age = [](const fs::path& file, int days) {
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
    };
    for (const fs::path& file : {old, other, used}) age(file, 31);
    CHECK(start(cache, kModel).n_packed == 0);  // used again: young again
    CHECK(fs::exists(old));                     // nothing was written
    start(cache, kModel, afs::Quantise::int8);
    CHECK(!fs::exists(old));
    CHECK(fs::exists(used));
    CHECK(fs::exists(other));
    age(used, 29);
    start(cache, kModel, afs::Quantise::int4);
    CHECK(fs::exists(used));
}

TEST_CASE("packed cache: what a killed process began goes when another file is written") {
    const TempFolder folder;
    const fs::path cache = folder.path(), cut = cache / "0123456789abcdef.afs-packed.Ab12cd",
                   being_written = cache / "0123456789abcdef.afs-packed.Ef34gh";
    for (const fs::path& file : {cut, being_written}) std::ofstream(file) << "something";
    fs::last_write_time(cut, fs::file_time_type::clock::now() - std::chrono::hours(2));
    start(cache, kModel);
    CHECK(!fs::exists(cut));
    CHECK(fs::exists(being_written));
}

TEST_CASE("packed cache: a folder that cannot be made is a warning") {
    const TempFolder folder;
    const fs::path file = folder.path() / "file";
    std::ofstream(file) << "no folder";
    CHECK(start(file / "cache", kModel).ids == start({}, kModel).ids);
}
