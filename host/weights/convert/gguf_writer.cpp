#include "weights/convert/gguf_writer.hpp"

#include "afs/numeric.hpp"

namespace afs::convert {
namespace {

constexpr uint64_t kAlignment = 32;
constexpr uint32_t kVersion = 3;

template <class T>
std::string le(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string counted(std::string_view text) {
    return le(uint64_t{text.size()}).append(text);
}

// ggml's number of a dtype; the block formats are numbered as ggml does.
uint32_t ggml_type(int32_t dtype) {
    switch (dtype) {
        case AFS_F32: return 0;
        case AFS_F16: return 1;
        case AFS_F64: return 28;
        case AFS_BF16: return 30;
        default: return static_cast<uint32_t>(dtype - AFS_BLOCK);
    }
}

uint64_t aligned(uint64_t at) {
    return (at + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

void GgufWriter::pair(const std::string& key, GgufType type, const std::string& value) {
    pairs_.push_back(counted(key).append(le(static_cast<uint32_t>(type))).append(value));
}

void GgufWriter::text(const std::string& key, std::string_view value) {
    pair(key, GgufType::string, counted(value));
}
void GgufWriter::u32(const std::string& key, uint64_t value) {
    pair(key, GgufType::u32, le(static_cast<uint32_t>(value)));
}
void GgufWriter::f32(const std::string& key, float value) {
    pair(key, GgufType::f32, le(value));
}
void GgufWriter::flag(const std::string& key, bool value) {
    pair(key, GgufType::boolean, le(static_cast<uint8_t>(value)));
}
void GgufWriter::texts(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes = le(static_cast<uint32_t>(GgufType::string)) + le(uint64_t{values.size()});
    for (const std::string& value : values) bytes += counted(value);
    pair(key, GgufType::array, bytes);
}
void GgufWriter::i32s(const std::string& key, const std::vector<int32_t>& values) {
    std::string bytes = le(static_cast<uint32_t>(GgufType::i32)) + le(uint64_t{values.size()});
    for (const int32_t value : values) bytes += le(value);
    pair(key, GgufType::array, bytes);
}
void GgufWriter::copy(const GgufPair& from) {
    const GgufValue& value = from.value;
    std::string bytes;
    if (value.type == GgufType::array)
        bytes = le(static_cast<uint32_t>(value.item_type)) + le(value.count);
    if (value.type == GgufType::string) bytes = le(value.bytes);
    bytes.append(reinterpret_cast<const char*>(value.data), value.bytes);
    pair(std::string(from.key), value.type, bytes);
}

Status GgufWriter::write(const std::vector<TargetTensor>& tensors,
                         const std::filesystem::path& file,
                         const std::function<bool(uint64_t)>& progress) const {
    AFS_ASSIGN(OutFile out, OutFile::create(file));
    AFS_TRY(out.write("GGUF" + le(kVersion) + le(uint64_t{tensors.size()}) +
                      le(uint64_t{pairs_.size()})));
    for (const std::string& bytes : pairs_) AFS_TRY(out.write(bytes));
    uint64_t offset = 0;
    for (const TargetTensor& tensor : tensors) {
        std::string info = counted(tensor.name) + le(static_cast<uint32_t>(tensor.shape.size()));
        for (size_t axis = tensor.shape.size(); axis-- > 0;) info += le(tensor.shape[axis]);
        AFS_TRY(out.write(info + le(ggml_type(tensor.dtype)) + le(offset)));
        offset = aligned(offset + tensor.bytes());
    }
    for (const TargetTensor& tensor : tensors) {
        AFS_TRY(out.pad_to(kAlignment));
        AFS_TRY(write_tensor(tensor, out, progress));
    }
    AFS_TRY(out.pad_to(kAlignment));
    return out.close();
}

}  // namespace afs::convert
