// What a conversion writes: one GGUF file, or a folder with its texts and one safetensors file.
#include "afs/weights/mapped_file.hpp"
#include "runtime/plugin_search.hpp"
#include "weights/convert/converter.hpp"
#include "weights/convert/safetensors_writer.hpp"
#include "weights/convert/tokenizers.hpp"

namespace afs::convert {
namespace fs = std::filesystem;
namespace {

Status write_text(const fs::path& file, const std::string& text) {
    AFS_ASSIGN(OutFile out, OutFile::create(file));
    AFS_TRY(out.write(text));
    return out.close();
}

}  // namespace

// A folder's vocabulary as a GGUF file has it, with the pre-tokenizer that gives the same ids.
Result<Vocabulary> Converter::vocabulary_for_gguf() {
    const PluginSearch search = plugin_search(source_->config);
    AFS_ASSIGN(OpenedTokenizer tokenizer,
               open_configured_tokenizer(source_->config, search, &checkpoint()));
    AFS_ASSIGN(Vocabulary vocabulary, read_hf_vocabulary(tokenizer_folder(), facts_.vocab));
    vocabulary.add_bos = tokenizer.info.adds_bos > 0;
    if (vocabulary.bos < 0) vocabulary.bos = tokenizer.info.bos_id;
    if (vocabulary.eos < 0) vocabulary.eos = tokenizer.info.eos_id;
    AFS_TRY(choose_pre_tokenizer(source_->config, search, tokenizer, tables_, vocabulary));
    out_.tokenizer = "as pre-tokenizer " + vocabulary.pre;
    return vocabulary;
}

Status Converter::write_gguf() {
    GgufWriter writer;
    if (from_gguf_) {
        AFS_TRY(copy_metadata(writer));
    } else {
        AFS_ASSIGN(const Vocabulary vocabulary, vocabulary_for_gguf());
        add_model_metadata(family_.architecture, checkpoint().folder().filename().string(), facts_,
                           source_->model.info, dtype_, vocabulary.eos, writer);
        add_to_metadata(vocabulary, writer);
        if (const auto& text = checkpoint().chat_template())
            writer.text("tokenizer.chat_template", *text);
    }
    return writer.write(tensors_, unnamed_, [this](uint64_t n) { return report(n); });
}

// From one GGUF file, or the first part of several, to another: what it says stays.
Status Converter::copy_metadata(GgufWriter& writer) {
    AFS_ASSIGN(const GgufFile file, GgufFile::read(checkpoint().files().front()));
    for (const GgufPair& pair : file.metadata())
        if (!pair.key.starts_with("split.") && pair.key != "general.file_type" &&
            pair.key != "general.alignment")
            writer.copy(pair);
    out_.tokenizer = "as it was";
    return {};
}

Status Converter::write_folder() {
    std::error_code error;
    fs::create_directories(unnamed_, error);
    if (error)
        return Status(Code::io,
                      "cannot make the folder '" + unnamed_.string() + "': " + error.message());
    AFS_TRY(from_gguf_ ? write_texts() : copy_texts(checkpoint().folder()));
    return write_safetensors(tensors_, unnamed_ / "model.safetensors",
                             [this](uint64_t n) { return report(n); });
}

// The texts of a folder from a GGUF file.
Status Converter::write_texts() {
    const bool copies = !request_.tokenizer_files.empty();
    int32_t pad = -1;
    if (copies) {
        AFS_TRY(copy_tokenizer(request_.tokenizer_files));
    } else {
        AFS_TRY(write_tokenizer(pad));
    }
    const afs_model_info& info = source_->model.info;
    AFS_TRY(write_text(unnamed_ / "config.json", config_json(family_, facts_, info, stated_dtype_,
                                                             pad, tables_.banded_rope_type)));
    return write_text(unnamed_ / "generation_config.json", generation_config_json(info));
}

// tokenizer.json and tokenizer_config.json from the vocabulary that a GGUF file brings.
Status Converter::write_tokenizer(int32_t& pad) {
    const std::string remedy = "; name a folder with the tokenizer's files with --tokenizer-files";
    AFS_ASSIGN(const auto held, checkpoint().vocabulary());
    if (!held) return unsupported("the file brings no vocabulary" + remedy);
    AFS_ASSIGN(const Vocabulary vocabulary, read_gguf_vocabulary(held->table()));
    const PreTokenizer* pre = tables_.pre_tokenizer(vocabulary.pre);
    if (!pre)
        return unsupported("cannot write a tokenizer.json for pre-tokenizer '" + vocabulary.pre +
                           "'" + remedy);
    pad = vocabulary.pad;
    out_.tokenizer = "from pre-tokenizer " + pre->name;
    AFS_TRY(write_text(unnamed_ / "tokenizer.json", tokenizer_json(vocabulary, *pre)));
    const auto& chat = checkpoint().chat_template();
    return write_text(unnamed_ / "tokenizer_config.json",
                      tokenizer_config_json(vocabulary, facts_.context, chat ? &*chat : nullptr));
}

// Every text of the folder; the weights alone are written anew, in one file.
Status Converter::copy_texts(const fs::path& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename().string();
        const std::string kind = entry.path().extension().string();
        const bool text = kind == ".json" || kind == ".txt" || kind == ".jinja" ||
                          kind == ".model" || kind == ".md" || name.starts_with("LICENSE");
        if (!text || name == "model.safetensors.index.json" || name == "config.json" ||
            entry.is_directory(error))
            continue;
        AFS_ASSIGN(const bool there, file_exists(entry.path()));  // a link in a circle is an error
        if (!there) continue;
        AFS_ASSIGN(const std::string bytes, read_text_file(entry.path()));
        AFS_TRY(write_text(unnamed_ / name, bytes));
    }
    out_.tokenizer = "its files copied";
    AFS_ASSIGN(const std::string config, with_dtype(checkpoint().config_json(), stated_dtype_));
    return write_text(unnamed_ / "config.json", config);
}

Status Converter::copy_tokenizer(const fs::path& folder) {
    size_t copied = 0;
    for (const char* name :
         {"tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "merges.txt",
          "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"}) {
        AFS_ASSIGN(const bool there, file_exists(folder / name));
        if (!there) continue;
        AFS_ASSIGN(const std::string bytes, read_text_file(folder / name));
        AFS_TRY(write_text(unnamed_ / name, bytes));
        ++copied;
    }
    out_.tokenizer = "copied from " + folder.string();
    return copied > 0 ? Status() : not_found("'" + folder.string() + "' has no tokenizer files");
}

}  // namespace afs::convert
