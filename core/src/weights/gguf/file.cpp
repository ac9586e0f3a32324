#include <algorithm>
#include <unordered_set>

#include "afs/abi/tensor.h"
#include "cursor.hpp"
#include "types.hpp"

namespace afs {
namespace {

constexpr uint64_t kMaxPairs = 1 << 16, kMaxTensors = 1 << 16;  // bound the memory taken
constexpr uint64_t kMaxKey = 65535, kMaxName = 64;              // the format's own limits
constexpr uint64_t kMaxElements = uint64_t{1} << 56;            // keeps bytes inside 63 bits
constexpr uint64_t kLeastPair = 8 + 1 + 4 + 1;                  // key, type, value
constexpr uint64_t kLeastTensor = 8 + 1 + 4 + 8 + 4 + 8;        // name, rank, size, type, offset

bool printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string shown(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, 64)) out += c >= 0x20 && c < 0x7f ? c : '?';
    return out + (text.size() > 64 ? "...'" : "'");
}

std::string dims_text(const std::vector<int64_t>& shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

}  // namespace

// Fills a GgufFile from front to back.
class GgufReader {
public:
    GgufReader(GgufFile& out, std::shared_ptr<const MappedFile> file)
        : out_(out), name_(file->path().string()), cursor_(file->data(), file->size()) {
        out_.file_ = std::move(file);
    }

    Status run() {
        uint64_t n_tensors = 0, n_pairs = 0;
        AFS_TRY(read_head(n_tensors, n_pairs));
        for (uint64_t i = 0; i < n_pairs; ++i) AFS_TRY(read_pair(i, n_pairs));
        AFS_TRY(read_alignment());
        for (uint64_t i = 0; i < n_tensors; ++i) AFS_TRY(read_tensor(i, n_tensors));
        AFS_TRY(check_quantisation());
        return place_tensors();
    }

private:
    Status bad(const std::string& what) const {
        return invalid("cannot read '" + name_ + "' as GGUF: " + what);
    }
    Status bad_tensor(const std::string& tensor, const std::string& what) const {
        return invalid("cannot read tensor '" + tensor + "' of '" + name_ + "': " + what);
    }
    std::string left() const {
        return "the file of " + std::to_string(out_.file_->size()) + " bytes has " +
               std::to_string(cursor_.left()) + " left; is the download complete?";
    }

    Status read_head(uint64_t& n_tensors, uint64_t& n_pairs) {
        const std::string_view magic = out_.file_->text().substr(0, 4);
        if (magic != "GGUF") return bad("expected \"GGUF\" first, found " + shown(magic));
        cursor_.skip(4);
        if (!cursor_.read(out_.version_) || !cursor_.read(n_tensors) || !cursor_.read(n_pairs))
            return bad("the header needs 24 bytes, the file has " +
                       std::to_string(out_.file_->size()));
        const uint32_t v = out_.version_;
        if (v != 0 && (v & 0xffff) == 0)
            return bad("it is big-endian; expected a little-endian file");
        if (v != 2 && v != 3)
            return bad("expected version 2 or 3, found " + std::to_string(v) +
                       (v == 1 ? "; convert the model again with a newer tool" : ""));
        AFS_TRY(check_count(n_pairs, kLeastPair, kMaxPairs, "metadata pairs"));
        return check_count(n_tensors, kLeastTensor, kMaxTensors, "tensors");
    }
    Status check_count(uint64_t n, uint64_t least, uint64_t most, const char* what) const {
        if (n > cursor_.left() / least)
            return bad("its header says " + std::to_string(n) + " " + what +
                       ", which need at least " + std::to_string(least) + " bytes each; " + left());
        if (n > most)
            return bad("its header says " + std::to_string(n) + " " + what + ", at most " +
                       std::to_string(most) + " are read");
        return {};
    }

    Status read_pair(uint64_t i, uint64_t n) {
        const std::string number = std::to_string(i) + " of " + std::to_string(n);
        GgufPair pair;
        uint32_t type = 0;
        if (!cursor_.read(pair.key)) return bad("metadata key " + number + " is cut; " + left());
        if (pair.key.empty() || pair.key.size() > kMaxKey || !printable(pair.key))
            return bad("metadata key " + number + " must be printable ASCII of 1 to " +
                       std::to_string(kMaxKey) + " bytes, found " + shown(pair.key));
        if (!cursor_.read(type))
            return bad("metadata key " + shown(pair.key) + " has no value; " + left());
        if (const std::string wrong = gguf::read_value(cursor_, type, pair.value); !wrong.empty())
            return bad("metadata key " + shown(pair.key) + ": " + wrong);
        if (!out_.by_key_.emplace(pair.key, out_.metadata_.size()).second)
            return bad("metadata key " + shown(pair.key) + " is given twice");
        out_.metadata_.push_back(pair);
        return {};
    }

    Status read_alignment() {
        const GgufValue* value = out_.find("general.alignment");
        if (!value) return {};
        const auto found = value->type == GgufType::u32 ? value->integer() : std::nullopt;
        alignment_ = found ? static_cast<uint64_t>(*found) : 0;
        if (alignment_ == 0 || (alignment_ & (alignment_ - 1)) != 0)
            return bad("general.alignment must be a power of two of type uint32, found " +
                       (found ? std::to_string(*found) : std::string(name_of(value->type))));
        return {};
    }

