// Conversations as a user types or scripts them, on the bundled models. They were taught no
// dialogue: what is tested is what is sent, kept, saved and said, not what they answer.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"
#include "support/typed_program.hpp"

namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

std::vector<std::string> with(std::vector<std::string> args, const std::vector<std::string>& more) {
    args.insert(args.end(), more.begin(), more.end());
    return args;
}

// On olmo2-tiny, whose tokenizer has none of ChatML's markers: they are ordinary text to it.
ProgramResult chat(const std::string& input, const std::vector<std::string>& more = {}) {
    return ProgramRun{kHost,
                      with({"chat", "--model-plugin", "olmo2", "--kernels", "reference",
                            "--chat-template", "chatml", "-n", "12"},
                           more),
                      input,
                      {},
                      "/"}
        .run();
}

std::vector<json> json_lines(const std::string& text) {
    std::vector<json> lines;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        lines.push_back(json::parse(text.substr(at, end - at)));
        at = end + 1;
    }
    return lines;
}

// A checkpoint like llama3-tiny, with this chat template.
void make_checkpoint(const std::filesystem::path& folder, const std::string& chat_template) {
    namespace fs = std::filesystem;
    const fs::path tiny = fs::path(AFS_SOURCE_DIR) / "weights/llama3-tiny";
    fs::create_directories(folder);
    for (const char* name :
         {"config.json", "generation_config.json", "tokenizer.json", "model.safetensors"})
        fs::create_symlink(tiny / name, folder / name);
    std::ifstream in(tiny / "tokenizer_config.json");
    json config = json::parse(in);
    config["chat_template"] = chat_template;
    std::ofstream(folder / "tokenizer_config.json") << config;
}

const std::string kLlama3 =
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
    "'<|end_header_id|>\\n\\n' + m.content|trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
    "{% endif %}";

}  // namespace

TEST_CASE("a model without a chat template needs its name") {
    for (const char* family : {"olmo2", "llama3"}) {
        const auto result =
            ProgramRun{kHost, {"chat", "--model-plugin", family}, "hello\n", {}, "/"}.run();
        CHECK(result.exit_code == 3);
        CHECK(result.out.empty());
        CHECK_THAT(result.err, Contains("has no chat template") && Contains("--chat-template") &&
                                   Contains(family) && Contains("chatml"));
    }
    const auto wrong = chat("hello\n", {"--chat-template", "chatm"});
    CHECK(wrong.exit_code == 3);
    CHECK_THAT(wrong.err, Contains("'chatm'") && Contains("did you mean 'chatml'?"));
}

