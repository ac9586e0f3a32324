#include "weights/convert/convert.hpp"

#include <algorithm>
#include <map>

#include "afs/json.hpp"
#include "afs/kernels.hpp"  // make
#include "afs/numeric.hpp"
#include "loader/open.hpp"
#include "runtime/plugin_search.hpp"
#include "weights/convert/converter.hpp"
#include "weights/convert/tokenizers.hpp"

namespace afs::convert {
namespace fs = std::filesystem;
namespace {

constexpr const char* kOrigin = "command line weights convert";

Result<Opened> open(const Config& config, const fs::path& path) {
    Opened out;
    AFS_ASSIGN(out.config, config.with({{"model.path", path.string(), kOrigin}}));
    AFS_ASSIGN(out.model, open_model_source(out.config, plugin_search(out.config), ""));
    AFS_ASSIGN(out.weights, match_weights(*out.model.graph, *out.model.checkpoint));
    return out;
}

// Whatever the configuration says, the tokenizer is the one in this folder.
Result<Config> with_tokenizer(const Config& config, const fs::path& folder) {
    return config.with({{"tokenizer.path", folder.string(), kOrigin}});
}

// Of most bytes among the matrices.
int32_t matrix_dtype(const WeightSet& weights) {
    std::map<int32_t, uint64_t> bytes;
    for (const Weight& weight : weights.weights())
        if (weight.rank > 1) bytes[weight.dtype] += weight.bytes;
    const auto most =
        std::max_element(bytes.begin(), bytes.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == bytes.end() ? AFS_F32 : most->first;
}

}  // namespace

Result<Converted> Converter::run() {
    AFS_TRY(open_source());
    AFS_TRY(choose_dtypes());
    AFS_TRY(name_tensors());
    out_.to_form = to_gguf_ ? "GGUF" : "safetensors";
    const Status written = to_gguf_ ? write_gguf() : write_folder();
    const Status checked = written.ok() ? check() : written;
    std::error_code error;
    if (checked.ok()) {
        fs::rename(unnamed_, request_.to, error);
        if (!error) return out_;
    }
    std::error_code ignored;
    fs::remove_all(unnamed_, ignored);
    if (!checked.ok()) return checked;
    return Status(Code::io, "cannot name '" + request_.to.string() + "': " + error.message());
}

Status Converter::open_source() {
    to_gguf_ = request_.to.extension() == ".gguf";
    unnamed_ = request_.to.string() + ".part";
    std::error_code ignored;
    for (const fs::path& there : {request_.to, unnamed_})
        if (fs::exists(there, ignored))
            return invalid("'" + there.string() +
                           "' is there already; remove it or choose another name");
    AFS_ASSIGN(source_, open(config_, request_.from));
    from_gguf_ = checkpoint().is_gguf();
    if (!from_gguf_) {
        AFS_ASSIGN(source_->config, with_tokenizer(source_->config, tokenizer_folder()));
    }
    AFS_ASSIGN(tables_, read_tables(request_.tables));
    AFS_ASSIGN(facts_, read_facts(*source_->model.graph, source_->model.info));
    out_.from_form = from_gguf_ ? "GGUF" : "safetensors";
    return find_family();
}

Status Converter::find_family() {
    if (from_gguf_) {
        family_ = tables_.of_architecture(checkpoint().architecture());
        return {};
    }
    AFS_ASSIGN(const json::Value config, json::parse(checkpoint().config_json()));
    const json::Value* type = config.find("model_type");
    if (!type || type->string.empty())
        return invalid("'" + checkpoint().path().string() +
                       "': config.json has no model_type, which names the architecture");
    family_ = tables_.of_model_type(type->string);
    return {};
}

Status Converter::choose_dtypes() {
    const int32_t stored = matrix_dtype(source_->weights);
    dtype_ = request_.dtype == AFS_DTYPE_NONE ? stored : request_.dtype;
    if (!to_gguf_ && (dtype_ >= AFS_BLOCK || request_.dtype == AFS_DTYPE_NONE))
        for (const Weight& weight : source_->weights.weights())
            if (weight.dtype >= AFS_BLOCK)
                return unsupported("safetensors cannot hold " +
                                   std::string(dtype_name(weight.dtype)) + " (tensor '" +
                                   weight.name +
                                   "'): choose --as bf16, fp16 or fp32, and the values are "
                                   "written out");
    out_.dtype = dtype_name(dtype_);
    return {};
}

// Vectors are small, and fp32 in every GGUF file; in a folder they have the matrices' dtype
// where that loses nothing or was asked for.
int32_t Converter::dtype_of(const Weight& weight) const {
    if (weight.rank > 1) return request_.dtype ? request_.dtype : weight.dtype;
    if (to_gguf_) return AFS_F32;
    if (request_.dtype) return request_.dtype;
    return fits(weight, dtype_) ? dtype_ : weight.dtype;
}

// The names come from the model plugin itself: it is asked for the graph of the other form, and
// the tags, which are the same in both, tell which weight is which.
Status Converter::name_tensors() {
    const PluginSearch search = plugin_search(source_->config);
    OpenRequest request;
    request.name = source_->model.plugin_name;
    AFS_ASSIGN(auto file, find_and_load(search, "model", request.name));
    AFS_ASSIGN(const auto plugin, open_model(file, request));
    const std::string texts = to_gguf_ ? metadata_for_names(family_.architecture, facts_)
                                       : config_json(family_, facts_, source_->model.info, AFS_F32,
                                                     -1, tables_.banded_rope_type);
    afs_model_source other = make<afs_model_source>();
    other.dtype = AFS_F32;
    other.world = 1;
    other.config_json = texts.c_str();
    other.is_gguf = to_gguf_;
    afs_model_info info = make<afs_model_info>();
    choose_stated_dtype(*plugin, other);
    AFS_ASSIGN(const afs_graph* graph, plugin->build(other, info));
    std::map<std::string, const afs_weight*> by_tag;
    for (uint32_t i = 0; i < graph->n_weights; ++i)
        by_tag[graph->values[graph->weights[i]->value]->tag] = graph->weights[i];
    const afs_graph& from = *source_->model.graph;
    for (size_t i = 0; i < source_->weights.weights().size(); ++i) {
        const Weight& weight = source_->weights.weights()[i];
        const std::string tag = from.values[weight.value]->tag;
        const auto found = by_tag.find(tag);
        if (found == by_tag.end())
            return unsupported("the model plugin has no tensor for " + tag + " in " +
                               (to_gguf_ ? "a GGUF file" : "safetensors"));
        add_tensor(weight, *from.weights[i], *found->second);
    }
    const std::vector<float> divisors = rope_divisors(facts_.rope);
    if (to_gguf_ && !divisors.empty()) {
        TargetTensor tensor;
        tensor.name = "rope_freqs.weight";
        tensor.dtype = AFS_F32;
        tensor.shape = {static_cast<int64_t>(divisors.size())};
        tensor.values = divisors;
        tensors_.push_back(std::move(tensor));
    }
    for (const TargetTensor& tensor : tensors_) out_.bytes += tensor.bytes();
    out_.n_tensors = tensors_.size();
    return {};
}

// config.json states what a model runs in. A family that refuses the dtype of the tensors keeps
// what it was run in.
void Converter::choose_stated_dtype(ModelArchitecture& plugin, afs_model_source source) {
    stated_dtype_ = dtype_;
    if (to_gguf_) return;
    afs_model_info info = make<afs_model_info>();
    source.dtype = dtype_;
    const Status refused = plugin.build(source, info).status();
    if (refused.ok()) return;
    stated_dtype_ = source_->model.dtype;
    out_.dtype += std::string(" (config.json states ") + dtype_name(stated_dtype_) +
                  ": the model does not run in " + dtype_name(dtype_) + ")";
}

void Converter::add_tensor(const Weight& weight, const afs_weight& line, const afs_weight& target) {
    TargetTensor tensor;
    const std::string names = target.names;
    tensor.name = names.substr(0, names.find('|'));
    tensor.dtype = dtype_of(weight);
    tensor.shape.assign(weight.dims, weight.dims + weight.rank);
    tensor.weight = &weight;
    tensor.line = &line;
    if (target.transform == AFS_LOAD_UNINTERLEAVE_HEADS) tensor.pairs_of = target.head_dim;
    tensors_.push_back(std::move(tensor));
}

// Opens what was written: it must be the same model.
Status Converter::check() {
    AFS_ASSIGN(Opened written, open(config_, unnamed_));
    if (!to_gguf_) {
        AFS_ASSIGN(written.config, with_tokenizer(written.config, unnamed_));
    }
    const std::string differs = graph_difference(*source_->model.graph, *written.model.graph);
    if (!differs.empty())
        return unsupported("cannot state this model in the other form: after conversion " +
                           differs + " differs");
    out_.checked = "the same graph, every weight";
    if (from_gguf_) {
        AFS_ASSIGN(const auto held, checkpoint().vocabulary());
        if (!held) return {};  // there are no ids to compare with
    }
    const PluginSearch search = plugin_search(written.config);
    auto was = open_configured_tokenizer(source_->config, search, &checkpoint());
    // A tokenizer that no plugin reads went along as it was.
    if (!was && from_gguf_ == to_gguf_) return {};
    if (!was) return was.status();
    AFS_ASSIGN(OpenedTokenizer is,
               open_configured_tokenizer(written.config, search, &*written.model.checkpoint));
    const std::string text = ids_difference(*was->plugin, *is.plugin, tables_.probes);
    if (text.empty())
        out_.checked += ", the same ids for " + std::to_string(tables_.probes.size()) + " texts";
    return text.empty() ? Status()
                        : unsupported("the converted tokenizer gives other ids for " + text);
}

Result<Converted> convert(const Config& config, const ConvertRequest& request,
                          const std::function<bool(uint64_t, uint64_t)>& progress) {
    return Converter(config, request, progress).run();
}

}  // namespace afs::convert
