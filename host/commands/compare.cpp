// compare: two configurations against each other. Correctness first, then speed, then where the
// difference comes from.
#include <unistd.h>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "compare/comparison.hpp"
#include "compare/saved_run.hpp"
#include "runtime/write_file.hpp"

namespace afs {
namespace {

// Some two hundred words, so that the judged prompt passes the edges of pages and tiles.
const char* const kText =
    "Once upon a time there was a little dog who lived in a big house by the sea. Every morning he "
    "ran down to the water to see what the waves had brought. One day he found a red ball, a piece "
    "of rope and a very old shoe. He took the shoe home and hid it under the bed. \"What do you "
    "have there?\" asked the cat. \"Nothing,\" said the dog, but his tail told the truth. The cat "
    "laughed and went to look. In the shoe there was a small key, and nobody knew which door it "
    "would open. They tried the kitchen, the garden gate and the box in the attic. At last they "
    "came to a tiny door behind the stairs that they had never seen before. The key turned. Inside "
    "was a room full of toys, and in the middle sat a tired old bear. \"Thank you,\" said the "
    "bear. "
    "\"I have waited so long for somebody to play with.\" So the three of them played until it was "
    "dark, and from that day on the door was never locked again.";

std::string quoted(const std::string& text) {
    const bool plain =
        text.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=*") ==
        std::string::npos;
    if (plain && !text.empty()) return text;
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

Result<std::string> read_text(const ParsedOptions& options) {
    if (!options.has("file")) return options.text("prompt", kText);
    return read_input_file(options.text("file"));
}

struct Sides {
    Side base;
    std::optional<Side> test;
};

Result<Config> with_kernels(const Config& config, const ParsedOptions& options, const char* flag) {
    if (!options.has(flag)) return config;
    return config.with({{"kernels", options.text(flag), std::string("command line --") + flag}});
}

// From two files, from two lists of kernels, or from the configuration's own `compare`.
Result<Sides> find_sides(const ParsedOptions& options) {
    const auto& files = options.positional();
    if (files.size() == 2) {
        ParsedOptions first = options, second = options;
        first.set("config", files[0]);
        second.set("config", files[1]);
        AFS_ASSIGN(Config base, open_config(first));
        AFS_ASSIGN(Config test, open_config(second));
        return Sides{{"base", std::move(base)}, Side{"test", std::move(test)}};
    }
    AFS_ASSIGN(const Config config, open_config(options));
    if (options.has("save")) return Sides{{"base", config}, std::nullopt};
    if (options.has("base") || options.has("test")) {
        AFS_ASSIGN(Config base, with_kernels(config, options, "base"));
        AFS_ASSIGN(Config test, with_kernels(config, options, "test"));
        return Sides{{"base", std::move(base)}, Side{"test", std::move(test)}};
    }
    if (!config.raw("compare"))
        return invalid(
            "nothing to compare: give --base A --test B,A (lists of kernels), two configuration "
            "files, two saved runs, or \"compare\": {\"base\": {..}, \"test\": {..}} in the "
            "configuration");
    AFS_ASSIGN(Config base, config.variant("base"));
    AFS_ASSIGN(Config test, config.variant("test"));
    return Sides{{"base", std::move(base)}, Side{"test", std::move(test)}};
}

Status check_compare_use(const ParsedOptions& options) {
    const size_t n = options.positional().size();
    if (n == 1)
        return invalid("compare takes two files, found one: '" + options.positional()[0] + "'");
    const bool lists = options.has("base") || options.has("test");
    if (n == 2 && lists) return invalid("two files and --base or --test exclude each other");
    if (n == 2 && options.has("config"))
        return invalid("two files and --config exclude each other: leave --config out");
    if (n == 2 && options.has("save"))
        return invalid("two files and --save exclude each other: it keeps a run of one");
    return {};
}

// Saved runs were judged and timed when they were made: only what is written can be chosen now.
Status check_saved_use(const ParsedOptions& options) {
    for (const auto& [name, values] : options.values())
        if (name != "html" && name != "json" && name != "verbose")
            return invalid("--" + name +
                           " has no effect on saved runs, which were judged and timed when they "
                           "were made: leave it out");
    return {};
}

// The command again, for the page and the last line.
std::string command_line(const ParsedOptions& options, const std::vector<const char*>& but,
                         const std::string& more) {
    std::string line = "afs-host compare";
    for (const std::string& file : options.positional()) line += " " + quoted(file);
    for (const auto& [name, values] : options.values()) {
        bool left_out = false;
        for (const char* each : but) left_out = left_out || name == each;
        for (const std::string& value : values)
            if (!left_out) line += " --" + name + (value.empty() ? "" : " " + quoted(value));
        if (values.empty() && !left_out) line += " --" + name;
    }
    return line + more;
}

std::string next_command(const Comparison& made, const ParsedOptions& options) {
    const std::vector<const char*> pages = {"html", "json", "case", "quiet"};
    if (!made.right()) {
        const SideFacts& side = made.wrong_side == "base" || made.single ? made.base : made.test;
        const WrongTag* wrong = side.judgement ? side.judgement->first_wrong() : nullptr;
        for (const Backend& backend : side.backends)
            if (wrong && backend.name == wrong->backend)
                return "afs-host conformance " + quoted(backend.path) +
                       (made.conformance.empty() ? "" : " " + made.conformance);
        return command_line(options, pages, "");
    }
    // Lengths are chosen by speed where none are given, and runs of other lengths do not compare.
    if (made.single && made.timing)
        return command_line(options, {"html", "json", "kernels", "save", "pp", "tg"},
                            " --kernels OTHER --pp " + std::to_string(made.timing->prompt) +
                                " --tg " + std::to_string(made.timing->generate) +
                                " --save OTHER.json, then afs-host compare " +
                                quoted(options.text("save")) + " OTHER.json");
    if (!options.has("html")) return command_line(options, pages, " --html compare.html");
    return command_line(options, {}, "");
}

Status write_pages(const Comparison& made, const ParsedOptions& options) {
    if (options.has("html"))
        AFS_TRY(write_file(options.text("html"), report::html(comparison_report(made))));
    if (options.has("save")) AFS_TRY(write_file(options.text("save"), comparison_json(made)));
    return options.has("json") ? write_out(comparison_json(made))
                               : write_shown(comparison_text(made));
}

int finish(Comparison& made, const ParsedOptions& options) {
    made.rerun = next_command(made, options);
    const Status written = write_pages(made, options);
    if (!written.ok()) return report_failure(written, kFailed);
    return made.right() && made.measurement_error.empty() ? kDone : kFailed;
}

Result<CompareOptions> read_compare_options(const ParsedOptions& options) {
    CompareOptions wanted;
    AFS_ASSIGN(wanted.text, read_text(options));
    wanted.random_weights = options.text("random-weights");
    wanted.case_folder = options.text("case", "compare-case");
    wanted.timed = !options.has("no-speed");
    AFS_ASSIGN(const uint64_t tokens, options.number("judge-tokens", 0, 2, 1u << 16));
    AFS_ASSIGN(const uint64_t prompt, options.number("pp", 0, 1, 1u << 16));
    AFS_ASSIGN(const uint64_t generate, options.number("tg", 0, 1, 1u << 16));
    AFS_ASSIGN(const uint64_t seconds, options.number("seconds", 12, 1, 86400));
    wanted.judge_tokens = static_cast<uint32_t>(tokens);
    wanted.prompt = static_cast<uint32_t>(prompt);
    wanted.generate = static_cast<uint32_t>(generate);
    wanted.seconds = static_cast<double>(seconds);
    wanted.stop = [] { return interrupted() != 0; };
    return wanted;
}

int run_compare(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    const Status use = check_compare_use(options);
    if (!use.ok()) return report_failure(use, kUsage);
    const auto& files = options.positional();
    if (files.size() == 2 && (is_saved_run(files[0]) || is_saved_run(files[1]))) {
        const Status judged = check_saved_use(options);
        if (!judged.ok()) return report_failure(judged, kUsage);
        auto made = compare_saved(files[0], files[1]);
        return made ? finish(*made, options) : report_bad_input(made.status());
    }
    auto wanted = read_compare_options(options);
    if (!wanted) return report_bad_input(wanted.status());
    auto sides = find_sides(options);
    if (!sides) return report_bad_input(sides.status());
    if (sides->test)
        if (const Status fair = check_fair(sides->base.config, sides->test->config); !fair.ok())
            return report_failure(fair, kUsage);
    std::unique_ptr<Progress> progress;
    std::string stage;
    wanted->progress = [&](const std::string& now, uint64_t done, uint64_t total) {
        if (now != stage) progress = std::make_unique<Progress>(stage = now);
        progress->update(done, total);
    };
    auto made = compare(sides->base, sides->test ? &*sides->test : nullptr, *wanted);
    progress.reset();
    if (interrupted()) return 128 + interrupted();
    if (!made) {
        const bool opening = made.status().message().rfind("cannot open", 0) == 0;
        return opening ? report_not_opened(made.status()) : report_failure(made.status(), kFailed);
    }
    return finish(*made, options);
}

}  // namespace

const Command& compare_command() {
    static const Command command = {
        "compare",
        "A/B of two configurations: correctness first, then speed, then where it comes from",
        "afs-host compare --base A --test B,A | BASE.json TEST.json | --save RUN.json [options]",
        "afs-host compare --base reference --test reference",
        {{"base", "A,B", "kernels of the base; else the configuration's"},
         {"test", "A,B", "kernels of the test; else the configuration's"},
         {"save", "FILE",
          "judge and time the configuration alone and keep the run, to compare it later with one "
          "of the same --pp and --tg"},
         {"html", "FILE", "also a page with charts"},
         {"case", "DIR",
          "where a node that computed wrong is kept with its inputs (default compare-case)"},
         {"prompt,p", "TEXT", "the text whose tokens are judged (default: a story)"},
         {"file,f", "FILE", "take it from this file"},
         {"judge-tokens", "N", "how many of its tokens (default: 24 to 272, by the model's size)"},
         {"pp", "N", "prompt tokens of a timed visit (default: about 0.1 seconds of them)"},
         {"tg", "N", "tokens generated in a timed visit (default: about 0.1 seconds of them)"},
         {"seconds", "N", "about how long is timed (default 12)"},
         {"no-speed", "", "judge only"},
         {"random-weights", "SHAPE", "a model shape with random weights, as in bench"},
         {"json", "", "for machines, with every sample"},
         {"help,h", "", "this page"}},
        true,
        2,
        run_compare,
        {writes("save"), writes("html"),
         excludes("save", {"base", "test"},
                  "it keeps a run of one configuration, whose kernels --kernels names"),
         excludes("save", {"no-speed"}, "runs that were not timed cannot be compared"),
         excludes("no-speed", {"pp", "tg", "seconds"}), excludes("prompt", {"file"}),
         excludes("random-weights", {"model"}, "a shape takes the checkpoint's place"),
         excludes("random-weights", {"prompt", "file"}, "a shape has no tokenizer")}};
    return command;
}

}  // namespace afs
