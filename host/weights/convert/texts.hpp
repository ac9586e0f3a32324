// The texts that go with the weights: GGUF's metadata, or config.json and generation_config.json.
#pragma once
#include <string>
#include <vector>

#include "afs/abi/model.h"
#include "weights/convert/gguf_writer.hpp"
#include "weights/convert/model_facts.hpp"
#include "weights/convert/tables.hpp"
#include "weights/convert/vocabulary.hpp"

namespace afs::convert {

// All but the vocabulary's own keys. dtype: of the matrices.
void add_model_metadata(const std::string& architecture, const std::string& name,
                        const ModelFacts& facts, const afs_model_info& info, int32_t dtype,
                        int32_t tokenizer_eos, GgufWriter& writer);

// What the model plugin must see of such a file to name its tensors.
std::string metadata_for_names(const std::string& architecture, const ModelFacts& facts);

std::string config_json(const Family& family, const ModelFacts& facts, const afs_model_info& info,
                        int32_t dtype, int32_t pad_id, const std::string& banded_rope_type);
std::string generation_config_json(const afs_model_info& info);

// config.json of another dtype.
Result<std::string> with_dtype(const std::string& config, int32_t dtype);

}  // namespace afs::convert
