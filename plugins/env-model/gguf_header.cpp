// ggml's docs/gguf.md: magic, version, counts, metadata, tensor infos, then aligned data.
#include "gguf_header.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>

namespace env_model {
namespace {

enum ValueType : uint32_t { kString = 8, kArray = 9 };
constexpr uint64_t kWidths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};  // by type; 0: not fixed

struct BlockType {
    const char* name;
    uint64_t elements, bytes;
};

BlockType block_type(uint32_t type) {
    switch (type) {
        case 0: return {"F32", 1, 4};
        case 1: return {"F16", 1, 2};
        case 2: return {"Q4_0", 32, 18};
        case 3: return {"Q4_1", 32, 20};
        case 6: return {"Q5_0", 32, 22};
        case 7: return {"Q5_1", 32, 24};
        case 8: return {"Q8_0", 32, 34};
        case 12: return {"Q4_K", 256, 144};
        case 13: return {"Q5_K", 256, 176};
        case 14: return {"Q6_K", 256, 210};
        case 30: return {"BF16", 1, 2};
        default: return {"", 1, 0};
    }
}

// Reads forward; after the file's end, or a length that it cannot hold, everything is 0.
class Reader {
public:
    Reader(const std::filesystem::path& path, uint64_t size)
        : file_(path, std::ios::binary), left_(size) {}

    bool good() const { return good_; }
    uint64_t at() const { return at_; }

    bool take(void* out, uint64_t n) {
        good_ = good_ && n <= left_ &&
                file_.read(static_cast<char*>(out), static_cast<std::streamsize>(n));
        if (!good_) return false;
        left_ -= n;
        at_ += n;
        return true;
    }
    void skip(uint64_t n) {
        good_ = good_ && n <= left_ && file_.seekg(static_cast<std::streamoff>(n), std::ios::cur);
        if (!good_) return;
        left_ -= n;
        at_ += n;
    }
    template <class T>
    T number() {
        T value{};
        if (!take(&value, sizeof value)) value = T{};
        return value;
    }
    std::string text() {
        const auto n = number<uint64_t>();
        if (n > left_ || n > (uint64_t{16} << 20)) {
            good_ = false;
            return "";
        }
        std::string out(n, '\0');
        take(out.data(), n);
        return out;
    }
    void skip_text() { skip(number<uint64_t>()); }

private:
    std::ifstream file_;
    uint64_t left_, at_ = 0;
    bool good_ = true;
};

double scalar(Reader& reader, uint32_t type) {
    switch (type) {
        case 0: return reader.number<uint8_t>();
        case 1: return reader.number<int8_t>();
        case 2: return reader.number<uint16_t>();
        case 3: return reader.number<int16_t>();
        case 4: return reader.number<uint32_t>();
        case 5: return reader.number<int32_t>();
        case 6: return static_cast<double>(reader.number<float>());
        case 7: return reader.number<uint8_t>();
        case 10: return static_cast<double>(reader.number<uint64_t>());
        case 11: return static_cast<double>(reader.number<int64_t>());
        default: return reader.number<double>();
    }
}

// Passes over an array, which may hold arrays. Gives its length; nothing where it is malformed.
std::optional<uint64_t> skip_array(Reader& reader, int depth) {
    constexpr int kMostDepth = 4;
    const auto item = reader.number<uint32_t>();
    const auto n = reader.number<uint64_t>();
    if (item == kString) {
        for (uint64_t i = 0; i < n && reader.good(); ++i) reader.skip_text();
    } else if (item == kArray && depth < kMostDepth) {
        for (uint64_t i = 0; i < n && reader.good(); ++i)
            if (!skip_array(reader, depth + 1)) return {};
    } else if (item < std::size(kWidths) && kWidths[item] && n < (uint64_t{1} << 40)) {
        reader.skip(n * kWidths[item]);
    } else {
        return {};
    }
    return n;
}

bool read_value(Reader& reader, const std::string& key, GgufHeader& out) {
    const auto type = reader.number<uint32_t>();
    if (type == kString) {
        out.texts[key] = reader.text();
    } else if (type == kArray) {
        const auto n = skip_array(reader, 1);
        if (!n) return false;
        out.lengths[key] = *n;
    } else if (type < std::size(kWidths)) {
        out.numbers[key] = scalar(reader, type);
    } else {
        return false;
    }
    return reader.good();
}

// Where the tensor's bytes end, counted from the start of the data.
bool read_tensor(Reader& reader, GgufHeader& out, uint64_t& end) {
    const std::string name = reader.text();
    const auto rank = reader.number<uint32_t>();
    if (!reader.good() || rank > 8) return false;
    StoredTensor tensor;
    uint64_t elements = 1;
    for (uint32_t d = 0; d < rank; ++d) {
        tensor.dims.push_back(reader.number<uint64_t>());
        if (__builtin_mul_overflow(elements, tensor.dims.back(), &elements)) return false;
    }
    std::reverse(tensor.dims.begin(), tensor.dims.end());
    const BlockType type = block_type(reader.number<uint32_t>());
    const auto offset = reader.number<uint64_t>();
    tensor.dtype = type.name;
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(elements / type.elements, type.bytes, &bytes) ||
        __builtin_add_overflow(offset, bytes, &end))
        return false;
    out.tensors[name] = std::move(tensor);
    return reader.good();
}

}  // namespace

GgufHeader read_gguf(const std::filesystem::path& path) {
    GgufHeader out;
    out.path = path;
    std::error_code error;
    out.bytes = std::filesystem::file_size(path, error);
    if (error) {
        out.problem = "it cannot be read";
        return out;
    }
    Reader reader(path, out.bytes);
    char magic[4] = {};
    reader.take(magic, 4);
    if (std::memcmp(magic, "GGUF", 4) != 0) {
        out.problem = std::memcmp(magic, "vers", 4) == 0 ? "it is a Git LFS pointer, not the model"
                                                         : "it does not begin with GGUF";
        return out;
    }
    out.version = reader.number<uint32_t>();
    if (out.version != 2 && out.version != 3) {
        out.problem = "it is version " + std::to_string(out.version) + ", expected 2 or 3";
        return out;
    }
    const auto n_tensors = reader.number<uint64_t>(), n_values = reader.number<uint64_t>();
    bool good = reader.good();
    for (uint64_t i = 0; good && i < n_values; ++i) {
        const std::string key = reader.text();
        good = read_value(reader, key, out);
    }
    uint64_t most = 0;
    for (uint64_t i = 0; good && i < n_tensors; ++i) {
        uint64_t end = 0;
        good = read_tensor(reader, out, end);
        most = std::max(most, end);
    }
    if (!good) {
        out.problem =
            "its header ends early or is malformed, at byte " + std::to_string(reader.at());
        return out;
    }
    const auto stated = out.numbers.find("general.alignment");
    const uint64_t align =
        stated == out.numbers.end() || !(stated->second >= 1) || !(stated->second <= 1 << 20)
            ? 32
            : static_cast<uint64_t>(stated->second);
    const uint64_t data = (reader.at() + align - 1) / align * align;
    if (n_tensors > 0 && (data > out.bytes || most > out.bytes - data))
        out.problem = "it has " + std::to_string(out.bytes) + " bytes, its header describes " +
                      std::to_string(data + most);
    return out;
}

}  // namespace env_model
