// The model side of opening a runtime: which family, which checkpoint, which activation dtype.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "afs/abi/model.h"
#include "afs/config/config.hpp"
#include "afs/model.hpp"
#include "afs/weights/checkpoint.hpp"
#include "loader/search.hpp"

namespace afs {

struct OpenedModel {
    std::shared_ptr<ModelArchitecture> plugin;
    std::string plugin_name;
    std::optional<Checkpoint> checkpoint;  // absent: random weights
    const afs_graph* graph = nullptr;      // the plugin's
    afs_model_info info{};
    int32_t dtype = AFS_DTYPE_NONE;  // of the activations
    std::string name, origin;        // "olmo2-tiny"; the path and the key that gave it
};

// random_weights: a config.json or the name of one in configs/shapes; empty: the configured model.
Result<OpenedModel> open_model_source(const Config& config, const PluginSearch& search,
                                      const std::string& random_weights);

// The same without the weights, whose files may be absent: facts, template and tokenizer files.
Result<OpenedModel> open_model_texts(const Config& config, const PluginSearch& search);

// The configuration as a file, for a run elsewhere. Where the checkpoint chooses its family, since
// only its path stood on the command line, the file says "auto": there is no command line there.
std::string render_for_others(const Config& config);

// "bf16" -> AFS_BF16; AFS_DTYPE_NONE for anything else.
int32_t parse_dtype(const std::string& name);

}  // namespace afs
