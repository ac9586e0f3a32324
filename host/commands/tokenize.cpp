// tokenize: text to ids and back with a model's tokenizer alone; no weights, no kernels.
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "afs/tokenizer.hpp"
#include "afs/utf8.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "runtime/open_tokenizer.hpp"
#include "runtime/plugin_search.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostOutput = 1 << 16;  // bytes gathered before they are written

struct Work {
    Tokenizer* tokenizer;
    bool decode, json;
    uint32_t encode_flags, decode_flags;
};

const char* kind_name(int32_t kind) {
    switch (kind) {
        case AFS_TOKEN_NORMAL: return "normal";
        case AFS_TOKEN_ADDED: return "added";
        case AFS_TOKEN_SPECIAL: return "special";
        default: return "unused";
    }
}

std::string hex(const std::string& bytes) {
    std::string out;
    for (const char c : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
        out += digits;
    }
    return out;
}

std::string line_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Numbers between blanks, commas or brackets: "9906 1917" as well as "[9906, 1917]".
Result<std::vector<int32_t>> parse_ids(std::string_view text) {
    constexpr std::string_view kBetween = " \t\r,[]";
    std::vector<int32_t> ids;
    for (size_t at = 0; (at = text.find_first_not_of(kBetween, at)) != std::string_view::npos;) {
        const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
        int32_t id = 0;
        const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, id);
        if (error != std::errc() || stop != text.data() + end)
            return invalid("expected token ids, found " + in_quotes(text.substr(at, end - at)));
        ids.push_back(id);
        at = end;
    }
    return ids;
}

// One text, or one line of ids, as a line of output.
Result<std::string> convert(const Work& work, std::string_view text) {
    std::vector<int32_t> ids;
    std::string bytes(text);
    if (work.decode) {
        AFS_ASSIGN(ids, parse_ids(text));
        AFS_TRY(work.tokenizer->decode(ids.data(), ids.size(), work.decode_flags, bytes));
    } else {
        AFS_TRY(work.tokenizer->encode(text, work.encode_flags, ids));
    }
    if (!work.json) {
        if (work.decode) return bytes + "\n";
        std::string line;
        for (const int32_t id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
        return line + "\n";
    }
    Json tokens = Json::array();
    for (const int32_t id : ids) {
        TokenPiece piece;
        AFS_TRY(work.tokenizer->token(id, piece));
        Json token = {{"id", id}, {"text", piece.bytes}, {"kind", kind_name(piece.kind)}};
        if (utf8_valid_until(piece.bytes, 0) < piece.bytes.size()) token["hex"] = hex(piece.bytes);
        tokens.push_back(std::move(token));
    }
    return line_of({{"text", bytes}, {"ids", ids}, {"tokens", tokens}});
}

// Every line, or all of it as one text.
Status convert_all(const Work& work, LineReader& reader, bool whole) {
    if (whole) {
        AFS_ASSIGN(const std::string text, reader.rest());
        AFS_ASSIGN(const std::string line, convert(work, text));
        return write_out(line);
    }
    std::string out;
    for (size_t number = 1;; ++number) {
        if (out.size() > kMostOutput || (!reader.ready() && !out.empty())) {
            AFS_TRY(write_out(out));
            out.clear();
        }
        AFS_ASSIGN(const std::optional<std::string> text, reader.next());
        if (!text) return {};
        const auto line = convert(work, *text);
        if (!line) {
            AFS_TRY(write_out(out));
            return line.status().context("line " + std::to_string(number));
        }
        out += *line;
    }
}

// What the words on the command line, the file and the switches have to agree on.
Status check_tokenize_use(const ParsedOptions& options) {
    const auto& words = options.positional();
    const bool decode = options.has("decode");
    if (!decode && words.size() > 1)
        return invalid("unexpected word '" + words[1] + "': put a text of several words in quotes");
    if (!words.empty() && options.has("file"))
        return invalid("a text and --file exclude each other: give one");
    if (!words.empty() && options.has("whole"))
        return invalid("--whole is for --file and standard input: a text is one text anyway");
    if (decode)
        for (const std::string& word : words) AFS_TRY(parse_ids(word).status());
    return {};
}

// input: a file's descriptor, or standard input.
Status convert_input(const Work& work, const ParsedOptions& options, int input) {
    const auto& words = options.positional();
    if (!words.empty()) {
        std::string text;
        for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
        AFS_ASSIGN(const std::string line, convert(work, text));
        return write_out(line);
    }
    LineReader reader(input);
    const Status status = convert_all(work, reader, options.has("whole"));
    return options.has("file") ? status.context("'" + options.text("file") + "'") : status;
}

int run_tokenize(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const Status use = check_tokenize_use(options);
    if (!use.ok()) return report_failure(use, kUsage);
    const auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    const auto input =
        options.has("file") ? open_input_file(options.text("file")) : Result<int>(STDIN_FILENO);
    if (!input) return report_bad_input(input.status());
    const auto opened = open_tokenizer_alone(*config, plugin_search(*config));
    if (!opened) return report_not_opened(opened.status());
    Work work{opened->plugin.get(), options.has("decode"), options.has("json"), 0, 0};
    if (!options.has("no-bos")) work.encode_flags |= AFS_ENCODE_ADD_SPECIAL;
    if (options.has("special")) work.encode_flags |= AFS_ENCODE_PARSE_SPECIAL;
    if (options.has("skip-special")) work.decode_flags |= AFS_DECODE_SKIP_SPECIAL;
    const Status status = convert_input(work, options, *input);
    if (*input != STDIN_FILENO) ::close(*input);
    if (interrupted()) return 128 + interrupted();
    return status.ok() ? kDone : report_failure(status, kFailed);
}

}  // namespace

const Command& tokenize_command() {
    static const Command command = {
        "tokenize",
        "text to token ids, a line of ids for each text; --decode: ids to text",
        "afs-host tokenize [TEXT] [options]     without TEXT each line of standard input is one",
        "echo \"Once upon a time\" | afs-host tokenize --model-plugin llama3",
        {{"file,f", "FILE", "each line of this file is a text"},
         {"whole", "", "file or standard input is one text, line ends included"},
         {"special", "",
          "special tokens written in the text become their ids; without it they are ordinary text"},
         {"no-bos", "", "without what the checkpoint adds by itself (BOS)"},
         {"decode,d", "",
          "ids to text: the words after it, or each line of the input; bytes that "
          "were no UTF-8 come back as they were"},
         {"skip-special", "", "with --decode: leave special tokens out"},
         {"json", "", "a line of JSON for each text: ids, and each token's text and kind"},
         {"help,h", "", "this page"}},
        true,
        size_t{1} << 20,
        run_tokenize,
        {excludes("decode", {"special", "no-bos", "whole"}), needs("skip-special", {"decode"})}};
    return command;
}

}  // namespace afs
