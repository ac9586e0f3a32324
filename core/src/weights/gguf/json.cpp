// A model's metadata as JSON for model plugins; afs/abi/model.h says what is in it.
#include <cstring>

#include "afs/abi/tensor.h"
#include "afs/json.hpp"
#include "afs/weights/gguf.hpp"

namespace afs {
namespace {

constexpr uint64_t kMaxItems = 1024, kMaxBytes = 64 << 10;

json::Value scalar(const GgufValue& value) {
    if (const auto text = value.text()) return json::Value::of(std::string(*text));
    if (const auto flag = value.flag()) return json::Value::of(*flag);
    if (const auto integer = value.integer()) return json::Value::of(*integer);
    return json::Value::of(value.number().value_or(0));
}

bool left_out(const GgufPair& pair) {
    const GgufValue& value = pair.value;
    if (pair.key.substr(0, 5) == "gguf." || value.bytes > kMaxBytes) return true;
    return value.type == GgufType::array &&
           (value.count > kMaxItems || value.item_type == GgufType::array);
}

json::Value describe(const FileTensor& tensor) {
    json::Value shape = json::Value::array();
    for (const int64_t size : tensor.shape) shape.add(json::Value::of(size));
    json::Value out = json::Value::object();
    out.add("type", json::Value::of(tensor.dtype_text)).add("shape", std::move(shape));
    return out;
}

}  // namespace

std::string gguf_config_json(const std::vector<GgufFile>& parts) {
    json::Value root = json::Value::object();
    for (const GgufPair& pair : parts.front().metadata()) {
        if (left_out(pair)) continue;
        json::Value value = json::Value::array();
        if (pair.value.type == GgufType::array)
            for (const GgufValue& item : pair.value.items()) value.add(scalar(item));
        else
            value = scalar(pair.value);
        root.add(std::string(pair.key), std::move(value));
    }
    json::Value tensors = json::Value::object(), frequencies = json::Value::array();
    for (const GgufFile& part : parts)
        for (const FileTensor& tensor : part.tensors()) {
            tensors.add(tensor.name, describe(tensor));
            if (tensor.name != "rope_freqs.weight" || tensor.dtype != AFS_F32) continue;
            for (uint64_t i = 0; i < tensor.bytes / sizeof(float) && i < kMaxItems; ++i) {
                float factor;
                std::memcpy(&factor, static_cast<const char*>(tensor.data) + i * sizeof factor,
                            sizeof factor);
                frequencies.add(json::Value::of(static_cast<double>(factor)));
            }
        }
    root.add("gguf.version", json::Value::of(int64_t{parts.front().version()}));
    root.add("gguf.tensors", std::move(tensors));
    if (!frequencies.items.empty()) root.add("gguf.rope_freqs", std::move(frequencies));
    return json::dump(root);
}

}  // namespace afs
