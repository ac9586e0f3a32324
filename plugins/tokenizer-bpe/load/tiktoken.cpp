// tokenizer.model in tiktoken's form: lines "BASE64 RANK", as Meta ships Llama-3's.
//
// The file holds ranks alone. Any two neighbours whose bytes together have a rank may merge, so the
// merges are every split of every token, in the order in which HF's converter writes them. The
// expression, the 256 special tokens and the leading <|begin_of_text|> are Llama-3's (Meta's
// llama_models), unless a tokenizer_config.json beside the file names the tokens. Meta's reference
// also cuts runs of more than 25,000 characters, which neither HF nor this does.
#include <algorithm>
#include <array>
#include <fstream>
#include <tuple>

#include "afs/utf8.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"

namespace afs::bpe {
namespace {

constexpr uint32_t kLlama3Ranks = 128000;
constexpr uint32_t kLlama3Specials = 256;
constexpr size_t kLongestToken = 4096;  // bytes; every way to cut a token is tried

// -1: not a character of base64.
int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool from_base64(std::string_view text, std::string& bytes) {
    bytes.clear();
    if (text.empty() || text.size() % 4 != 0) return false;
    size_t n = text.size();
    while (n > text.size() - 2 && text[n - 1] == '=') --n;
    uint32_t bits = 0;
    for (size_t i = 0; i < n; ++i) {
        const int value = value_of(text[i]);
        if (value < 0) return false;
        bits = (bits << 6) | static_cast<uint32_t>(value);
        if (i % 4 != 0) bytes.push_back(static_cast<char>(bits >> (6 - 2 * (i % 4))));
    }
    return true;
}

// "BASE64 RANK", without the line's end.
bool parse_line(std::string_view line, std::string& bytes, uint64_t& rank) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !from_base64(line.substr(0, space), bytes)) return false;
    const std::string_view digits = line.substr(space + 1);
    if (digits.empty() || digits.size() > 9) return false;
    rank = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return false;
        rank = rank * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
}

Status read_ranks(const std::string& path, Vocabulary& vocabulary) {
    AFS_ASSIGN(const std::string text, read_file(path));
    vocabulary.reserve(kLlama3Ranks);
    size_t number = 0;
    std::string bytes;
    for (size_t at = 0; at < text.size();) {
        size_t end = text.find('\n', at);
        if (end == std::string::npos) end = text.size();
        std::string_view line(text.data() + at, end - at);
        at = end + 1;
        ++number;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty()) continue;
        uint64_t rank = 0;
        if (!parse_line(line, bytes, rank))
            return invalid("line " + std::to_string(number) + " is " + in_quotes(line) +
                           ": expected a token in base64, a space and its rank");
        if (bytes.size() > kLongestToken)
            return invalid("line " + std::to_string(number) + " holds a token of " +
                           std::to_string(bytes.size()) + " bytes: expected at most " +
                           std::to_string(kLongestToken));
        AFS_TRY(vocabulary.add(bytes, false, rank));
    }
    if (vocabulary.size() != kLlama3Ranks || vocabulary.n_entries() != kLlama3Ranks)
        return unsupported("has " + std::to_string(vocabulary.n_entries()) + " ranks up to " +
                           std::to_string(vocabulary.size()) +
                           ": expected the 128000 of Llama-3; supply the checkpoint's "
                           "tokenizer.json");
    return {};
}

// One way to cut a token in two.
struct Cut {
    std::string_view left, right;
    uint64_t left_hash, right_hash;
    uint32_t token;
    int32_t left_id, right_id;  // -1: no token
};

// Ids of both halves, in rounds over many cuts: look-ups of a large vocabulary wait for memory.
void find_halves(const Vocabulary& vocabulary, std::vector<Cut>& cuts) {
    for (Cut& cut : cuts) {
        cut.left_hash = Vocabulary::hash(cut.left, false);
        cut.right_hash = Vocabulary::hash(cut.right, false);
        vocabulary.prefetch(cut.left_hash);
        vocabulary.prefetch(cut.right_hash);
    }
    for (const Cut& cut : cuts) {
        vocabulary.prefetch_piece(cut.left_hash);
        vocabulary.prefetch_piece(cut.right_hash);
    }
    for (Cut& cut : cuts) {
        cut.left_id = vocabulary.find(cut.left_hash, cut.left, false);
        cut.right_id = cut.left_id < 0 ? -1 : vocabulary.find(cut.right_hash, cut.right, false);
    }
}