    Status read_tensor(uint64_t i, uint64_t n) {
        const std::string number = std::to_string(i) + " of " + std::to_string(n);
        std::string_view name;
        uint32_t rank = 0, type = 0;
        uint64_t offset = 0;
        if (!cursor_.read(name)) return bad("the name of tensor " + number + " is cut; " + left());
        if (name.empty() || name.size() > kMaxName || !printable(name))
            return bad("the name of tensor " + number + " must be printable ASCII of 1 to " +
                       std::to_string(kMaxName) + " bytes, found " + shown(name));
        FileTensor tensor;
        tensor.name = name;
        if (!names_.insert(name).second) return bad_tensor(tensor.name, "it is listed twice");
        if (!cursor_.read(rank)) return bad_tensor(tensor.name, "its sizes are cut; " + left());
        if (rank < 1 || rank > 4)
            return bad_tensor(tensor.name, "expected 1 to 4 sizes, found " + std::to_string(rank));
        tensor.shape.resize(rank);
        for (uint32_t axis = rank; axis-- > 0;)  // the innermost comes first in the file
            if (!cursor_.read(tensor.shape[axis]))
                return bad_tensor(tensor.name, "its sizes are cut; " + left());
        if (!cursor_.read(type) || !cursor_.read(offset))
            return bad_tensor(tensor.name, "its type and offset are cut; " + left());
        AFS_TRY(size_tensor(type, tensor));
        offsets_.push_back(offset);
        out_.tensors_.push_back(std::move(tensor));
        return {};
    }

    Status size_tensor(uint32_t type, FileTensor& tensor) const {
        const gguf::TypeRow* row = gguf::find_type(type);
        if (!row || row->dtype == AFS_DTYPE_NONE)
            return unsupported(
                "cannot read tensor '" + tensor.name + "' of '" + name_ +
                "': expected type F32, F16, BF16, F64, Q8_0, Q5_0, Q5_1, Q4_0, Q4_1, Q4_K, Q5_K or "
                "Q6_K, found " +
                (row ? row->name : std::to_string(type) + ", which no ggml type has"));
        uint64_t elements = 1;
        for (const int64_t size : tensor.shape) {
            if (size < 1 || static_cast<uint64_t>(size) > kMaxElements / elements)
                return bad_tensor(tensor.name,
                                  "expected sizes from 1 whose product is below 2^56, "
                                  "found " +
                                      dims_text(tensor.shape));
            elements *= static_cast<uint64_t>(size);
        }
        if (tensor.shape.back() % row->elements != 0)
            return bad_tensor(tensor.name, std::string("rows of ") + row->name +
                                               " are whole blocks of " +
                                               std::to_string(row->elements) +
                                               " elements, found shape " + dims_text(tensor.shape));
        tensor.dtype_text = row->name;
        tensor.dtype = row->dtype;
        tensor.bytes = elements / row->elements * row->bytes;
        return {};
    }

    // Version 2 of the block formats is the only one that GGUF files have been written with.
    Status check_quantisation() const {
        const GgufValue* value = out_.find("general.quantization_version");
        const bool blocks = std::any_of(out_.tensors_.begin(), out_.tensors_.end(),
                                        [](const FileTensor& t) { return t.dtype >= AFS_BLOCK; });
        if (!value || !blocks || value->integer() == 2) return {};
        return unsupported("cannot read '" + name_ +
                           "' as GGUF: expected general.quantization_version 2, found " +
                           (value->integer() ? std::to_string(*value->integer())
                                             : std::string(name_of(value->type))));
    }

    uint64_t aligned(uint64_t at) const { return (at + alignment_ - 1) / alignment_ * alignment_; }

    // The data begins at the next multiple of the alignment after the infos.
    Status place_tensors() {
        if (out_.tensors_.empty()) return {};
        const uint64_t size = out_.file_->size(), begin = aligned(size - cursor_.left());
        if (begin > size)
            return bad("its data begins at byte " + std::to_string(begin) + ", the file has " +
                       std::to_string(size) + "; is the download complete?");
        std::vector<size_t> order(offsets_.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(),
                         [&](size_t a, size_t b) { return offsets_[a] < offsets_[b]; });
        std::vector<FileTensor> sorted;
        uint64_t expected = 0;
        for (const size_t i : order) {
            FileTensor& tensor = out_.tensors_[i];
            if (offsets_[i] != expected)
                return bad_tensor(tensor.name, "expected its data at offset " +
                                                   std::to_string(expected) +
                                                   ", where the one before ends (alignment " +
                                                   std::to_string(alignment_) + "), found offset " +
                                                   std::to_string(offsets_[i]));
            if (expected > size - begin || tensor.bytes > size - begin - expected)
                return bad_tensor(tensor.name,
                                  tensor.dtype_text + " of shape " + dims_text(tensor.shape) +
                                      " needs " + std::to_string(tensor.bytes) +
                                      " bytes at offset " + std::to_string(expected) +
                                      ", the file has " + std::to_string(size - begin) +
                                      " bytes of data; is the download complete?");
            tensor.data = out_.file_->data() + begin + expected;
            expected = aligned(expected + tensor.bytes);
            sorted.push_back(std::move(tensor));
        }
        out_.tensors_ = std::move(sorted);
        return {};
    }

    GgufFile& out_;
    std::string name_;
    gguf::Cursor cursor_;
    uint64_t alignment_ = 32;
    std::unordered_set<std::string_view> names_;
    std::vector<uint64_t> offsets_;  // of out_.tensors_, in the file's order
};

const GgufValue* GgufFile::find(std::string_view key) const {
    const auto it = by_key_.find(key);
    return it == by_key_.end() ? nullptr : &metadata_[it->second].value;
}

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
    AFS_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
    return read(std::move(file));
}

Result<GgufFile> GgufFile::read(std::shared_ptr<const MappedFile> file) {
    GgufFile out;
    AFS_TRY(GgufReader(out, std::move(file)).run());
    return out;
}

}  // namespace afs
