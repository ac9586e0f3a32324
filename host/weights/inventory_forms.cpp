// An inventory as text for people, and as JSON and CSV for programs.
#include <algorithm>
#include <cstdio>

#include "afs/json.hpp"
#include "hub/fetch.hpp"  // bytes_text
#include "weights/inventory.hpp"

namespace afs {
namespace {

using hub::bytes_text;

// "1,234,567"
std::string grouped(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
    return digits;
}

std::string shape_text(const std::vector<int64_t>& shape) {
    std::string text = "[";
    for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

std::string padded(const std::string& text, size_t width, bool right = false) {
    const std::string gap(width > text.size() ? width - text.size() : 0, ' ');
    return right ? gap + text : text + gap;
}

std::string layer_text(const LayerGroup& group) {
    if (group.first == kNoLayer) return "outside";
    const std::string first = std::to_string(group.first);
    return group.first == group.last ? first : first + ".." + std::to_string(group.last);
}

std::string dtypes_of(const LayerGroup& group) {
    std::map<std::string, size_t> counts;
    for (const InventoryTensor* tensor : group.tensors) ++counts[tensor->dtype];
    std::string text;
    for (const auto& [dtype, count] : counts)
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + dtype;
    return text;
}

std::string dtype_table(const Inventory& inventory) {
    std::string out = "dtype    tensors       parameters        bytes  bits each  share\n";
    for (const auto& [dtype, sum] : inventory.by_dtype) {
        char line[160];
        const double bits = sum.parameters ? 8.0 * static_cast<double>(sum.bytes) /
                                                 static_cast<double>(sum.parameters)
                                           : 0;
        const double share = inventory.all.bytes ? 100.0 * static_cast<double>(sum.bytes) /
                                                       static_cast<double>(inventory.all.bytes)
                                                 : 0;
        std::snprintf(line, sizeof line, "%-8s %7llu %16s %12s %10.4g %5.1f%%\n", dtype.c_str(),
                      static_cast<unsigned long long>(sum.tensors), grouped(sum.parameters).c_str(),
                      bytes_text(sum.bytes).c_str(), bits, share);
        out += line;
    }
    return out;
}

std::string layer_table(const std::vector<LayerGroup>& groups) {
    std::string out = "layers    each: tensors   parameters        bytes  dtypes\n";
    for (const LayerGroup& group : groups)
        out += padded(layer_text(group), 10) +
               padded(std::to_string(group.each.tensors), 13, true) +
               padded(grouped(group.each.parameters), 13, true) +
               padded(bytes_text(group.each.bytes), 13, true) + "  " + dtypes_of(group) + "\n";
    return out;
}

std::string tensor_table(const LayerGroup& group) {
    size_t width = 0;
    for (const InventoryTensor* tensor : group.tensors)
        width = std::max(width, tensor->pattern().size());
    const bool outside = group.first == kNoLayer;
    std::string out =
        outside ? "tensors outside the layers\n" : "tensors of layers " + layer_text(group) + "\n";
    for (const InventoryTensor* tensor : group.tensors)
        out += "  " + padded(tensor->pattern(), width) + "  " + padded(tensor->dtype, 5) + " " +
               shape_text(tensor->shape) + "\n";
    return out;
}

json::Value sum_json(const InventorySum& sum) {
    json::Value out = json::Value::object();
    out.add("tensors", json::Value::of(sum.tensors))
        .add("parameters", json::Value::of(sum.parameters))
        .add("bytes", json::Value::of(sum.bytes));
    return out;
}

json::Value tensor_json(const InventoryTensor& tensor) {
    json::Value out = json::Value::object(), shape = json::Value::array();
    for (const int64_t size : tensor.shape) shape.add(json::Value::of(size));
    out.add("name", json::Value::of(tensor.name))
        .add("layer", tensor.layer == kNoLayer ? json::Value() : json::Value::of(tensor.layer))
        .add("dtype", json::Value::of(tensor.dtype))
        .add("shape", std::move(shape))
        .add("parameters", json::Value::of(tensor.parameters))
        .add("bytes", json::Value::of(tensor.bytes))
        .add("file", json::Value::of(tensor.file))
        .add("offset", json::Value::of(tensor.offset));
    return out;
}

// A field of CSV; quoted where it must be.
std::string field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

}  // namespace

std::string inventory_text(const Inventory& inventory) {
    const std::vector<LayerGroup> groups = inventory.layers();
    uint64_t on_disk = 0;
    for (const auto& [name, bytes] : inventory.files) on_disk += bytes;
    std::string out =
        inventory.path + "\n" + inventory.format + ", " + std::to_string(inventory.files.size()) +
        (inventory.files.size() == 1 ? " file of " : " files of ") + bytes_text(on_disk) + "; " +
        std::to_string(inventory.all.tensors) + " tensors, " + grouped(inventory.all.parameters) +
        " parameters, " + bytes_text(inventory.all.bytes) + "\n\n" + dtype_table(inventory) + "\n" +
        layer_table(groups);
    for (const LayerGroup& group : groups) out += "\n" + tensor_table(group);
    return out;
}

std::string inventory_json(const Inventory& inventory) {
    json::Value root = json::Value::object(), files = json::Value::array(),
                dtypes = json::Value::object(), layers = json::Value::array(),
                tensors = json::Value::array();
    for (const auto& [name, bytes] : inventory.files) {
        json::Value file = json::Value::object();
        file.add("name", json::Value::of(name)).add("bytes", json::Value::of(bytes));
        files.add(std::move(file));
    }
    for (const auto& [dtype, sum] : inventory.by_dtype) dtypes.add(dtype, sum_json(sum));
    for (const LayerGroup& group : inventory.layers()) {
        json::Value layer = sum_json(group.each);
        layer.add("first", group.first == kNoLayer ? json::Value() : json::Value::of(group.first))
            .add("last", group.last == kNoLayer ? json::Value() : json::Value::of(group.last));
        layers.add(std::move(layer));
    }
    for (const InventoryTensor& tensor : inventory.tensors) tensors.add(tensor_json(tensor));
    root.add("path", json::Value::of(inventory.path))
        .add("format", json::Value::of(inventory.format))
        .add("files", std::move(files))
        .add("total", sum_json(inventory.all))
        .add("dtypes", std::move(dtypes))
        .add("layers", std::move(layers))
        .add("tensors", std::move(tensors));
    return json::dump(root, 2) + "\n";
}

std::string inventory_csv(const Inventory& inventory) {
    std::string out = "name,layer,dtype,shape,parameters,bytes,file,offset\n";
    for (const InventoryTensor& tensor : inventory.tensors) {
        std::string shape;
        for (const int64_t size : tensor.shape)
            shape += (shape.empty() ? "" : "x") + std::to_string(size);
        out += field(tensor.name) + "," +
               (tensor.layer == kNoLayer ? "" : std::to_string(tensor.layer)) + "," + tensor.dtype +
               "," + shape + "," + std::to_string(tensor.parameters) + "," +
               std::to_string(tensor.bytes) + "," + field(tensor.file) + "," +
               std::to_string(tensor.offset) + "\n";
    }
    return out;
}

}  // namespace afs
