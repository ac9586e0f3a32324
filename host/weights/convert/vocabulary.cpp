#include "weights/convert/vocabulary.hpp"

#include "afs/json.hpp"
#include "afs/kernels.hpp"  // make

namespace afs::convert {
namespace {

using json::Value;

std::string text_of(const afs_text& text) {
    return {text.data ? text.data : "", text.data ? static_cast<size_t>(text.size) : 0};
}

std::vector<afs_text> views(const std::vector<std::string>& texts) {
    std::vector<afs_text> out;
    out.reserve(texts.size());
    for (const std::string& text : texts) out.push_back({text.data(), text.size()});
    return out;
}

bool is_added(int32_t type) {
    return type == AFS_PIECE_CONTROL || type == AFS_PIECE_USER || type == AFS_PIECE_UNKNOWN;
}

Value byte_level(bool use_regex) {
    Value out = Value::object();
    out.add("type", Value::of("ByteLevel"))
        .add("add_prefix_space", Value::of(false))
        .add("trim_offsets", Value::of(true))
        .add("use_regex", Value::of(use_regex));
    return out;
}

Value pre_tokenizer(const PreTokenizer& pre) {
    Value all = Value::array(), out = Value::object();
    if (pre.single_digits) {
        Value digits = Value::object();
        digits.add("type", Value::of("Digits")).add("individual_digits", Value::of(true));
        all.add(std::move(digits));
    }
    Value split = Value::object(), pattern = Value::object();
    pattern.add("Regex", Value::of(pre.pattern));
    split.add("type", Value::of("Split"))
        .add("pattern", std::move(pattern))
        .add("behavior", Value::of("Isolated"))
        .add("invert", Value::of(false));
    all.add(std::move(split)).add(byte_level(false));
    out.add("type", Value::of("Sequence")).add("pretokenizers", std::move(all));
    return out;
}

Value added_token(const std::string& content, size_t id, bool special) {
    Value out = Value::object();
    out.add("id", Value::of(static_cast<uint64_t>(id))).add("content", Value::of(content));
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"})
        out.add(flag, Value::of(false));
    return out.add("special", Value::of(special));
}

// What puts the BOS token first.
Value post_processor(const Vocabulary& vocabulary) {
    if (!vocabulary.add_bos || vocabulary.bos < 0) return byte_level(true);
    const std::string& bos = vocabulary.tokens[static_cast<size_t>(vocabulary.bos)];
    const auto piece = [](const char* kind, const std::string& id, uint64_t type) {
        Value inner = Value::object(), out = Value::object();
        inner.add("id", Value::of(id)).add("type_id", Value::of(type));
        return out.add(kind, std::move(inner));
    };
    Value single = Value::array(), pair = Value::array();
    single.add(piece("SpecialToken", bos, 0)).add(piece("Sequence", "A", 0));
    pair.add(piece("SpecialToken", bos, 0)).add(piece("Sequence", "A", 0));
    pair.add(piece("SpecialToken", bos, 1)).add(piece("Sequence", "B", 1));
    Value ids = Value::array(), tokens = Value::array(), special = Value::object(),
          named = Value::object(), out = Value::object();
    ids.add(Value::of(int64_t{vocabulary.bos}));
    tokens.add(Value::of(bos));
    special.add("id", Value::of(bos)).add("ids", std::move(ids)).add("tokens", std::move(tokens));
    named.add(bos, std::move(special));
    out.add("type", Value::of("TemplateProcessing"))
        .add("single", std::move(single))
        .add("pair", std::move(pair))
        .add("special_tokens", std::move(named));
    return out;
}

Value bpe_model(const Vocabulary& vocabulary, const PreTokenizer& pre) {
    Value vocab = Value::object(), merges = Value::array(), out = Value::object();
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
        if (vocabulary.types[id] == AFS_PIECE_NORMAL)
            vocab.add(vocabulary.tokens[id], Value::of(static_cast<uint64_t>(id)));
    for (const std::string& merge : vocabulary.merges) merges.add(Value::of(merge));
    out.add("type", Value::of("BPE"));
    for (const char* none :
         {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
        out.add(none, Value());
    out.add("fuse_unk", Value::of(false))
        .add("byte_fallback", Value::of(false))
        .add("ignore_merges", Value::of(pre.ignore_merges))
        .add("vocab", std::move(vocab))
        .add("merges", std::move(merges));
    return out;
}

}  // namespace

VocabularyView::VocabularyView(const Vocabulary& from)
    : tokens_(views(from.tokens)), merges_(views(from.merges)), table_(make<afs_vocabulary>()) {
    table_.n_tokens = static_cast<uint32_t>(tokens_.size());
    table_.n_merges = static_cast<uint32_t>(merges_.size());
    table_.model = "gpt2";
    table_.pre = from.pre.c_str();
    table_.tokens = tokens_.data();
    table_.types = from.types.data();
    table_.merges = merges_.data();
    table_.bos_id = from.bos;
    table_.eos_id = from.eos;
    table_.unknown_id = from.unknown;
    table_.pad_id = from.pad;
    table_.add_bos = from.add_bos;
    table_.add_eos = table_.add_space_prefix = table_.remove_extra_whitespaces = -1;
}

Result<Vocabulary> read_gguf_vocabulary(const afs_vocabulary& from) {
    if (!from.model || std::string_view(from.model) != "gpt2" || !from.pre)
        return unsupported(
            std::string("cannot convert the vocabulary: expected byte-level BPE "
                        "(tokenizer.ggml.model gpt2) with a pre-tokenizer, found '") +
            (from.model ? from.model : "") +
            "'; name a folder with the tokenizer's files with "
            "--tokenizer-files");
    Vocabulary out;
    for (uint32_t i = 0; i < from.n_tokens; ++i) out.tokens.push_back(text_of(from.tokens[i]));
    for (uint32_t i = 0; i < from.n_merges; ++i) out.merges.push_back(text_of(from.merges[i]));
    out.types.assign(from.n_tokens, AFS_PIECE_NORMAL);
    if (from.types) out.types.assign(from.types, from.types + from.n_tokens);
    out.pre = from.pre;
    out.bos = from.bos_id;
    out.eos = from.eos_id;
    out.unknown = from.unknown_id;
    out.pad = from.pad_id;
    out.add_bos = from.add_bos > 0;
    return out;
}

void add_to_metadata(const Vocabulary& vocabulary, GgufWriter& writer) {
    writer.text("tokenizer.ggml.model", "gpt2");
    writer.text("tokenizer.ggml.pre", vocabulary.pre);
    writer.texts("tokenizer.ggml.tokens", vocabulary.tokens);
    writer.i32s("tokenizer.ggml.token_type", vocabulary.types);
    writer.texts("tokenizer.ggml.merges", vocabulary.merges);
    const auto role = [&writer](const char* key, int32_t id) {
        if (id >= 0) writer.u32(key, static_cast<uint64_t>(id));
    };
    role("tokenizer.ggml.bos_token_id", vocabulary.bos);
    role("tokenizer.ggml.unknown_token_id", vocabulary.unknown);
    role("tokenizer.ggml.padding_token_id", vocabulary.pad);
    writer.flag("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
}

std::string tokenizer_json(const Vocabulary& vocabulary, const PreTokenizer& pre) {
    Value root = Value::object(), added = Value::array(), decoder = byte_level(true);
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
        if (is_added(vocabulary.types[id]))
            added.add(
                added_token(vocabulary.tokens[id], id, vocabulary.types[id] != AFS_PIECE_USER));
    root.add("version", Value::of("1.0"))
        .add("truncation", Value())
        .add("padding", Value())
        .add("added_tokens", std::move(added))
        .add("normalizer", Value())
        .add("pre_tokenizer", pre_tokenizer(pre))
        .add("post_processor", post_processor(vocabulary))
        .add("decoder", std::move(decoder))
        .add("model", bpe_model(vocabulary, pre));
    return json::dump(root, 1) + "\n";
}

std::string tokenizer_config_json(const Vocabulary& vocabulary, int64_t context,
                                  const std::string* chat_template) {
    Value root = Value::object();
    root.add("tokenizer_class", Value::of("PreTrainedTokenizerFast"))
        .add("clean_up_tokenization_spaces", Value::of(false))
        .add("model_max_length", Value::of(context));
    const auto role = [&](const char* key, int32_t id) {
        root.add(key, id < 0 ? Value() : Value::of(vocabulary.tokens[static_cast<size_t>(id)]));
    };
    role("bos_token", vocabulary.bos);
    role("eos_token", vocabulary.eos);
    role("unk_token", vocabulary.unknown);
    role("pad_token", vocabulary.pad);
    if (chat_template) root.add("chat_template", Value::of(*chat_template));
    return json::dump(root, 2) + "\n";
}

}  // namespace afs::convert
