// The input is a model.safetensors: opened as a checkpoint, matched against a weight table, every
// value read, and the header read once more by the doctor's own reader.
#include "afs/weights/checkpoint.hpp"
#include "afs/weights/weight_set.hpp"
#include "allocations.hpp"
#include "core/weights/toy_graph.hpp"
#include "input_file.hpp"
#include "require.hpp"
#include "safetensors_header.hpp"

using namespace afs::fuzz;

namespace {

// The two tensors that the seeds hold.
const afs_graph& weight_table() {
    static afs::test::ToyGraph table;
    static const bool filled = [] {
        table.add("embed.weight", {4, 2}, "embed|model.embed_tokens.weight", "lm_head.weight");
        table.add("norm.weight", {2}, "norm");
        return true;
    }();
    (void)filled;
    return table.graph("*.inv_freq");
}

void check_tensors(const afs::Checkpoint& checkpoint) {
    const afs::MappedFile& file = *checkpoint.files().front();
    uint64_t bytes = 0;
    for (const afs::FileTensor& tensor : checkpoint.tensors()) {
        const auto* begin = static_cast<const uint8_t*>(tensor.data);
        require(begin >= file.data() && begin + tensor.bytes <= file.data() + file.size(),
                "tensor '" + tensor.name + "' lies outside its file");
        require(checkpoint.find(tensor.name) != nullptr, "a tensor that cannot be found");
        bytes += tensor.bytes;
    }
    require(bytes == checkpoint.bytes() && bytes < file.size(), "tensors larger than the file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static InputFile input;
    static InputFolder folder;
    static const bool made = [] {
        folder.link("model.safetensors", input);
        folder.write("config.json", "{}");
        return true;
    }();
    (void)made;
    input.set(data, size);
    const AllocationLimit limit;
    const auto checkpoint = afs::Checkpoint::open(folder.path());
    if (checkpoint.ok()) {
        check_tensors(*checkpoint);
        const auto weights = afs::match_weights(weight_table(), *checkpoint);
        if (!weights.ok())
            require_clean(weights.status());
        else if (const afs::Status finite = afs::check_finite(*weights, 1); !finite.ok())
            require_clean(finite);
    } else {
        require_clean(checkpoint.status());
    }
    const env_model::SafetensorsHeader header =
        env_model::read_safetensors(folder.path() + "/model.safetensors");
    if (checkpoint.ok())
        require(header.problem.empty(), "the doctor refuses what loads: " + header.problem);
    return 0;
}
