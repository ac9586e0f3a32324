#include "afs/config/schema.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "afs/json.hpp"

namespace afs {

const std::vector<KeySpec>& config_schema() {
    using T = KeyType;
    static const std::vector<KeySpec> schema = {
        {"model.plugin", T::text, nullptr, "model-plugin", "model family, e.g. olmo2 or llama3"},
        {"model.path", T::path, nullptr, "model",
         "checkpoint folder or file; unset: models.<model.plugin>.path"},
        {"model.dtype", T::choice, nullptr, "dtype",
         "type of the activations; unset: the checkpoint's", 0, 0, "fp32|bf16|fp16|fp64"},
        {"quantize", T::choice, nullptr, "quantize",
         "matrices of fp32, bf16 or fp16 in fewer bits from loading on; unset: as the checkpoint "
         "has them",
         0, 0, "int8|int4"},
        {"models.*.path", T::path, nullptr, nullptr,
         "checkpoint of a model family when model.path is unset"},
        {"tokenizer.plugin", T::text, "\"auto\"", "tokenizer",
         "tokenizer plugin; auto: the one that knows the files best"},
        {"tokenizer.path", T::path, nullptr, "tokenizer-path",
         "folder or file of the tokenizer; unset: the checkpoint's folder"},
        {"kernels", T::list, nullptr, "kernels",
         "kernel plugins in the order in which they may take nodes; auto: the first of `auto` that "
         "works here"},
        {"auto", T::list, "[]", nullptr,
         "what \"auto\" among `kernels` stands for, best first; those behind the choice take what "
         "it does not support"},
        {"fallback", T::list, "[]", "fallback",
         "kernel plugins for nodes that none of `kernels` supports; counted and shown"},
        {"threads", T::integer, nullptr, "threads",
         "processor threads of each kernel plugin that has some; unset: one for each processor "
         "that may be used",
         1, 1024},
        {"pin.**", T::text, nullptr, nullptr,
         "tag pattern or op id -> kernel plugin that must run it"},
        {"checks", T::list, nullptr, "checks", "environment checks to run; unset: all there are"},
        {"sampling.temperature", T::number, nullptr, "temperature",
         "0: greedy; unset, as all of these: the checkpoint's, else 0", 0, 1000},
        {"sampling.top_k", T::integer, nullptr, "top-k", "keep the k likeliest; 0: all", 0,
         2147483647},
        {"sampling.top_p", T::number, nullptr, "top-p",
         "keep the likeliest whose probabilities reach this sum; 1: all", 0, 1},
        {"sampling.min_p", T::number, nullptr, "min-p",
         "keep ids at least this probable relative to the likeliest; 0: all", 0, 1},
        {"sampling.repetition_penalty", T::number, nullptr, "repetition-penalty",
         "divides (positive) or multiplies (negative) logits of ids already seen; 1: none", 0.01,
         100},
        {"sampling.seed", T::integer, "1", "seed",
         "seed of the counter-based generator: the same seed draws the same text", 0,
         18446744073709551615.0},
        {"chat.template", T::text, nullptr, "chat-template",
         "chat template by name; unset: the checkpoint's own, recognised"},
        {"chat.date_string", T::text, nullptr, "date-string",
         "the date that a chat template writes, as \"26 Jul 2024\"; unset: the template's own, or "
         "today's"},
        {"deterministic", T::flag, "false", "deterministic",
         "the same bits whatever the batch: one step class, deterministic kernels"},
        {"engine.max_context", T::integer, nullptr, "max-context",
         "longest sequence in tokens; unset: the model's own, at most 4096", 1, 16777216},
        {"engine.max_sequences", T::integer, "8", "max-sequences", "sequences that may run at once",
         1, 65536},
        {"engine.block_size", T::integer, "16", "block-size", "tokens of a KV cache block", 1,
         4096},
        {"engine.kv_memory_mib", T::integer, nullptr, "kv-memory-mib",
         "memory of the KV cache in MiB; unset: what max_context and max_sequences need", 1,
         16777216},
        {"engine.prefill_chunk", T::integer, nullptr, "prefill-chunk",
         "most prompt tokens in one step; unset: 512, 4096 in a device's own memory, fewer where "
         "activations would be large",
         1, 1048576},
        {"engine.prompts_first", T::flag, "false", "prompts-first",
         "who generates waits until every prompt is processed: a batch then starts together"},
        {"engine.run_ahead", T::flag, "true", "run-ahead",
         "enqueue the next step before the last token was read"},
        {"named_but_unused", T::choice, "\"error\"", "named-but-unused",
         "what a named kernel plugin without a node is", 0, 0, "error|warning"},
        {"allow_copies", T::integer, "0", "allow-copies",
         "copies between memories that one decode step may make", 0, 1000000},
        {"check_tensors", T::flag, "false", "check-tensors",
         "read every weight at load and refuse NaN and infinity"},
        {"packed_cache", T::path, nullptr, "packed-cache",
         "folder that keeps weights as a kernel plugin packed them, for the next start; unset: "
         "packed at every start"},
        {"plugin_path", T::paths, nullptr, "plugin-path",
         "folders searched for plugins before those beside the program"},
        {"plugins.*.path", T::path, nullptr, nullptr, "file of a plugin"},
        {"plugins.*.**", T::option, nullptr, nullptr, "option passed to the plugin"},
        {"compare", T::raw, nullptr, nullptr,
         "what `compare` compares: {\"base\": {...}, \"test\": {...}}, each laid over this config"},
    };
    return schema;
}

namespace {

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    for (size_t start = 0;;) {
        const size_t end = text.find(by, start);
        parts.push_back(text.substr(start, end - start));
        if (end == std::string_view::npos) return parts;
        start = end + 1;
    }
}

bool covers(const KeySpec& spec, std::string_view key) {
    const auto pattern = split(spec.key, '.'), parts = split(key, '.');
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (i >= parts.size() || parts[i].empty()) return false;
        if (pattern[i] == "**") return !parts.back().empty();
        if (pattern[i] != "*" && pattern[i] != parts[i]) return false;
    }
    return pattern.size() == parts.size();
}

