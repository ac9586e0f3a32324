#include "weights/inventory.hpp"

#include <algorithm>
#include <charconv>

#include "afs/weights/checkpoint.hpp"

namespace afs {
namespace fs = std::filesystem;
namespace {

struct LayerPart {
    int64_t number = kNoLayer;
    size_t begin = 0, end = 0;  // of the digits in the name
};

LayerPart layer_part(const std::string& name) {
    for (size_t begin = 0; begin < name.size();) {
        const size_t dot = std::min(name.find('.', begin), name.size());
        int64_t number = 0;
        const auto [stop, error] = std::from_chars(name.data() + begin, name.data() + dot, number);
        if (error == std::errc() && stop == name.data() + dot && number >= 0)
            return {number, begin, dot};
        begin = dot + 1;
    }
    return {};
}

void add(Inventory& inventory, const FileTensor& from, const MappedFile& file) {
    InventoryTensor tensor;
    tensor.name = from.name;
    tensor.dtype = from.dtype_text;
    tensor.file = file.path().filename().string();
    tensor.shape = from.shape;
    tensor.parameters = 1;
    for (const int64_t size : from.shape) tensor.parameters *= static_cast<uint64_t>(size);
    tensor.bytes = from.bytes;
    tensor.offset = static_cast<uint64_t>(static_cast<const uint8_t*>(from.data) - file.data());
    tensor.layer = layer_part(from.name).number;
    inventory.all.add(tensor);
    inventory.by_dtype[tensor.dtype].add(tensor);
    inventory.tensors.push_back(std::move(tensor));
}

void add_file(Inventory& inventory, const MappedFile& file) {
    inventory.files.emplace_back(file.path().filename().string(), file.size());
}

bool same_layer(const std::vector<const InventoryTensor*>& a,
                const std::vector<const InventoryTensor*>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto* x, const auto* y) {
        return x->pattern() == y->pattern() && x->shape == y->shape && x->dtype == y->dtype;
    });
}

}  // namespace

std::string InventoryTensor::pattern() const {
    const LayerPart part = layer_part(name);
    if (part.number == kNoLayer) return name;
    return name.substr(0, part.begin) + "{}" + name.substr(part.end);
}

void InventorySum::add(const InventoryTensor& tensor) {
    ++tensors;
    parameters += tensor.parameters;
    bytes += tensor.bytes;
}

std::vector<LayerGroup> Inventory::layers() const {
    std::map<int64_t, std::vector<const InventoryTensor*>> by_layer;
    for (const InventoryTensor& tensor : tensors) by_layer[tensor.layer].push_back(&tensor);
    std::vector<LayerGroup> groups;
    for (const auto& [layer, members] : by_layer) {
        const bool joins = layer > 0 && !groups.empty() && groups.back().last == layer - 1 &&
                           same_layer(groups.back().tensors, members);
        if (joins) {
            groups.back().last = layer;
            continue;
        }
        LayerGroup group{layer, layer, {}, members};
        for (const InventoryTensor* tensor : members) group.each.add(*tensor);
        groups.push_back(std::move(group));
    }
    return groups;
}

Result<Inventory> take_inventory(const fs::path& path) {
    Inventory inventory;
    inventory.path = path.string();
    inventory.format = "safetensors";
    std::error_code ignored;
    if (path.extension() == ".safetensors" && fs::is_regular_file(path, ignored)) {
        AFS_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
        add_file(inventory, *file.file());
        for (const FileTensor& tensor : file.tensors()) add(inventory, tensor, *file.file());
    } else {
        AFS_ASSIGN(const Checkpoint checkpoint, Checkpoint::open(path));
        if (checkpoint.is_gguf()) inventory.format = "GGUF";
        for (const auto& file : checkpoint.files()) add_file(inventory, *file);
        for (const FileTensor& tensor : checkpoint.tensors())
            add(inventory, tensor, *checkpoint.files()[tensor.file]);
    }
    std::sort(inventory.tensors.begin(), inventory.tensors.end(),
              [](const InventoryTensor& a, const InventoryTensor& b) {
                  return a.layer != b.layer ? a.layer < b.layer : a.name < b.name;
              });
    return inventory;
}

}  // namespace afs