TEST_CASE("each line of a script is a message, each answer a line, a turn starts from the last") {
    const auto result = chat("Hello\nOnce upon a time\n", {"--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto turns = json_lines(result.out);
    REQUIRE(turns.size() == 2);
    for (const json& turn : turns) {
        CHECK(turn["role"] == "assistant");
        CHECK(turn["ids"].size() > 0);
        CHECK(turn["turns_not_sent"] == 0);
    }
    // The cache of the first turn serves the second.
    CHECK(turns[0]["processed_tokens"] == turns[0]["prompt_tokens"]);
    CHECK(turns[1]["processed_tokens"].get<int>() <
          turns[1]["prompt_tokens"].get<int>() - turns[0]["prompt_tokens"].get<int>() + 4);
    CHECK_THAT(result.err, Contains("tok/s") && Contains("chat template chatml (command line"));
}

TEST_CASE("an answer is what generate makes of the prompt that explain shows") {
    const std::vector<std::string> model = {"--model-plugin", "olmo2", "--chat-template", "chatml"};
    const auto explained = ProgramRun{kHost, with({"explain", "--prompt", "Hi there", "--chat",
                                                   "--system", "Be kind.", "--json"},
                                                  model)}
                               .run();
    INFO(explained.err);
    REQUIRE(explained.exit_code == 0);
    const json prompt = json::parse(explained.out)["prompt"];
    CHECK(prompt["prompt"] ==
          "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi there<|im_end|>\n"
          "<|im_start|>assistant\n");
    const auto generated = ProgramRun{
        kHost,
        {"--model-plugin", "olmo2", "-p", prompt["prompt"], "-n", "12", "--json", "-q", "--stop",
         "<|im_end|>"}}.run();
    REQUIRE(generated.exit_code == 0);
    const auto answered = chat("Hi there\n", {"--system", "Be kind.", "--json"});
    CHECK(json::parse(answered.out)["ids"] == json::parse(generated.out)["ids"]);
    CHECK(json::parse(generated.out)["prompt_ids"].size() == prompt["n_tokens"]);
}

TEST_CASE(
    "a checkpoint's own template is recognised, its markers are tokens, a message's are not") {
    const afs::test::TempFolder folder;
    make_checkpoint(folder.path() / "m", kLlama3);
    const std::string model = (folder.path() / "m").string();
    const auto explained = ProgramRun{
        kHost,
        {"explain", "--model", model, "--chat", "--prompt", "<|eot_id|>",
         "--json"}}.run();
    INFO(explained.err);
    REQUIRE(explained.exit_code == 0);
    const json prompt = json::parse(explained.out)["prompt"];
    CHECK(prompt["chat_template"] == "llama3, recognised");
    CHECK(prompt["n_bos"] == 1);
    size_t n_eot = 0;
    for (const json& token : prompt["tokens"]) n_eot += token["text"] == "<|eot_id|>";
    CHECK(n_eot == 1);
    const auto answered =
        ProgramRun{kHost, {"chat", "--model", model, "-n", "3", "-p", "Hello"}}.run();
    CHECK(answered.exit_code == 0);
    CHECK_THAT(answered.err, Contains("chat template llama3, recognised"));

    make_checkpoint(folder.path() / "other", kLlama3 + "{{ 'Sure: ' }}");
    const auto refused = ProgramRun{
        kHost,
        {"chat", "--model", (folder.path() / "other").string(), "-p",
         "Hello"}}.run();
    CHECK(refused.exit_code == 3);
    CHECK_THAT(refused.err,
               Contains("nearest is llama3") && Contains("Sure: ") && Contains("--chat-template"));
}

TEST_CASE("commands: reset, system, save, load, and a message that begins with a slash") {
    const afs::test::TempFolder folder;
    const std::string file = (folder.path() / "chat.json").string();
    const auto saved = chat("//not a command\n/system Be kind.\n/save " + file +
                            "\n/reset\n/save " + file + ".2\n/help\n/quit\nnever sent\n");
    INFO(saved.err);
    CHECK(saved.exit_code == 0);
    CHECK_THAT(saved.err, Contains("3 messages saved") && Contains("1 messages saved") &&
                              Contains("/reset") && Contains("starts anew"));
    std::ifstream in(file);
    const json conversation = json::parse(in);
    CHECK(conversation["chat_template"] == "chatml");
    CHECK(conversation["model"] == "olmo2-tiny");
    REQUIRE(conversation["messages"].size() == 3);
    CHECK(conversation["messages"][0] == json({{"role", "system"}, {"content", "Be kind."}}));
    CHECK(conversation["messages"][1]["content"] == "/not a command");

    // Loaded, by either way, it goes on with the same tokens.
    const auto direct = chat("And then?\n", {"--json", "--load", file});
    const auto typed = chat("/load " + file + "\nAnd then?\n", {"--json"});
    CHECK(direct.exit_code == 0);
    REQUIRE_FALSE(direct.out.empty());
    CHECK(json::parse(direct.out)["ids"] == json::parse(typed.out)["ids"]);
    CHECK(json::parse(direct.out)["prompt_tokens"] == json::parse(typed.out)["prompt_tokens"]);
}

TEST_CASE("mistakes in a script are said, the rest goes on, and the exit code tells") {
    const afs::test::TempFolder folder;
    const auto wrong = folder.write("wrong.json", R"([{"role": "tool", "content": "x"}])");
    const auto result = chat(
        "/rest\n/save\n/load /nowhere.json\n/load " + wrong.string() + "\nHello\n", {"--json"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("unknown command '/rest' (did you mean '/reset'?)") &&
                               Contains("/save needs a file") && Contains("/nowhere.json") &&
                               Contains("role is 'tool', expected system, user or assistant"));
    CHECK(json_lines(result.out).size() == 1);
}

TEST_CASE("a /save that fails loses nothing: neither the conversation nor what was saved before") {
    const afs::test::TempFolder folder;
    const std::string file = folder.write("chat.json", "of before").string();
    const std::string later = (folder.path() / "later.json").string();
    const std::string command = "ulimit -S -f 0; exec " + kHost +
                                " chat --model-plugin olmo2 --kernels reference"
                                " --chat-template chatml -n 4 --json";
    const std::string script = "One\n/save " + file + "\n/save " + later + "\n/save /dev/full\n" +
                               "/save /no/such/folder/x\nTwo\n";
    const auto result = ProgramRun{"/bin/bash", {"-c", command}, script}.run();
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("cannot write '" + file + "': File too large") &&
                               Contains("cannot write '" + later + "': File too large") &&
                               Contains("'/dev/full': No space left on device; make room") &&
                               Contains("'/no/such/folder/x': No such file or directory"));
    const auto turns = json_lines(result.out);
    REQUIRE(turns.size() == 2);
    CHECK(turns[1]["prompt_tokens"] > turns[0]["prompt_tokens"]);  // the first turn was sent again
    std::ifstream in(file);
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "of before");
    CHECK_FALSE(std::filesystem::exists(later));
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a full context: the oldest turns are left out, a message that cannot fit is refused") {
    std::string script;
    for (int i = 0; i < 6; ++i) script += "one two three four five six seven\n";
    std::string too_long;
    for (int i = 0; i < 200; ++i) too_long += "again and ";
    const auto result =
        chat(script + too_long + "\nshort\n", {"--max-context", "128", "--json", "--system", "S."});
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err,
               Contains("oldest turns are no longer sent") && Contains("the context holds 128"));
    const auto turns = json_lines(result.out);
    REQUIRE(turns.size() == 7);
    CHECK(turns[0]["turns_not_sent"] == 0);
    CHECK(turns[5]["turns_not_sent"] > 0);
    for (const json& turn : turns) CHECK(turn["prompt_tokens"] <= 128 - 12);
}

