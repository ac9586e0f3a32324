#include "trace/tensor_file.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/write_file.hpp"

namespace afs {
namespace {

std::string npy_header(const std::vector<int64_t>& dims) {
    std::string shape;
    for (const int64_t extent : dims) shape += std::to_string(extent) + ",";
    std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
    // Magic, version and length take 10 bytes; the whole is a multiple of 64 and ends in a newline.
    text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
    text += '\n';
    const auto n = static_cast<uint16_t>(text.size());
    std::string head("\x93NUMPY\x01\x00", 8);
    head += static_cast<char>(n & 0xff);
    head += static_cast<char>(n >> 8);
    return head + text;
}

std::string safetensors_header(const TracedValues& values) {
    nlohmann::ordered_json json;
    uint64_t at = 0;
    for (const auto& [tag, value] : values) {
        const uint64_t bytes = value.data.size() * sizeof(float);
        json[tag] = {{"dtype", "F32"}, {"shape", value.dims}, {"data_offsets", {at, at + bytes}}};
        at += bytes;
    }
    std::string text = json.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t n = text.size();
    std::string head(sizeof n, '\0');
    std::memcpy(head.data(), &n, sizeof n);
    return head + text;
}

}  // namespace

Status write_tensors(const std::string& path, const TracedValues& values) {
    const bool npy = path.ends_with(".npy");
    if (!npy && !path.ends_with(".safetensors"))
        return invalid("cannot write '" + path +
                       "': the ending says the format, expected .npy or "
                       ".safetensors");
    if (values.empty()) return not_found("cannot write '" + path + "': no value was formed");
    if (npy && values.size() != 1)
        return invalid("cannot write '" + path + "': .npy holds one value, found " +
                       std::to_string(values.size()) + "; use .safetensors");
    const std::string head =
        npy ? npy_header(values.begin()->second.dims) : safetensors_header(values);
    std::vector<std::string_view> parts = {head};
    for (const auto& [tag, value] : values)
        parts.emplace_back(reinterpret_cast<const char*>(value.data.data()),
                           value.data.size() * sizeof(float));
    return write_file(path, parts);
}

}  // namespace afs
