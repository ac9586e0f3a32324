// vocab.json + merges.txt (GPT-2's files), with tokenizer_config.json beside them.
//
// These files do not say how text is split, so the merges are asked. A merge only ever joins bytes
// of one pre-token, hence every result of a merge is a piece of one:
//   - one punctuation mark followed by letters (".get", "(int") never lies inside a pre-token of
//     GPT-2's expression, but does in cl100k's;
//   - four digits in a row, or a space and a digit, never lie inside one of cl100k's, but do in
//     GPT-2's.
// Merges of the first kind alone mean cl100k's expression (dolma2), of the second kind alone or of
// neither GPT-2's; both kinds at once are some other expression, and an error.
#include <nlohmann/json.hpp>

#include "afs/utf8.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"

namespace afs::bpe {
namespace {

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool all(std::string_view text, bool (*is)(char)) {
    for (const char c : text)
        if (!is(c)) return false;
    return !text.empty();
}
// The apostrophe is left out: GPT-2's expression has 's, 't, … as pre-tokens.
bool only_cl100k_joins(std::string_view t) {
    return t.size() >= 2 && t[0] > ' ' && t[0] <= '~' && t[0] != '\'' && !letter(t[0]) &&
           !digit(t[0]) && all(t.substr(1), letter);
}
bool only_gpt2_joins(std::string_view t) {
    return all(t, digit) ? t.size() > 3 : t.size() >= 2 && t[0] == ' ' && all(t.substr(1), digit);
}

Status choose_split(const PendingMerges& merges, Definition& definition) {
    std::string cl100k, gpt2;  // one example of each
    for (size_t i = 0; i < merges.size() && (cl100k.empty() || gpt2.empty()); ++i) {
        const auto [left, right] = merges.at(i);
        // Space is the one byte of interest that is not itself in the byte-level alphabet.
        std::string token = std::string(left) + std::string(right);
        if (token.rfind("\xc4\xa0", 0) == 0) token.replace(0, 2, " ");
        if (cl100k.empty() && only_cl100k_joins(token)) cl100k = token;
        if (gpt2.empty() && only_gpt2_joins(token)) gpt2 = token;
    }
    if (!cl100k.empty() && !gpt2.empty())
        return unsupported("cannot tell how text is split: merges make " + in_quotes(cl100k) +
                           ", which GPT-2's expression cuts, and " + in_quotes(gpt2) +
                           ", which cl100k's cuts; supply the checkpoint's tokenizer.json");
    definition.byte_level.push_back({SplitRule::Kind::regex,
                                     cl100k.empty() ? kGpt2Pattern : kCl100kPattern,
                                     Behavior::isolated, false});
    return {};
}

// Lines "left right"; the first may be "#version: …". Lines end in \n or \r\n.
Status read_merges(const std::string& path, PendingMerges& merges) {
    AFS_ASSIGN(const std::string text, read_file(path));
    size_t line_number = 0;
    for (size_t at = 0; at < text.size();) {
        size_t end = text.find('\n', at);
        if (end == std::string::npos) end = text.size();
        std::string_view line(text.data() + at, end - at);
        at = end + 1;
        ++line_number;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty() || (line_number == 1 && line.rfind("#version", 0) == 0)) continue;
        const size_t space = line.find(' ');
        if (space == std::string_view::npos ||
            line.find(' ', space + 1) != std::string_view::npos ||
            utf8_valid_until(line, 0) != line.size())
            return invalid("'" + path + "' line " + std::to_string(line_number) + " is " +
                           in_quotes(line) + ": expected two tokens with one space between them");
        merges.add(std::string(line.substr(0, space)), std::string(line.substr(space + 1)));
    }
    return {};
}

// The tokens that have a role are special, whether or not the files list them as added.
Status add_roles(Definition& definition) {
    for (const int32_t id : {definition.bos_id, definition.eos_id, definition.pad_id}) {
        if (id < 0 || definition.vocabulary.added(id)) continue;
        AddedToken token;
        token.content = definition.vocabulary.bytes(id);
        token.id = id;
        token.special = true;
        if (definition.vocabulary.find_written(token.content) != id) continue;  // " a": no name
        AFS_TRY(definition.vocabulary.add_added(token));
        definition.added.push_back(std::move(token));
    }
    return {};
}

Status add_template(const SpecialTokens& special, Definition& definition) {
    if (special.add_bos == 1 && definition.bos_id < 0)
        return invalid("add_bos_token is true but there is no bos_token");
    if (special.add_eos == 1 && definition.eos_id < 0)
        return invalid("add_eos_token is true but there is no eos_token");
    if (special.add_bos == 1) definition.prefix.push_back(definition.bos_id);
    if (special.add_eos == 1) definition.suffix.push_back(definition.eos_id);
    return {};
}

}  // namespace

Result<Definition> load_vocab_merges(const Folder& folder) {
    AFS_ASSIGN(SpecialTokens special, read_special_tokens(folder));
    if (!special.tokenizer_class.empty() && special.tokenizer_class != "GPT2Tokenizer")
        return unsupported(folder.file("tokenizer_config.json") + ": tokenizer_class is " +
                           in_quotes(special.tokenizer_class) +
                           ": expected GPT2Tokenizer beside vocab.json and merges.txt; supply the "
                           "checkpoint's tokenizer.json");
    Definition definition;
    definition.origin = "vocab.json and merges.txt";
    const std::string vocab = folder.file("vocab.json");
    definition.file = vocab;
    BulkParts bulk;
    bulk.whole_file_is_vocab = true;
    bulk.vocab_entry = [&](const std::string& token, uint64_t id) {
        return definition.vocabulary.add_written(token, id);
    };
    AFS_TRY(read_json(vocab, &bulk).status());
    if (!bulk.saw_vocab) return invalid("'" + vocab + "': expected an object of tokens and ids");
    PendingMerges merges;
    AFS_TRY(read_merges(folder.file("merges.txt"), merges));
    const auto finish = [&]() -> Status {
        AFS_TRY(merges.resolve(definition.vocabulary, definition.merges));
        AFS_TRY(choose_split(merges, definition));
        definition.add_prefix_space = special.add_prefix_space;
        // GPT2Tokenizer's own default where neither file names them.
        for (std::string* name : {&special.bos, &special.eos})
            if (name->empty() && definition.vocabulary.find_content("<|endoftext|>") >= 0)
                *name = "<|endoftext|>";
        AFS_TRY(apply_special_tokens(special, definition));
        AFS_TRY(add_roles(definition));
        return add_template(special, definition);
    };
    if (const Status status = finish(); !status) return status.context("'" + vocab + "'");
    return definition;
}

}  // namespace afs::bpe