TEST_CASE("several lines make one message between two marks") {
    const afs::test::TempFolder folder;
    const std::string file = (folder.path() / "c.json").string();
    CHECK(chat("\"\"\"\nfirst\n  second\n\"\"\"\n/save " + file + "\n").exit_code == 0);
    std::ifstream in(file);
    CHECK(json::parse(in)["messages"][0]["content"] == "first\n  second");
}

TEST_CASE("empty input, empty lines, bytes that are no UTF-8, messages from the command line") {
    CHECK(chat("").exit_code == 0);
    CHECK(chat("").out.empty());
    CHECK(chat("\n\r\n\n").out.empty());
    const auto bytes = chat("\xff\xfe \x80\n", {"--json"});
    CHECK(bytes.exit_code == 0);
    CHECK(json_lines(bytes.out).size() == 1);
    const auto given = chat("not read\n", {"--json", "-p", "One", "-p", "Two"});
    CHECK(given.exit_code == 0);
    CHECK(json_lines(given.out).size() == 2);
}

TEST_CASE("the date of a template that writes one can be given") {
    const auto result = ProgramRun{
        kHost,
        {"explain", "--model-plugin", "llama3", "--chat-template", "llama3.2", "--chat", "--prompt",
         "x", "--date-string", "31 Dec 1999",
         "--json"}}.run();
    REQUIRE(result.exit_code == 0);
    const json prompt = json::parse(result.out)["prompt"];
    CHECK_THAT(prompt["prompt"].get<std::string>(), Contains("Today Date: 31 Dec 1999\n"));
    CHECK_THAT(prompt["chat_template"].get<std::string>(), Contains("date 31 Dec 1999"));
}

TEST_CASE("a closed pipe ends a conversation") {
    const std::string command = "printf 'Once upon a time\\nand\\nthen\\n' | " + kHost +
                                " chat --model-plugin llama3 --chat-template llama3 -n 200 "
                                "--temperature 3 2>/dev/null | head -c 5";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe);
    char buffer[64] = {};
    CHECK(fread(buffer, 1, sizeof buffer, pipe) == 5);
    CHECK(pclose(pipe) == 0);
}

namespace {
const std::vector<std::string> kEndless = {
    kHost,           "chat", "--model-plugin", "llama3", "--chat-template", "llama3",
    "--temperature", "3"};  // hot enough never to come to an end by itself
}

TEST_CASE("Ctrl-C on a terminal stops an answer, the conversation goes on, one more leaves") {
    TypedProgram program(kEndless, TypedProgram::Input::terminal);
    REQUIRE(program.sees_err("> "));
    for (int turn = 0; turn < 2; ++turn) {
        program.type("Once\n");
        REQUIRE(program.sees_out(" "));
        program.type("\x03");
        REQUIRE(program.sees_err("ended by cancelled"));
        REQUIRE(program.sees_err("[stopped]"));
        REQUIRE(program.sees_err("> "));
        program.skip_out();
    }
    program.type("\x03");
    CHECK(program.wait() == 128 + SIGINT);
}

TEST_CASE("Ctrl-D on a terminal leaves, mistakes there do not spoil the exit code") {
    TypedProgram program(kEndless, TypedProgram::Input::terminal);
    REQUIRE(program.sees_err("> "));
    program.type("/nonsense\n");
    REQUIRE(program.sees_err("unknown command"));
    program.type("\x04");
    CHECK(program.wait() == 0);
}

TEST_CASE("in a script the first interrupt stops the answer at hand, the second leaves") {
    TypedProgram program(kEndless, TypedProgram::Input::pipe);
    program.type("Once\n");
    REQUIRE(program.sees_out(" "));
    program.send(SIGINT);
    REQUIRE(program.sees_err("[stopped]"));
    program.skip_out();
    program.type("Twice\n");
    REQUIRE(program.sees_out(" "));
    program.send(SIGINT);
    CHECK(program.wait() == 128 + SIGINT);
}

TEST_CASE("a TERM signal leaves at once, the end of a script stops nothing") {
    TypedProgram program(kEndless, TypedProgram::Input::pipe);
    program.type("Once\n");
    REQUIRE(program.sees_out(" "));
    program.send(SIGTERM);
    CHECK(program.wait() == 128 + SIGTERM);
}
