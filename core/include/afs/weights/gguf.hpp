// One GGUF file, version 2 or 3, little-endian: typed metadata, tensor infos, data. Read strictly:
// every length is checked against the file before it is believed, keys and names are unique, and
// the tensors lie one after the other with no more than the alignment's padding between them, as
// ggml demands. Nothing is copied but names: texts and arrays are views into the map.
#pragma once
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "afs/weights/file_tensor.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {

enum class GgufType : uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64
};
const char* name_of(GgufType type);  // "uint32"

// A value where it lies in the file.
struct GgufValue {
    GgufType type = GgufType::u8;
    GgufType item_type = GgufType::u8;  // of an array
    uint64_t count = 1;                 // items of an array
    const uint8_t* data = nullptr;      // a scalar's bytes, a text's, or an array's first item
    uint64_t bytes = 0;

    // Nothing where the type is another or the value does not fit.
    std::optional<int64_t> integer() const;  // any integer type
    std::optional<double> number() const;    // floats and integers
    std::optional<bool> flag() const;
    std::optional<std::string_view> text() const;
    std::vector<GgufValue> items() const;         // of an array, also of arrays
    std::vector<std::string_view> texts() const;  // of an array of texts
    // Calls f(std::string_view) for every text of an array of them.
    template <class F>
    void each_text(F&& f) const {
        if (type != GgufType::array || item_type != GgufType::string) return;
        const uint8_t* at = data;
        for (uint64_t i = 0; i < count; ++i) {
            uint64_t size;
            std::memcpy(&size, at, sizeof size);
            at += sizeof size;
            f(std::string_view(reinterpret_cast<const char*>(at), size));
            at += size;
        }
    }
};

struct GgufPair {
    std::string_view key;
    GgufValue value;
};

class GgufFile {
public:
    static Result<GgufFile> open(const std::filesystem::path& path);
    // Reads an already mapped file; everything points into it.
    static Result<GgufFile> read(std::shared_ptr<const MappedFile> file);

    uint32_t version() const { return version_; }
    const std::vector<GgufPair>& metadata() const { return metadata_; }  // in the file's order
    const GgufValue* find(std::string_view key) const;                   // nullptr: none
    const std::vector<FileTensor>& tensors() const { return tensors_; }  // by ascending offset
    const std::shared_ptr<const MappedFile>& file() const { return file_; }

private:
    friend class GgufReader;
    std::shared_ptr<const MappedFile> file_;
    uint32_t version_ = 0;
    std::vector<GgufPair> metadata_;
    std::unordered_map<std::string_view, size_t> by_key_;
    std::vector<FileTensor> tensors_;
};

// The parts of one model, in order, opened from any of them: NAME-00001-of-0000N.gguf and its
// siblings where split.count says that there are several. The first part has the metadata.
Result<std::vector<GgufFile>> open_gguf_parts(const std::filesystem::path& path);

// The models in a folder: each .gguf file, of split ones the first part that is there.
std::vector<std::filesystem::path> gguf_models_in(const std::filesystem::path& folder);

// The metadata of a model as the JSON text that afs_model_source.config_json promises.
std::string gguf_config_json(const std::vector<GgufFile>& parts);

}  // namespace afs
