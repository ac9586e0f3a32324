#include "weights/convert/convert.hpp"

#include <algorithm>
#include <map>

#include "afs/json.hpp"
#include "afs/kernels.hpp"  // make
#include "afs/numeric.hpp"
#include "afs/weights/mapped_file.hpp"
#include "loader/open.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"
#include "weights/convert/safetensors_writer.hpp"
#include "weights/convert/texts.hpp"
#include "weights/convert/tokenizers.hpp"

namespace afs::convert {
namespace fs = std::filesystem;
namespace {

using Report = std::function<bool(uint64_t, uint64_t)>;

// A model opened by its path, whatever the configuration names.
struct Opened {
    Config config;
    OpenedModel model;
    WeightSet weights;
};

Result<Opened> open(const Config& config, const fs::path& path) {
    Opened out;
    AFS_ASSIGN(out.config,
               config.with({{"model.path", path.string(), "command line weights convert"}}));
    AFS_ASSIGN(out.model, open_model_source(out.config, plugin_search(out.config), ""));
    AFS_ASSIGN(out.weights, match_weights(*out.model.graph, *out.model.checkpoint));
    return out;
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

Status write_text(const fs::path& file, const std::string& text) {
    AFS_ASSIGN(OutFile out, OutFile::create(file));
    AFS_TRY(out.write(text));
    return out.close();
}

class Converter {
public:
    Converter(const Config& config, const ConvertRequest& request, const Report& progress)
        : config_(config), request_(request), progress_(progress) {}

    Result<Converted> run() {
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

private:
    Status open_source() {
        to_gguf_ = request_.to.extension() == ".gguf";
        unnamed_ = request_.to.string() + ".part";
        std::error_code ignored;
        if (fs::exists(request_.to, ignored))
            return invalid("'" + request_.to.string() +
                           "' is there already; remove it or choose "
                           "another name");
        AFS_ASSIGN(source_, open(config_, request_.from));
        AFS_ASSIGN(tables_, read_tables(request_.tables));
        AFS_ASSIGN(facts_, read_facts(*source_->model.graph, source_->model.info));
        from_gguf_ = checkpoint().is_gguf();
        out_.from_form = from_gguf_ ? "GGUF" : "safetensors";
        return find_family();
    }
    const Checkpoint& checkpoint() const { return *source_->model.checkpoint; }

    Status find_family() {
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

    Status choose_dtypes() {
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
    int32_t dtype_of(const Weight& weight) const {
        if (weight.rank > 1) return request_.dtype ? request_.dtype : weight.dtype;
        if (to_gguf_) return AFS_F32;
        if (request_.dtype) return request_.dtype;
        return fits(weight, dtype_) ? dtype_ : weight.dtype;
    }

    // The names come from the model plugin itself: it is asked for the graph of the other form, and
    // the tags, which are the same in both, tell which weight is which.
    Status name_tensors() {
        const PluginSearch search = plugin_search(source_->config);
        OpenRequest request;
        request.name = source_->model.plugin_name;
        AFS_ASSIGN(auto file, find_and_load(search, "model", request.name));
        AFS_ASSIGN(const auto plugin, open_model(file, request));
        const std::string texts = to_gguf_ ? metadata_for_names(family_.architecture, facts_)
                                           : config_json(family_, facts_, source_->model.info,
                                                         AFS_F32, -1, tables_.banded_rope_type);
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
    void choose_stated_dtype(ModelArchitecture& plugin, afs_model_source source) {
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

    void add_tensor(const Weight& weight, const afs_weight& line, const afs_weight& target) {
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

    bool report(uint64_t written) const {
        return progress_(std::min(written, out_.bytes), out_.bytes);
    }

    // The tokenizer of the source as the other form has it. nullopt: it is copied, not converted.
    Result<std::optional<Vocabulary>> read_vocabulary() {
        if (from_gguf_) {
            AFS_ASSIGN(const auto held, checkpoint().vocabulary());
            if (!held) {
                if (to_gguf_ || !request_.tokenizer_files.empty())
                    return std::optional<Vocabulary>();
                return unsupported(
                    "the file brings no vocabulary; name a folder with the "
                    "tokenizer's files with --tokenizer-files");
            }
            if (to_gguf_ || !request_.tokenizer_files.empty()) return std::optional<Vocabulary>();
            AFS_ASSIGN(Vocabulary vocabulary, read_gguf_vocabulary(held->table()));
            return std::optional<Vocabulary>(std::move(vocabulary));
        }
        if (!to_gguf_) return std::optional<Vocabulary>();
        const PluginSearch search = plugin_search(source_->config);
        AFS_ASSIGN(OpenedTokenizer tokenizer,
                   open_configured_tokenizer(source_->config, search, &checkpoint()));
        const fs::path folder =
            request_.tokenizer_files.empty() ? checkpoint().folder() : request_.tokenizer_files;
        AFS_ASSIGN(Vocabulary vocabulary, read_hf_vocabulary(folder, facts_.vocab));
        vocabulary.add_bos = tokenizer.info.adds_bos > 0;
        if (vocabulary.bos < 0) vocabulary.bos = tokenizer.info.bos_id;
        if (vocabulary.eos < 0) vocabulary.eos = tokenizer.info.eos_id;
        AFS_TRY(choose_pre_tokenizer(source_->config, search, tokenizer, tables_, vocabulary));
        out_.tokenizer = "as pre-tokenizer " + vocabulary.pre;
        return std::optional<Vocabulary>(std::move(vocabulary));
    }

    Status write_gguf() {
        GgufWriter writer;
        if (from_gguf_) {
            AFS_TRY(copy_metadata(writer));
        } else {
            AFS_ASSIGN(const std::optional<Vocabulary> vocabulary, read_vocabulary());
            add_model_metadata(family_.architecture, checkpoint().folder().filename().string(),
                               facts_, source_->model.info, dtype_, vocabulary->eos, writer);
            add_to_metadata(*vocabulary, writer);
            if (const auto& text = checkpoint().chat_template())
                writer.text("tokenizer.chat_template", *text);
        }
        return writer.write(tensors_, unnamed_, [this](uint64_t n) { return report(n); });
    }

    // From one GGUF file, or the first part of several, to another: what it says stays.
    Status copy_metadata(GgufWriter& writer) {
        AFS_ASSIGN(const GgufFile file, GgufFile::read(checkpoint().files().front()));
        for (const GgufPair& pair : file.metadata())
            if (!pair.key.starts_with("split.") && pair.key != "general.file_type" &&
                pair.key != "general.alignment")
                writer.copy(pair);
        out_.tokenizer = "as it was";
        return {};
    }

    Status write_folder() {
        std::error_code error;
        fs::create_directories(unnamed_, error);
        if (error)
            return Status(Code::io,
                          "cannot make the folder '" + unnamed_.string() + "': " + error.message());
        AFS_TRY(from_gguf_ ? write_texts() : copy_texts(checkpoint().folder()));
        return write_safetensors(tensors_, unnamed_ / "model.safetensors",
                                 [this](uint64_t n) { return report(n); });
    }

    Status write_texts() {
        AFS_ASSIGN(const std::optional<Vocabulary> vocabulary, read_vocabulary());
        const afs_model_info& info = source_->model.info;
        AFS_TRY(
            write_text(unnamed_ / "config.json",
                       config_json(family_, facts_, info, stated_dtype_,
                                   vocabulary ? vocabulary->pad : -1, tables_.banded_rope_type)));
        AFS_TRY(write_text(unnamed_ / "generation_config.json", generation_config_json(info)));
        if (!vocabulary) return copy_tokenizer(request_.tokenizer_files);
        const PreTokenizer* pre = tables_.pre_tokenizer(vocabulary->pre);
        if (!pre)
            return unsupported("cannot write a tokenizer.json for pre-tokenizer '" +
                               vocabulary->pre +
                               "'; name a folder with the tokenizer's files with "
                               "--tokenizer-files");
        out_.tokenizer = "from pre-tokenizer " + pre->name;
        AFS_TRY(write_text(unnamed_ / "tokenizer.json", tokenizer_json(*vocabulary, *pre)));
        const auto& chat = checkpoint().chat_template();
        return write_text(
            unnamed_ / "tokenizer_config.json",
            tokenizer_config_json(*vocabulary, facts_.context, chat ? &*chat : nullptr));
    }

    // Every text of the folder; the weights alone are written anew, in one file.
    Status copy_texts(const fs::path& folder) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            const std::string kind = entry.path().extension().string();
            const bool text = kind == ".json" || kind == ".txt" || kind == ".jinja" ||
                              kind == ".model" || kind == ".md" || name.starts_with("LICENSE");
            if (!entry.is_regular_file() || !text || name == "model.safetensors.index.json" ||
                name == "config.json")
                continue;
            AFS_ASSIGN(const std::string bytes, read_text_file(entry.path()));
            AFS_TRY(write_text(unnamed_ / name, bytes));
        }
        out_.tokenizer = "its files copied";
        AFS_ASSIGN(const std::string config, with_dtype(checkpoint().config_json(), stated_dtype_));
        return write_text(unnamed_ / "config.json", config);
    }

    Status copy_tokenizer(const fs::path& folder) {
        size_t copied = 0;
        for (const char* name : {"tokenizer.json", "tokenizer_config.json", "tokenizer.model",
                                 "vocab.json", "merges.txt", "special_tokens_map.json",
                                 "added_tokens.json", "chat_template.jinja"}) {
            std::error_code absent;
            if (!fs::is_regular_file(folder / name, absent)) continue;
            AFS_ASSIGN(const std::string bytes, read_text_file(folder / name));
            AFS_TRY(write_text(unnamed_ / name, bytes));
            ++copied;
        }
        out_.tokenizer = "copied from " + folder.string();
        return copied > 0 ? Status()
                          : not_found("'" + folder.string() + "' has no tokenizer files");
    }

    // Opens what was written: it must be the same model.
    Status check() {
        AFS_ASSIGN(const Opened written, open(config_, unnamed_));
        // Dtypes of activations may differ: both graphs in the dtype of the first.
        const std::string differs = graph_difference(*source_->model.graph, *written.model.graph);
        if (!differs.empty())
            return unsupported("cannot state this model in the other form: after conversion " +
                               differs + " differs");
        if (from_gguf_ && to_gguf_) return {};
        if (from_gguf_) {
            AFS_ASSIGN(const auto held, checkpoint().vocabulary());
            if (!held) return {};  // there are no ids to compare with
        }
        const PluginSearch search = plugin_search(written.config);
        AFS_ASSIGN(OpenedTokenizer was,
                   open_configured_tokenizer(source_->config, search, &checkpoint()));
        AFS_ASSIGN(OpenedTokenizer is,
                   open_configured_tokenizer(written.config, search, &*written.model.checkpoint));
        const std::string text = ids_difference(*was.plugin, *is.plugin, tables_.probes);
        return text.empty() ? Status()
                            : unsupported("the converted tokenizer gives other ids for " + text);
    }

    const Config& config_;
    const ConvertRequest& request_;
    const Report& progress_;
    std::optional<Opened> source_;
    Tables tables_;
    ModelFacts facts_;
    Family family_;
    bool from_gguf_ = false, to_gguf_ = false;
    int32_t dtype_ = AFS_DTYPE_NONE;         // of the matrices
    int32_t stated_dtype_ = AFS_DTYPE_NONE;  // by config.json
    std::vector<TargetTensor> tensors_;
    fs::path unnamed_;  // where it is written until it has been checked
    Converted out_;
};

}  // namespace

Result<Converted> convert(const Config& config, const ConvertRequest& request,
                          const Report& progress) {
    return Converter(config, request, progress).run();
}

}  // namespace afs::convert
