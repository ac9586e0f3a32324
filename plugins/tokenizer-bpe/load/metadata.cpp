// A vocabulary that lay among a weight file's metadata (GGUF), as the host hands it over.
//
// Types tell added tokens from the others: control tokens are special, user-defined ones are found
// in text whatever the flags say, unused ones are holes. Scores mean nothing to byte-level BPE.
#include "afs/kernels.hpp"  // read
#include "afs/utf8.hpp"
#include "load/load.hpp"
#include "load/pre_tokenizers.hpp"

namespace afs::bpe {
namespace {

std::string_view view(const afs_text& text) {
    return {text.data ? text.data : "", text.data ? static_cast<size_t>(text.size) : 0};
}

Status check_shape(const afs_vocabulary& from) {
    const std::string model = from.model ? from.model : "";
    if (model != "gpt2")
        return unsupported("tokenizer.ggml.model is " + in_quotes(model) +
                           ": expected gpt2 (byte-level BPE)");
    if (from.n_tokens == 0 || !from.tokens)
        return invalid("empty vocabulary: tokenizer.ggml.tokens");
    if (from.n_tokens - 1 > Vocabulary::kMaxId)
        return invalid("tokenizer.ggml.tokens has " + std::to_string(from.n_tokens) +
                       " entries: expected at most " + std::to_string(Vocabulary::kMaxId + 1));
    if (from.n_merges == 0 || !from.merges)
        return invalid("tokenizer.ggml.merges has no entries: byte-level BPE needs merges");
    return {};
}

// AFS_PIECE_* of one token. A file without types knows its special tokens by their roles alone.
int32_t type_of(const afs_vocabulary& from, uint32_t id) {
    if (from.types) return from.types[id];
    const auto same = [&](int32_t role) { return role >= 0 && static_cast<uint32_t>(role) == id; };
    return same(from.bos_id) || same(from.eos_id) || same(from.pad_id) ? AFS_PIECE_CONTROL
                                                                       : AFS_PIECE_NORMAL;
}

Status add_token(std::string_view token, uint32_t id, int32_t type, Definition& to) {
    const auto refuse = [&](const std::string& what) {
        return invalid("tokenizer.ggml: token " + std::to_string(id) + " " + what);
    };
    if (type == AFS_PIECE_UNUSED) return {};
    if (token.empty()) return refuse("is empty");
    if (utf8_valid_until(token, 0) != token.size())
        return refuse(in_quotes(token) + " is not UTF-8");
    switch (type) {
        case AFS_PIECE_NORMAL: return to.vocabulary.add_written(token, id);
        case AFS_PIECE_CONTROL:
        case AFS_PIECE_UNKNOWN:
        case AFS_PIECE_USER: {
            AddedToken added;
            added.content = token;
            added.id = static_cast<int32_t>(id);
            added.special = type != AFS_PIECE_USER;
            to.added.push_back(std::move(added));
            return {};
        }
        default:
            return refuse(in_quotes(token) + " has type " + std::to_string(type) +
                          ": expected 1 (normal), 2 (unknown), 3 (control), 4 (user-defined) or 5 "
                          "(unused)");
    }
}

Status add_merges(const afs_vocabulary& from, Definition& to) {
    MergeResolver resolver(to.vocabulary, to.merges, from.n_merges);
    for (uint32_t i = 0; i < from.n_merges; ++i) {
        const std::string_view merge = view(from.merges[i]);
        const size_t space = merge.find(' ');
        if (space == std::string_view::npos ||
            merge.find(' ', space + 1) != std::string_view::npos ||
            utf8_valid_until(merge, 0) != merge.size())
            return invalid("tokenizer.ggml: merge " + std::to_string(i) + " is " +
                           in_quotes(merge) + ": expected two tokens with one space between them");
        AFS_TRY(resolver.add(merge.substr(0, space), merge.substr(space + 1)));
    }
    return resolver.flush();
}

Status check_role(const char* key, int32_t id, const Vocabulary& vocabulary) {
    if (id == -1 || vocabulary.holds(id)) return {};
    return invalid(std::string("tokenizer.ggml.") + key + " is " + std::to_string(id) +
                   ": the vocabulary has no such token");
}

Status add_roles(const afs_vocabulary& from, const PreTokenizer& pre, Definition& to) {
    AFS_TRY(check_role("bos_token_id", from.bos_id, to.vocabulary));
    AFS_TRY(check_role("eos_token_id", from.eos_id, to.vocabulary));
    AFS_TRY(check_role("padding_token_id", from.pad_id, to.vocabulary));
    AFS_TRY(check_role("unknown_token_id", from.unknown_id, to.vocabulary));
    to.bos_id = from.bos_id;
    to.eos_id = from.eos_id;
    to.pad_id = from.pad_id;
    const bool add_bos = from.add_bos < 0 ? pre.adds_bos : from.add_bos != 0;
    if (add_bos && to.bos_id < 0)
        return invalid("a BOS token is to be added, but tokenizer.ggml.bos_token_id is missing");
    if (from.add_eos > 0 && to.eos_id < 0)
        return invalid("an EOS token is to be added, but tokenizer.ggml.eos_token_id is missing");
    if (add_bos) to.prefix.push_back(to.bos_id);
    if (from.add_eos > 0) to.suffix.push_back(to.eos_id);
    return {};
}

Status fill(const afs_vocabulary& from, Definition& to) {
    AFS_TRY(check_shape(from));
    if (!from.pre)
        return unsupported("tokenizer.ggml.pre is missing: expected one of " +
                           known_pre_tokenizers());
    const PreTokenizer* pre = find_pre_tokenizer(from.pre);
    if (!pre)
        return unsupported("tokenizer.ggml.pre is " + in_quotes(from.pre) + ": expected one of " +
                           known_pre_tokenizers());
    if (pre->single_digits)
        to.splits.push_back({SplitRule::Kind::digits, {}, Behavior::isolated, false});
    to.byte_level.push_back({SplitRule::Kind::regex, pre->pattern, Behavior::isolated, false});
    to.ignore_merges = pre->ignore_merges;
    to.add_prefix_space = from.add_space_prefix > 0;
    to.vocabulary.reserve(from.n_tokens);
    for (uint32_t id = 0; id < from.n_tokens; ++id)
        AFS_TRY(add_token(view(from.tokens[id]), id, type_of(from, id), to));
    for (const AddedToken& token : to.added) AFS_TRY(to.vocabulary.add_added(token));
    AFS_TRY(add_merges(from, to));
    AFS_TRY(add_roles(from, *pre, to));
    to.origin = "GGUF metadata (" + std::string(from.pre) + ")";
    return {};
}

}  // namespace

int score_metadata(const afs_tokenizer_source& source) {
    const afs_vocabulary vocabulary = read<afs_vocabulary>(source.vocabulary);
    return vocabulary.model && std::string_view(vocabulary.model) == "gpt2" ? 100 : 0;
}

Result<Definition> load_metadata(const afs_tokenizer_source& source) {
    Definition definition;
    definition.file = source.path ? source.path : "the weight file";
    const Status status = fill(read<afs_vocabulary>(source.vocabulary), definition);
    if (!status) return status.context("'" + definition.file + "'");
    return definition;
}

}  // namespace afs::bpe
