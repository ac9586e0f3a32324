#include "engine/packed_cache.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <set>

#include "afs/numeric.hpp"
#include "afs/parallel.hpp"
#include "afs/version.hpp"
#include "runtime/write_file.hpp"

namespace afs {
namespace {

constexpr char kMagic[16] = "afs packed 1";
constexpr uint64_t kAlignment = 64;
constexpr const char* kExtension = ".afs-packed";

struct Header {
    char magic[16];
    uint64_t key_bytes, n_entries, checksum;
};

// Eight lanes of multiply and add: as fast as memory is read. Not against forgery.
uint64_t checksum(const void* data, uint64_t n) {
    constexpr uint64_t kFactor = 0x9e3779b97f4a7c15ull;
    const auto* bytes = static_cast<const uint8_t*>(data);
    uint64_t lanes[8] = {1, 2, 3, 4, 5, 6, 7, 8}, i = 0;
    for (; i + sizeof lanes <= n; i += sizeof lanes) {
        uint64_t words[8];
        std::memcpy(words, bytes + i, sizeof words);
        for (int j = 0; j < 8; ++j) {
            lanes[j] = (lanes[j] ^ words[j]) * kFactor;
            lanes[j] ^= lanes[j] >> 29;
        }
    }
    uint64_t sum = n;
    for (; i < n; ++i) sum = (sum ^ bytes[i]) * kFactor;
    for (const uint64_t lane : lanes) sum = (sum ^ (sum >> 29) ^ lane) * kFactor;
    return sum ^ (sum >> 32);
}

std::string hex(uint64_t number) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
    return text;
}

// Size and time of the last writing; "" where there is no such file.
std::string edition(const std::string& path) {
    struct stat s {};
    if (path.empty() || stat(path.c_str(), &s) != 0) return {};
    return std::to_string(s.st_size) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
           std::to_string(s.st_mtim.tv_nsec);
}

bool is_packed_here(const Plan& plan, const WeightUse& use) {
    return use.packing.bytes != 0 && plan.memories[use.memory].owner == kHostOwned;
}

// Everything that decides what the packed bytes are, one thing a line. What is packed and how:
// tensors, files, plugins and their options. Which edition of it: of the files and the programs
// that write the bytes. Both empty: they come from no file.
struct Key {
    std::string subject, editions;
    std::string text() const { return subject + editions; }
};

void add_backend(Key& key, uint32_t number, const Backend& backend) {
    key.subject += std::to_string(number) + " " + backend.plugin + "\n";
    for (const auto& [name, value] : backend.options)
        if (name != "threads") key.subject += "  " + name + " " + value + "\n";
    key.editions +=
        backend.plugin + " " + backend.version + " " +
        (backend.sha256.empty() ? backend.path + " " + edition(backend.path) : backend.sha256) +
        "\n";
}

// This program: it quantises and reorders what plugins pack.
std::string program_edition() {
    std::error_code failed;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
    return std::string("afs ") + version() + " " + path.string() + " " + edition(path.string()) +
           "\n";
}

Key key_of(const afs_graph& graph, const Plan& plan, const WeightSet& weights) {
    Key key = {{}, program_edition()};
    std::set<std::string> files;
    std::set<uint32_t> backends;
    for (const WeightUse& use : plan.weights) {
        if (!is_packed_here(plan, use)) continue;
        const Weight* weight = weights.of_value(use.value);
        if (!weight || edition(weight->file).empty()) return {};
        files.insert(weight->file);
        backends.insert(use.backend);
        const afs_tensor tensor = weight->tensor();
        key.subject +=
            std::to_string(use.value) + " " + weight->name + " " + dtype_name(weight->dtype);
        for (int i = 0; i < tensor.rank; ++i) key.subject += " " + std::to_string(tensor.dims[i]);
        for (uint32_t i = 0; i < graph.n_weights; ++i)
            if (graph.weights[i]->value == use.value)
                key.subject += " order " + std::to_string(graph.weights[i]->transform) + "/" +
                               std::to_string(graph.weights[i]->head_dim);
        key.subject += " for " + std::to_string(use.backend) + "\n";
        key.editions += std::to_string(use.value) + " format " +
                        std::to_string(use.packing.format) + " of " +
                        std::to_string(use.packing.bytes) + "\n";
    }
    if (backends.empty()) return {};
    for (const uint32_t b : backends) add_backend(key, b, plan.backends[b]);
    for (const std::string& file : files) {
        key.subject += file + "\n";
        key.editions += edition(file) + "\n";
    }
    return key;
}

uint64_t file_aligned(uint64_t n) {
    return (n + kAlignment - 1) / kAlignment * kAlignment;
}

// What nobody has opened for so long belongs to no model that is still used.
constexpr auto kUnused = std::chrono::hours(24 * 30);
// What write_file has not finished, and nobody has written to for so long, is of a process that was
// killed.
constexpr auto kAbandoned = std::chrono::hours(1);

void remove_unused(const std::filesystem::path& folder) {
    std::error_code failed;
    const auto now = std::filesystem::file_time_type::clock::now();
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        std::error_code ignored;
        const bool finished = at->path().extension() == kExtension;
        const bool draft = at->path().stem().extension() == kExtension;
        if (!(finished || draft) || !at->is_regular_file(ignored)) continue;
        const auto age = now - at->last_write_time(ignored);
        if (ignored || age <= (draft ? kAbandoned : kUnused)) continue;
        if (std::filesystem::remove(at->path(), ignored))
            spdlog::info("removed '{}': {}", at->path().string(),
                         draft ? "its writing was cut off" : "not used for 30 days");
    }
}

}  // namespace

