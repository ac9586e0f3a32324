#include "safetensors_header.hpp"

#include <cstring>
#include <fstream>

#include "json_file.hpp"

namespace env_model {
namespace {

constexpr uint64_t kMostHeader = uint64_t{100} << 20;  // the format's own limit

uint64_t width(const std::string& dtype) {
    static const std::map<std::string, uint64_t> widths = {
        {"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4},     {"I32", 4},
        {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2},     {"U16", 2},
        {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    const auto found = widths.find(dtype);
    return found == widths.end() ? 0 : found->second;
}

// Rows of a table of tensors: {"dtype", "shape", "data_offsets": [begin, end]}. Gives its end.
uint64_t read_tensor(const std::string& name, const Json& entry, SafetensorsHeader& out) {
    StoredTensor tensor{text_of(&entry, "dtype"), {}};
    const Json *shape = member(&entry, "shape"), *offsets = member(&entry, "data_offsets");
    uint64_t elements = 1;
    bool good = shape && shape->is_array() && offsets && offsets->is_array() &&
                offsets->size() == 2 && (*offsets)[0].is_number_unsigned() &&
                (*offsets)[1].is_number_unsigned();
    for (size_t i = 0; good && i < shape->size(); ++i) {
        good = (*shape)[i].is_number_unsigned();
        if (!good) break;
        tensor.dims.push_back((*shape)[i].get<uint64_t>());
        good = !__builtin_mul_overflow(elements, tensor.dims.back(), &elements);
    }
    if (!good) {
        out.problem = "the entry of tensor '" + name + "' is malformed";
        return 0;
    }
    const uint64_t begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
    uint64_t wanted = 0;
    if (end < begin || __builtin_mul_overflow(elements, width(tensor.dtype), &wanted) ||
        (wanted && end - begin != wanted))
        out.problem = "tensor '" + name + "' has " + std::to_string(end - begin) +
                      " bytes, its type and shape need " + std::to_string(wanted);
    out.tensors[name] = std::move(tensor);
    return end;
}

}  // namespace

SafetensorsHeader read_safetensors(const std::filesystem::path& path) {
    SafetensorsHeader out;
    std::error_code error;
    out.bytes = std::filesystem::file_size(path, error);
    std::ifstream file(path, std::ios::binary);
    char start[8] = {};
    if (error || !file) {
        out.problem = "it cannot be read";
        return out;
    }
    if (!file.read(start, 8)) {
        out.problem = "it has " + std::to_string(out.bytes) + " bytes, its header needs at least 8";
        return out;
    }
    if (std::memcmp(start, "version ", 8) == 0) {
        out.problem = "it is a Git LFS pointer, not the weights";
        return out;
    }
    uint64_t length = 0;
    std::memcpy(&length, start, 8);
    if (length > kMostHeader || length > out.bytes - 8) {
        out.problem = "its header says " + std::to_string(length) + " bytes, the file has " +
                      std::to_string(out.bytes);
        return out;
    }
    const auto text = read_part(file, length);
    if (!text) {
        out.problem = "its header cannot be read, or holds a NUL byte";
        return out;
    }
    const auto header = parse_json(*text, out.problem);
    if (!header || !header->is_object()) {
        if (out.problem.empty()) out.problem = "its header is no JSON object";
        return out;
    }
    uint64_t end = 0;
    for (const auto& [name, entry] : header->items()) {
        if (name == "__metadata__") continue;
        end = std::max(end, read_tensor(name, entry, out));
        if (!out.problem.empty()) return out;
    }
    if (8 + length + end != out.bytes)
        out.problem = "it has " + std::to_string(out.bytes) + " bytes, its header describes " +
                      std::to_string(8 + length + end);
    return out;
}

}  // namespace env_model
