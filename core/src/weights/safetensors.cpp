#include "afs/weights/safetensors.hpp"

#include <algorithm>
#include <cstring>

#include "afs/abi/tensor.h"
#include "afs/json.hpp"

namespace afs {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr size_t kMaxValues = 400'000;        // some 40,000 tensors, 50 MB as a tree

struct TypeRow {
    const char* name;
    uint32_t bits;
    int32_t dtype;  // AFS_DTYPE_NONE: known, but no kernel takes it
};
constexpr TypeRow kTypes[] = {
    {"F64", 64, AFS_F64},           {"F32", 32, AFS_F32},           {"F16", 16, AFS_F16},
    {"BF16", 16, AFS_BF16},         {"I64", 64, AFS_DTYPE_NONE},    {"I32", 32, AFS_DTYPE_NONE},
    {"I16", 16, AFS_DTYPE_NONE},    {"I8", 8, AFS_DTYPE_NONE},      {"U64", 64, AFS_DTYPE_NONE},
    {"U32", 32, AFS_DTYPE_NONE},    {"U16", 16, AFS_DTYPE_NONE},    {"U8", 8, AFS_DTYPE_NONE},
    {"BOOL", 8, AFS_DTYPE_NONE},    {"F8_E4M3", 8, AFS_DTYPE_NONE}, {"F8_E5M2", 8, AFS_DTYPE_NONE},
    {"F8_E8M0", 8, AFS_DTYPE_NONE},
};

const TypeRow* find_type(const std::string& name) {
    for (const TypeRow& row : kTypes)
        if (name == row.name) return &row;
    return nullptr;
}

std::string shape_text(const json::Value& shape) {
    return json::dump(shape);
}

// One entry of the header, checked against the data's size.
class TensorReader {
public:
    TensorReader(const uint8_t* data, uint64_t data_bytes, const std::string& file)
        : data_(data), data_bytes_(data_bytes), file_(file) {}

    Result<FileTensor> read(const json::Member& entry) const {
        const auto bad = [&](const std::string& what) {
            return invalid("cannot read tensor '" + entry.key + "' of '" + file_ + "': " + what);
        };
        const json::Value& fields = entry.value;
        const json::Value *dtype = fields.find("dtype"), *shape = fields.find("shape"),
                          *offsets = fields.find("data_offsets");
        if (!fields.is(json::Kind::object) || fields.members.size() != 3 || !dtype || !shape ||
            !offsets)
            return bad("expected an object of dtype, shape and data_offsets, found " +
                       json::dump(fields).substr(0, 200));
        const TypeRow* type = dtype->is(json::Kind::string) ? find_type(dtype->string) : nullptr;
        if (!type)
            return bad("expected dtype F64, F32, F16, BF16 or another of the format, found " +
                       json::dump(*dtype).substr(0, 100));
        FileTensor tensor;
        tensor.name = entry.key;
        tensor.dtype_text = type->name;
        tensor.dtype = type->dtype;
        uint64_t bytes = 0;
        if (!read_shape(*shape, type->bits / 8, tensor.shape, bytes))
            return bad("expected a shape of sizes whose product fits in 63 bits, found " +
                       shape_text(*shape).substr(0, 200));
        uint64_t begin = 0, end = 0;
        if (!read_offsets(*offsets, begin, end))
            return bad("expected data_offsets [begin, end] inside " + std::to_string(data_bytes_) +
                       " bytes of data, found " + json::dump(*offsets).substr(0, 200));
        if (end - begin != bytes)
            return bad("shape " + shape_text(*shape) + " of " + type->name + " takes " +
                       std::to_string(bytes) + " bytes, data_offsets hold " +
                       std::to_string(end - begin));
        tensor.data = data_ + begin;
        tensor.bytes = bytes;
        return tensor;
    }

private:
    static bool read_shape(const json::Value& shape, uint64_t element, std::vector<int64_t>& dims,
                           uint64_t& bytes) {
        if (!shape.is(json::Kind::array) || shape.items.size() > 64) return false;
        bytes = element;
        bool empty = false;  // a zero must not hide an overflow of the others
        for (const json::Value& size : shape.items) {
            const auto n = size.as_int64();
            if (!n || *n < 0) return false;
            dims.push_back(*n);
            empty = empty || *n == 0;
            const uint64_t factor = *n == 0 ? 1 : static_cast<uint64_t>(*n);
            if (bytes > static_cast<uint64_t>(INT64_MAX) / factor) return false;
            bytes *= factor;
        }
        if (empty) bytes = 0;
        return true;
    }