PackedCache PackedCache::open(const std::filesystem::path& folder, const afs_graph& graph,
                              const Plan& plan, const WeightSet& weights) {
    PackedCache cache;
    if (folder.empty()) return cache;
    const Key key = key_of(graph, plan, weights);
    if (key.subject.empty()) return cache;
    cache.key_ = key.text();
    cache.path_ = folder / (hex(checksum(key.subject.data(), key.subject.size())) + kExtension);
    for (const WeightUse& use : plan.weights) cache.n_wanted_ += is_packed_here(plan, use);
    std::error_code ignored;
    if (!std::filesystem::exists(cache.path_, ignored)) return cache;
    auto file = MappedFile::open(cache.path_);
    auto entries = file ? cache.read(**file) : Result<std::vector<Entry>>(file.status());
    if (!entries) {
        spdlog::warn("packed weights are made anew: {}", entries.status().message());
        return cache;
    }
    cache.file_ = *file;
    cache.entries_ = std::move(*entries);
    // Says that it is still used; a folder that may only be read stays as it is.
    std::filesystem::last_write_time(cache.path_, std::filesystem::file_time_type::clock::now(),
                                     ignored);
    return cache;
}

Result<std::vector<PackedCache::Entry>> PackedCache::read(const MappedFile& file) const {
    const auto bad = [&](const std::string& what) {
        return invalid("cannot use '" + path_.string() + "': " + what);
    };
    Header header;
    if (file.size() < sizeof header)
        return bad("it has " + std::to_string(file.size()) + " bytes, a header has " +
                   std::to_string(sizeof header));
    std::memcpy(&header, file.data(), sizeof header);
    if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
        return bad("it is no file of packed weights of this version");
    if (header.key_bytes != key_.size() || header.n_entries != n_wanted_)
        return bad("it is of another edition of the weights, the plugin or this program");
    std::vector<Entry> entries(n_wanted_);
    const uint64_t head_bytes = key_.size() + n_wanted_ * sizeof(Entry);
    if (file.size() - sizeof header < head_bytes) return bad("it ends within its header");
    const uint8_t* at = file.data() + sizeof header;
    if (checksum(at, head_bytes) != header.checksum) return bad("its header is damaged");
    if (std::memcmp(at, key_.data(), key_.size()) != 0)
        return bad("it is of another edition of the weights, the plugin or this program");
    std::memcpy(entries.data(), at + key_.size(), n_wanted_ * sizeof(Entry));
    for (const Entry& entry : entries)
        if (entry.offset > file.size() || entry.bytes > file.size() - entry.offset)
            return bad("it has " + std::to_string(file.size()) + " bytes, a weight ends at " +
                       std::to_string(entry.offset + entry.bytes));
    std::atomic<bool> right{true};
    parallel_for(entries.size(), 0, [&](size_t i) {
        if (checksum(file.data() + entries[i].offset, entries[i].bytes) != entries[i].checksum)
            right = false;
    });
    if (!right) return bad("a weight's bytes are damaged");
    return entries;
}

const void* PackedCache::find(const WeightUse& use) const {
    if (!file_) return nullptr;
    for (const Entry& entry : entries_)
        if (entry.value == use.value && entry.backend == use.backend &&
            entry.bytes == use.packing.bytes)
            return file_->data() + entry.offset;
    return nullptr;
}

void PackedCache::add(const WeightUse& use, const void* packed) {
    if (path_.empty() || file_) return;
    entries_.push_back({use.value, use.backend, 0, use.packing.bytes, 0});
    packed_.push_back(packed);
}

void PackedCache::write() const {
    if (packed_.empty() || packed_.size() != n_wanted_) return;
    std::vector<Entry> entries = entries_;
    uint64_t offset = file_aligned(sizeof(Header) + key_.size() + entries.size() * sizeof(Entry));
    for (Entry& entry : entries) {
        entry.offset = offset;
        offset = file_aligned(offset + entry.bytes);
    }
    parallel_for(entries.size(), 0,
                 [&](size_t i) { entries[i].checksum = checksum(packed_[i], entries[i].bytes); });
    std::string head = key_;
    head.append(reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof(Entry));
    Header header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.key_bytes = key_.size();
    header.n_entries = entries.size();
    header.checksum = checksum(head.data(), head.size());
    const std::string zeros(kAlignment, '\0');
    std::vector<std::string_view> parts = {{reinterpret_cast<const char*>(&header), sizeof header},
                                           head};
    uint64_t written = sizeof header + head.size();
    for (size_t i = 0; i < entries.size(); ++i) {
        parts.emplace_back(zeros.data(), entries[i].offset - written);
        parts.emplace_back(static_cast<const char*>(packed_[i]), entries[i].bytes);
        written = entries[i].offset + entries[i].bytes;
    }
    std::error_code failed;
    std::filesystem::create_directories(path_.parent_path(), failed);
    const Status status = write_file(path_.string(), parts);
    if (!status.ok()) spdlog::warn("packed weights are not kept: {}", status.message());
    remove_unused(path_.parent_path());
}

}  // namespace afs
