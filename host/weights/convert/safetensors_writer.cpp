#include "weights/convert/safetensors_writer.hpp"

#include "afs/json.hpp"

namespace afs::convert {
namespace {

const char* type_name(int32_t dtype) {
    switch (dtype) {
        case AFS_F32: return "F32";
        case AFS_F16: return "F16";
        case AFS_BF16: return "BF16";
        default: return "F64";
    }
}

}  // namespace

Status write_safetensors(const std::vector<TargetTensor>& tensors,
                         const std::filesystem::path& file,
                         const std::function<bool(uint64_t)>& progress) {
    json::Value header = json::Value::object(), metadata = json::Value::object();
    metadata.add("format", json::Value::of("pt"));  // what transformers looks for
    header.add("__metadata__", std::move(metadata));
    uint64_t at = 0;
    for (const TargetTensor& tensor : tensors) {
        json::Value entry = json::Value::object(), shape = json::Value::array(),
                    offsets = json::Value::array();
        for (const int64_t size : tensor.shape) shape.add(json::Value::of(size));
        offsets.add(json::Value::of(at)).add(json::Value::of(at + tensor.bytes()));
        at += tensor.bytes();
        entry.add("dtype", json::Value::of(type_name(tensor.dtype)))
            .add("shape", std::move(shape))
            .add("data_offsets", std::move(offsets));
        header.add(tensor.name, std::move(entry));
    }
    std::string text = json::dump(header);
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data then lies on a multiple of eight
    AFS_ASSIGN(OutFile out, OutFile::create(file));
    const uint64_t length = text.size();
    AFS_TRY(out.write(&length, sizeof length));
    AFS_TRY(out.write(text));
    for (const TargetTensor& tensor : tensors) AFS_TRY(write_tensor(tensor, out, progress));
    return out.close();
}

}  // namespace afs::convert
