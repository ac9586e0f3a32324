// Builds safetensors files by hand, right or wrong.
#pragma once
#include <cstring>
#include <string>
#include <vector>

namespace afs::test {

inline std::string u64(uint64_t n) {
    std::string bytes(8, '\0');
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(n >> (8 * i));
    return bytes;
}

inline std::string safetensors(const std::string& header, const std::string& data) {
    return u64(header.size()) + header + data;
}

inline std::string floats(const std::vector<float>& values) {
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

struct Entry {
    std::string name, dtype, shape;  // "a", "F32", "[2, 3]"
    std::string data;
};

// A well-formed file of these tensors in this order.
inline std::string safetensors(const std::vector<Entry>& entries) {
    std::string header = "{", data;
    for (const Entry& e : entries) {
        header.append(header.size() > 1 ? ", \"" : "\"").append(e.name);
        header.append("\": {\"dtype\": \"").append(e.dtype).append("\", \"shape\": ");
        header.append(e.shape).append(", \"data_offsets\": [").append(std::to_string(data.size()));
        data += e.data;
        header.append(", ").append(std::to_string(data.size())).append("]}");
    }
    return safetensors(header.append("}"), data);
}

}  // namespace afs::test