    bool read_offsets(const json::Value& offsets, uint64_t& begin, uint64_t& end) const {
        if (!offsets.is(json::Kind::array) || offsets.items.size() != 2) return false;
        const auto b = offsets.items[0].as_uint64(), e = offsets.items[1].as_uint64();
        if (!b || !e || *b > *e || *e > data_bytes_) return false;
        begin = *b;
        end = *e;
        return true;
    }

    const uint8_t* data_;
    uint64_t data_bytes_;
    const std::string& file_;
};

Status read_metadata(const json::Value& value, const std::string& file,
                     std::map<std::string, std::string>& metadata) {
    bool texts = value.is(json::Kind::object);
    for (const json::Member& member : value.members) {
        texts = texts && member.value.is(json::Kind::string);
        if (texts) metadata[member.key] = member.value.string;
    }
    if (texts) return {};
    return invalid("cannot read '" + file + "': __metadata__ must map text to text");
}

// Sorted by offset, the tensors must follow each other without gap or overlap up to the end.
Status check_cover(const std::vector<FileTensor>& tensors, const uint8_t* data, uint64_t data_bytes,
                   const std::string& file) {
    uint64_t at = 0;
    for (const FileTensor& tensor : tensors) {
        const auto begin = static_cast<uint64_t>(static_cast<const uint8_t*>(tensor.data) - data);
        if (begin != at)
            return invalid("cannot read tensor '" + tensor.name + "' of '" + file +
                           "': expected its data at offset " + std::to_string(at) +
                           ", where the one before ends, found " + std::to_string(begin));
        at += tensor.bytes;
    }
    if (at == data_bytes) return {};
    return invalid("cannot read '" + file + "': its tensors take " + std::to_string(at) +
                   " bytes, the file holds " + std::to_string(data_bytes) + " bytes of data");
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
    AFS_ASSIGN(std::shared_ptr<const MappedFile> file, MappedFile::open(path));
    return read(std::move(file));
}

Result<SafetensorsFile> SafetensorsFile::read(std::shared_ptr<const MappedFile> file) {
    const std::string name = file->path().string();
    const auto bad = [&](const std::string& what) {
        return invalid("cannot read '" + name + "' as safetensors: " + what);
    };
    if (file->size() < 8)
        return bad("file has " + std::to_string(file->size()) +
                   " bytes, the header's length needs 8");
    uint64_t header_bytes = 0;  // little-endian
    for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | file->data()[i];
    if (header_bytes > kMaxHeader)
        return bad("header of " + std::to_string(header_bytes) + " bytes, at most " +
                   std::to_string(kMaxHeader) + " are legal; is it another format?");
    if (header_bytes > file->size() - 8)
        return bad("file has " + std::to_string(file->size()) + " bytes, header needs " +
                   std::to_string(header_bytes + 8) + "; is the download complete?");
    json::ParseOptions options;
    options.name = "header of '" + name + "'";
    options.max_values = kMaxValues;
    AFS_ASSIGN(const json::Value header,
               json::parse(file->text().substr(8, header_bytes), options));
    if (!header.is(json::Kind::object) || file->data()[8] != '{')
        return bad("the header must be an object");
    SafetensorsFile out;
    const uint8_t* data = file->data() + 8 + header_bytes;
    const uint64_t data_bytes = file->size() - 8 - header_bytes;
    const TensorReader reader(data, data_bytes, name);
    for (const json::Member& entry : header.members) {
        if (entry.key == "__metadata__") {
            AFS_TRY(read_metadata(entry.value, name, out.metadata_));
            continue;
        }
        AFS_ASSIGN(FileTensor tensor, reader.read(entry));
        out.tensors_.push_back(std::move(tensor));
    }
    // Empty tensors first where they share an offset with the next one.
    std::stable_sort(out.tensors_.begin(), out.tensors_.end(),
                     [](const FileTensor& a, const FileTensor& b) {
                         return a.data != b.data ? a.data < b.data : a.bytes < b.bytes;
                     });
    AFS_TRY(check_cover(out.tensors_, data, data_bytes, name));
    out.file_ = std::move(file);
    return out;
}

}  // namespace afs
