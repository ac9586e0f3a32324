// tokenize as a user types it: a line of ids for each text, and back.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

ProgramResult tokenize(std::vector<std::string> args, const std::string& input = "",
                       const std::string& family = "llama3") {
    args.insert(args.begin(), {"tokenize", "--model-plugin", family});
    return ProgramRun{kHost, std::move(args), input, {}, "/"}.run();
}

// What is said when all went well.
std::string said(std::vector<std::string> args, const std::string& input = "",
                 const std::string& family = "llama3") {
    const auto result = tokenize(std::move(args), input, family);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(result.err.empty());
    return result.out;
}

}  // namespace

TEST_CASE("a text, lines of standard input, lines of a file and a whole file") {
    const afs::test::TempFolder folder;
    const std::string text = "Once upon\n\n a time\r\n\xc3\xa9\xe6\x97\xa5";
    const std::string file = folder.write("text", text).string();
    const std::string lines = said({}, text);
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 4);
    CHECK(said({"--file", file}) == lines);
    CHECK(said({}, text + "\n") == lines);  // a last line end begins no further line
    std::string one_by_one;
    for (const char* line : {"Once upon", "", " a time\r", "\xc3\xa9\xe6\x97\xa5"})
        one_by_one += said({"--", line});
    CHECK(one_by_one == lines);
    CHECK(said({"--whole"}, text) == said({"--", text}));
    CHECK(said({"--whole", "-f", file}) == said({"--", text}));
    CHECK(said({}).empty());
    CHECK(said({}, "\n") == "4088\n");  // an empty text is still opened by BOS
    CHECK(said({}, "\n", "olmo2") == "\n");
}

TEST_CASE("ids become the text again, byte for byte") {
    std::string bytes;
    for (int c = 1; c < 256; ++c)
        if (c != '\n') bytes += static_cast<char>(c);
    const std::string text = bytes + "\nThe cat sat.\n\n  <|eot_id|> \xe6\x97\xa5\n";
    for (const char* family : {"olmo2", "llama3"}) {
        CHECK(said({"--decode"}, said({"--no-bos"}, text, family), family) == text);
        CHECK(said({"--decode", "--skip-special"}, said({}, text, family), family) == text);
    }
    CHECK(said({"--decode", "4088", "64"}) == "<|begin_of_text|>" + said({"--decode", "64"}));
    CHECK(said({"--decode", "[4088, 64]", "--skip-special"}) == said({"--decode", "64"}));
    CHECK(said({"-d"}, "[64,\t65]\n") == said({"-d", "64", "65"}));
}

TEST_CASE("special tokens are parsed where that is asked for") {
    CHECK(said({"<|eot_id|>", "--special"}) == "4088 4094\n");
    CHECK(said({"<|eot_id|>", "--special", "--no-bos"}) == "4094\n");
    const std::string ordinary = said({"<|eot_id|>"});
    CHECK_FALSE(Contains("4094").match(ordinary));
}

TEST_CASE("JSON tells each token's text and kind") {
    const json line = json::parse(said({"--json", "--special", "a\xf0\x9f\x8c\x8d<|eot_id|>"}));
    CHECK(line["text"] == "a\xf0\x9f\x8c\x8d<|eot_id|>");
    REQUIRE(line["tokens"].size() == line["ids"].size());
    CHECK(line["tokens"].front() ==
          json({{"id", 4088}, {"text", "<|begin_of_text|>"}, {"kind", "special"}}));
    CHECK(line["tokens"].back()["kind"] == "special");
    std::string hex;
    for (size_t i = 0; i < line["tokens"].size(); ++i) {
        const json& token = line["tokens"][i];
        CHECK(line["ids"][i] == token["id"]);
        if (token.contains("hex")) hex += token["hex"].get<std::string>();
    }
    CHECK((hex.empty() || hex == "f09f8c8d"));
    const json back = json::parse(said({"--json", "--decode", "4094"}));
    CHECK(back["text"] == "<|eot_id|>");
}

TEST_CASE("neither weights nor kernels are opened") {
    namespace fs = std::filesystem;
    const afs::test::TempFolder folder;
    fs::copy(AFS_SOURCE_DIR "/weights/llama3-tiny/tokenizer.json", folder.path());
    const std::string expected = said({"Once upon a time"});
    for (const char* option : {"--model", "--tokenizer-path"})
        CHECK(said({"Once upon a time", option, folder.path().string(), "--kernels", "nothing"}) ==
              expected);
}

TEST_CASE("mistakes") {
    struct Case {
        std::vector<std::string> args;
        std::string input;
        int exit_code;
        std::string says;
    };
    const std::vector<Case> cases = {
        {{"two", "words"}, "", 2, "unexpected word 'words': put a text of several words in quotes"},
        {{"-d", "x"}, "", 2, "expected token ids, found 'x'"},
        {{"-d", "99999999999"}, "", 2, "expected token ids"},
        {{"-d"}, "64\n1.5\n", 1, "line 2: expected token ids, found '1.5'"},
        {{"-d", "4096"}, "", 1, "4096"},
        {{"-d"}, "64\n64 100000\n", 1, "line 2: id 100000 is outside the vocabulary"},
        {{"-f", "/nowhere.txt"}, "", 2, "cannot read '/nowhere.txt': No such file"},
        {{"-f", "/"}, "", 1, "cannot read"},
        {{"x", "-f", "y"}, "", 2, "exclude each other"},
        {{"x", "--whole"}, "", 2, "--whole"},
        {{"-d", "1", "--special"}, "", 2, "--decode and --special exclude each other"},
        {{"x", "--skip-special"}, "", 2, "--skip-special goes with --decode"},
        {{"x", "--model", "/nowhere"}, "", 3, "/nowhere"},
        {{"x", "--tokenizer-path", "/"}, "", 3, "no tokenizer plugin knows"},
        {{"x", "--tokenizer-path", "/"}, "", 3, "name others with --tokenizer-path"},
        {{"x", "--tokenizer-path", "/nowhere"},
         "",
         3,
         "there is no '/nowhere' (tokenizer.path from command line --tokenizer-path): name a "
         "folder with tokenizer.json"},
        {{"x", "--tokenizer", "bpf"}, "", 3, "bpf"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.says);
        const auto result = tokenize(c.args, c.input);
        CHECK(result.exit_code == c.exit_code);
        CHECK_THAT(result.err, Contains(c.says));
    }
    // What was right before a mistake is written.
    CHECK(tokenize({"-d"}, "64\nx\n").out == said({"-d", "64"}));
}

TEST_CASE("a closed pipe ends it") {
    const std::string command = "yes 'Once upon a time' 2>/dev/null | " + kHost +
                                " tokenize --model-plugin llama3 2>/dev/null | head -n 1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe);
    char buffer[256] = {};
    CHECK(fread(buffer, 1, sizeof buffer, pipe) > 4);
    CHECK(pclose(pipe) == 0);
}