void make_merges(const Vocabulary& vocabulary, Merges& merges) {
    constexpr uint32_t kBlock = 32;
    merges.reserve(vocabulary.size() * size_t{5} / 2);  // Llama-3 has 2.2 a token
    std::vector<Cut> cuts;
    uint32_t rank = 0;
    for (uint32_t first = 0; first < vocabulary.size(); first += kBlock) {
        cuts.clear();
        for (uint32_t id = first; id < std::min(first + kBlock, vocabulary.size()); ++id) {
            const std::string_view token = vocabulary.bytes(static_cast<int32_t>(id));
            for (size_t cut = 1; cut < token.size(); ++cut)
                cuts.push_back({token.substr(0, cut), token.substr(cut), 0, 0, id, -1, -1});
        }
        find_halves(vocabulary, cuts);
        cuts.erase(std::remove_if(cuts.begin(), cuts.end(),
                                  [](const Cut& cut) { return cut.right_id < 0; }),
                   cuts.end());
        std::sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) {
            return std::tie(a.token, a.left_id, a.right_id) <
                   std::tie(b.token, b.left_id, b.right_id);
        });
        for (const Cut& cut : cuts) merges.prefetch(cut.left_id, cut.right_id);
        for (const Cut& cut : cuts) merges.add(cut.left_id, cut.right_id, {rank++, cut.token});
    }
}

std::vector<AddedToken> llama3_specials() {
    static constexpr std::array<const char*, 12> kNamed = {
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|reserved_special_token_0|>",
        "<|reserved_special_token_1|>",
        "<|finetune_right_pad_id|>",
        "<|step_id|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eom_id|>",
        "<|eot_id|>",
        "<|python_tag|>",
        "<|image|>",
    };
    std::vector<AddedToken> tokens(kLlama3Specials);
    for (uint32_t i = 0; i < kLlama3Specials; ++i) {
        tokens[i].content = i < kNamed.size()
                                ? kNamed[i]
                                : "<|reserved_special_token_" + std::to_string(i - 10) + "|>";
        tokens[i].id = static_cast<int32_t>(kLlama3Ranks + i);
        tokens[i].special = true;
    }
    return tokens;
}

}  // namespace

bool looks_like_tiktoken(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char buffer[512];
    file.read(buffer, sizeof buffer);
    const std::string_view text(buffer, static_cast<size_t>(file.gcount()));
    std::string_view line = text.substr(0, text.find('\n'));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::string bytes;
    uint64_t rank = 0;
    return parse_line(line, bytes, rank);
}

Result<Definition> load_tiktoken(const std::string& path, const Folder& folder) {
    AFS_ASSIGN(SpecialTokens special, read_special_tokens(folder));
    Definition definition;
    definition.origin = "tiktoken ranks";
    definition.file = path;
    const auto read = [&]() -> Status {
        AFS_TRY(read_ranks(path, definition.vocabulary));
        make_merges(definition.vocabulary, definition.merges);
        definition.ignore_merges = true;
        definition.byte_level.push_back(
            {SplitRule::Kind::regex, kCl100kPattern, Behavior::isolated, false});
        if (special.added.empty()) special.added = llama3_specials();
        if (special.bos.empty()) special.bos = "<|begin_of_text|>";
        if (special.eos.empty()) special.eos = "<|end_of_text|>";
        if (special.pad.empty()) special.pad = "<|finetune_right_pad_id|>";
        AFS_TRY(apply_special_tokens(special, definition));
        definition.prefix.push_back(definition.bos_id);
        return {};
    };
    if (const Status status = read(); !status) return status.context("'" + path + "'");
    return definition;
}

}  // namespace afs::bpe
