// Builds GGUF files by hand, right or wrong: what a field says need not be true.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace afs::test {

// Little-endian bytes of a number.
template <class T>
std::string le(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}
inline std::string gguf_text(const std::string& text) {
    return le(uint64_t{text.size()}).append(text);
}

class GgufBuilder {
public:
    enum : uint32_t {
        kU8,
        kI8,
        kU16,
        kI16,
        kU32,
        kI32,
        kF32,
        kBool,
        kText,
        kArray,
        kU64,
        kI64,
        kF64
    };
    struct Tensor {
        std::string name;
        uint32_t type;               // ggml's number
        std::vector<int64_t> shape;  // outermost first
        std::string data;
        std::optional<uint64_t> offset = {};  // instead of the right one
    };

    // A key and the bytes of its value.
    GgufBuilder& raw(const std::string& key, uint32_t type, const std::string& value) {
        pairs_.push_back(gguf_text(key).append(le(type)).append(value));
        return *this;
    }
    GgufBuilder& text(const std::string& key, const std::string& value) {
        return raw(key, kText, gguf_text(value));
    }
    GgufBuilder& u32(const std::string& key, uint32_t value) { return raw(key, kU32, le(value)); }
    GgufBuilder& f32(const std::string& key, float value) { return raw(key, kF32, le(value)); }
    GgufBuilder& flag(const std::string& key, bool value) {
        return raw(key, kBool, le(static_cast<uint8_t>(value)));
    }
    GgufBuilder& texts(const std::string& key, const std::vector<std::string>& values) {
        std::string bytes = le(uint32_t{kText}) + le(uint64_t{values.size()});
        for (const std::string& value : values) bytes += gguf_text(value);
        return raw(key, kArray, bytes);
    }
    template <class T>
    GgufBuilder& array(const std::string& key, uint32_t type, const std::vector<T>& values) {
        std::string bytes = le(type) + le(uint64_t{values.size()});
        for (const T value : values) bytes += le(value);
        return raw(key, kArray, bytes);
    }
    GgufBuilder& tensor(Tensor tensor) {
        tensors_.push_back(std::move(tensor));
        return *this;
    }

    std::string bytes() const {
        std::string head = "GGUF" + le(version) + le(n_tensors.value_or(tensors_.size())) +
                           le(n_pairs.value_or(pairs_.size()));
        std::string data;
        for (const std::string& pair : pairs_) head += pair;
        for (const Tensor& t : tensors_) {
            head += gguf_text(t.name) + le(static_cast<uint32_t>(t.shape.size()));
            for (size_t axis = t.shape.size(); axis-- > 0;) head += le(t.shape[axis]);
            head += le(t.type) + le(t.offset.value_or(data.size()));
            data += t.data;
            data.resize((data.size() + alignment - 1) / alignment * alignment);
        }
        head.resize((head.size() + alignment - 1) / alignment * alignment);
        return head + data;
    }

    uint32_t version = 3;
    size_t alignment = 32;  // of the layout; "general.alignment" is a key of its own
    std::optional<uint64_t> n_tensors, n_pairs;  // instead of the right ones

private:
    std::vector<std::string> pairs_;
    std::vector<Tensor> tensors_;
};

}  // namespace afs::test
