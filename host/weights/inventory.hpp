// What a checkpoint holds: its tensors, by layer and by dtype. Reads headers, not values.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "afs/status.hpp"

namespace afs {

constexpr int64_t kNoLayer = -1;

struct InventoryTensor {
    std::string name, dtype, file;  // dtype as the file spells it; the file's name
    std::vector<int64_t> shape;     // outermost first
    uint64_t parameters = 0, bytes = 0;
    uint64_t offset = 0;       // of its data in the file
    int64_t layer = kNoLayer;  // the first part of its name that is a number
    // The name with "{}" for the layer's number.
    std::string pattern() const;
};

struct InventorySum {
    uint64_t tensors = 0, parameters = 0, bytes = 0;
    void add(const InventoryTensor& tensor);
};

// Neighbouring layers whose tensors have the same names, shapes and dtypes.
struct LayerGroup {
    int64_t first = kNoLayer, last = kNoLayer;    // kNoLayer: what belongs to no layer
    InventorySum each;                            // of one layer
    std::vector<const InventoryTensor*> tensors;  // of the first one
};

struct Inventory {
    std::string path, format;                             // "safetensors", "GGUF"
    std::vector<std::pair<std::string, uint64_t>> files;  // name, bytes
    std::vector<InventoryTensor> tensors;                 // by layer, then name
    InventorySum all;
    std::map<std::string, InventorySum> by_dtype;
    std::vector<LayerGroup> layers() const;
};

// A folder, a .safetensors file (which needs no config.json here) or a .gguf file.
Result<Inventory> take_inventory(const std::filesystem::path& path);

std::string inventory_text(const Inventory& inventory);
std::string inventory_json(const Inventory& inventory);
// name,layer,dtype,shape,parameters,bytes,file,offset; a line a tensor.
std::string inventory_csv(const Inventory& inventory);

}  // namespace afs