// Levenshtein distance, O(|a| * |b|).
size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string range_text(const KeySpec& spec) {
    json::Value min = json::Value::of(spec.min), max = json::Value::of(spec.max);
    if (spec.min == static_cast<double>(static_cast<int64_t>(spec.min)))
        min = json::Value::of(static_cast<int64_t>(spec.min));
    if (spec.max >= 18446744073709551615.0)
        max = json::Value::of(UINT64_MAX);
    else if (spec.max == static_cast<double>(static_cast<int64_t>(spec.max)))
        max = json::Value::of(static_cast<int64_t>(spec.max));
    return "from " + json::dump(min) + " to " + json::dump(max);
}

}  // namespace

const KeySpec* find_key(std::string_view key) {
    for (const KeySpec& spec : config_schema())
        if (covers(spec, key)) return &spec;
    return nullptr;
}

std::string environment_name(const KeySpec& spec) {
    if (!spec.flag) return "";
    std::string name = "AFS_";
    for (const char* c = spec.flag; *c; ++c)
        name += *c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
    return name;
}

const KeySpec* find_environment_key(std::string_view name) {
    for (const KeySpec& spec : config_schema())
        if (spec.flag && environment_name(spec) == name) return &spec;
    return nullptr;
}

std::string expectation(const KeySpec& spec) {
    switch (spec.type) {
        case KeyType::text: return "text";
        case KeyType::choice: return std::string("one of ") + spec.choices;
        case KeyType::path: return "a path";
        case KeyType::flag: return "true or false";
        case KeyType::integer: return "a whole number " + range_text(spec);
        case KeyType::number: return "a number " + range_text(spec);
        case KeyType::list: return "a list of names";
        case KeyType::paths: return "a list of paths";
        case KeyType::option: return "text, a number, true, false or a list";
        case KeyType::raw: return "JSON";
    }
    return "";
}

std::string nearest(std::string_view unknown, const std::vector<std::string>& known) {
    const std::string text(unknown.substr(0, 200));
    const std::string* best = nullptr;
    size_t least = std::max<size_t>(2, text.size() / 3) + 1;
    for (const std::string& candidate : known) {
        const size_t distance = edit_distance(text, candidate);
        if (distance < least) {
            least = distance;
            best = &candidate;
        }
    }
    return best ? " (did you mean '" + *best + "'?)" : "";
}

std::string environment_example() {
    std::string out =
        "# Settings of afs-host through the environment. Copy this file to .env, in the folder\n"
        "# where you start afs-host or beside the configuration file, and uncomment what you "
        "need.\n"
        "# A variable of the process wins over .env, .env wins over the configuration, the "
        "command\n"
        "# line wins over all. Lists are comma separated, AFS_PLUGIN_PATH colon separated; paths\n"
        "# are relative to the folder of this file.\n"
        "\n# the configuration file (not read from a .env beside the configuration)\n"
        "#AFS_CONFIG=configs/default.json\n";
    for (const KeySpec& spec : config_schema()) {
        const std::string name = environment_name(spec);
        if (name.empty()) continue;
        out += "\n# " + std::string(spec.key) + ": " + spec.help + "\n# " + expectation(spec);
        if (spec.fallback) out += "; default " + std::string(spec.fallback);
        out += "\n#" + name + "=\n";
    }
    return out;
}

}  // namespace afs
