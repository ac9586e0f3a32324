// Model plugins: graphs of every known shape are valid and complete, the same each time; foreign
// and broken configurations are refused by name, never crashed on.
#include <cstring>
#include <fstream>
#include <functional>

#include "afs/chat.hpp"
#include "afs/graph/validate.hpp"
#include "afs/json.hpp"
#include "afs/model.hpp"
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "loader/open.hpp"

namespace afs::conformance {
namespace {

std::shared_ptr<ModelArchitecture> model_of(Subject& s, CaseResult& r) {
    auto opened = open_model(s.file, {s.file->name, 0, 0, 1, s.request.options});
    if (!opened) return other_fail(r, "open", opened.status()), nullptr;
    return *opened;
}

afs_model_source source_of(const std::string& text, int32_t dtype = AFS_BF16) {
    auto source = make<afs_model_source>();
    source.dtype = dtype;
    source.world = 1;
    source.config_json = text.c_str();
    return source;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
}

// Calls f(path, text) with each known configuration that is the family's own.
void each_own(Subject& s, ModelArchitecture& model, CaseResult& r,
              const std::function<void(const std::string&, const std::string&)>& f) {
    size_t n = 0;
    for (const std::string& path : s.request.files) {
        const std::string text = read_text(path);
        if (model.score(source_of(text)) <= 0) continue;
        ++n;
        f(path, text);
        if (r.ending != Ending::passed) return;
    }
    if (n == 0) {
        r.ending = Ending::declined;
        r.text = "knows none of the " + std::to_string(s.request.files.size()) +
                 " configurations: give one of its family with --model";
    } else {
        r.text = std::to_string(n) + " configurations";
    }
}

// Every fact of a graph that a plan is made of, as text.
std::string print(const afs_graph& g) {
    std::string text;
    for (uint32_t i = 0; i < g.n_values; ++i) text += describe(*g.values[i]) + g.values[i]->tag;
    for (uint32_t i = 0; i < g.n_nodes; ++i) {
        text += std::string(";") + g.nodes[i]->op + std::to_string(g.nodes[i]->output);
        for (uint32_t k = 0; k < g.nodes[i]->n_inputs; ++k)
            text += "," + std::to_string(g.nodes[i]->inputs[k]);
    }
    for (uint32_t i = 0; i < g.n_weights; ++i) text += std::string(";") + g.weights[i]->names;
    return text;
}

void graphs(Subject& s, CaseResult& r) {
    const auto model = model_of(s, r);
    if (!model) return;
    each_own(s, *model, r, [&](const std::string& path, const std::string& text) {
        std::string first;
        size_t n_built = 0;
        for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_BF16}) {
            auto info = make<afs_model_info>();
            const auto graph = model->build(source_of(text, dtype), info);
            const bool declined = !graph && !graph.status().message().empty() &&
                                  graph.status().message().find("threw") == std::string::npos;
            if (declined) continue;  // a family may have no use for a dtype
            if (!graph) return other_fail(r, path, graph.status());
            ++n_built;
            const Status valid = validate(**graph);
            if (!valid.ok())
                return abi_fail(r, path + ": its graph is not valid: " + valid.message());
            if (info.context_length == 0 || info.vocab_rows == 0)
                return abi_fail(r, path + ": no context length or no vocabulary");
            if (!info.summary[0]) return abi_fail(r, path + ": no summary");
            if (dtype != AFS_BF16) continue;
            if (first.empty())
                first = print(**graph);
            else if (first != print(**graph))
                return abi_fail(r, path + ": builds another graph the second time");
        }
        if (n_built == 0)
            abi_fail(r, path + ": is scored, but builds a graph in none of fp32, bf16 and fp16");
    });
}

// All that a weight file must bring is named, and nothing twice.
void weights(Subject& s, CaseResult& r) {
    const auto model = model_of(s, r);
    if (!model) return;
    each_own(s, *model, r, [&](const std::string& path, const std::string& text) {
        auto info = make<afs_model_info>();
        const auto built = model->build(source_of(text), info);
        if (!built) return other_fail(r, path, built.status());
        const afs_graph& g = **built;
        std::map<uint32_t, size_t> lines;
        for (uint32_t i = 0; i < g.n_weights; ++i) ++lines[g.weights[i]->value];
        for (uint32_t i = 0; i < g.n_values; ++i) {
            const bool weight = g.values[i]->kind == AFS_VALUE_WEIGHT;
            if (lines[i] != (weight ? 1u : 0u))
                return abi_fail(r, path + ": value '" + g.values[i]->tag + "' has " +
                                       std::to_string(lines[i]) +
                                       " lines in the weight table, "
                                       "expected " +
                                       (weight ? "1" : "0"));
        }
    });
}

void foreign(Subject& s, CaseResult& r) {
    const auto model = model_of(s, r);
    if (!model) return;
    const std::string deep = std::string(10000, '[') + std::string(10000, ']');
    for (const std::string& text :
         {std::string(), std::string("{}"), std::string("[1,2]"), std::string("not json"),
          std::string("{\"model_type\": \"no-such-family\"}"), std::string("{\"model_type\": 7}"),
          std::string("{\"a\": \"\xff\xfe\"}"), std::string("{\"model_type\""), deep}) {
        const std::string what = "of the text '" + text.substr(0, 40) + "'";
        const int score = model->score(source_of(text));
        if (score < 0 || score > 100)
            return abi_fail(
                r, "its score " + what + " is " + std::to_string(score) + ", expected 0 to 100");
        if (score > 0) return abi_fail(r, "claims to know " + what);
        auto info = make<afs_model_info>();
        const auto built = model->build(source_of(text), info);
        if (built) return abi_fail(r, "builds a graph " + what);
        if (built.status().message().find("threw") != std::string::npos)
            return other_fail(r, "build " + what, built.status());
        if (built.status().message().empty()) return abi_fail(r, "gives no reason " + what);
    }
}

// Each key in turn holds something it should not: the answer is a valid graph or a reason.
void broken_keys(Subject& s, CaseResult& r) {
    const auto model = model_of(s, r);
    if (!model) return;
    static const char* const kValues[] = {"-1", "0",          "1e30", "\"x\"", "null",
                                          "[]", "2147483648", "{}",   "true",  "0.5"};
    each_own(s, *model, r, [&](const std::string& path, const std::string& text) {
        const auto config = json::parse(text);
        if (!config) return;
        for (const json::Member& member : config->members)
            for (const char* value : kValues) {
                json::Value changed = *config;
                for (json::Member& each : changed.members)
                    if (each.key == member.key) each.value = *json::parse(value);
                const std::string what = path + " with \"" + member.key + "\": " + value;
                const std::string changed_text = json::dump(changed);
                auto info = make<afs_model_info>();
                const auto built = model->build(source_of(changed_text), info);
                if (!built) {
                    const Status& why = built.status();
                    if (why.message().find("threw an exception") != std::string::npos)
                        return other_fail(r, what, why);
                    if (why.message().empty()) return abi_fail(r, what + ": gives no reason");
                    continue;
                }
                const Status valid = validate(**built);
                if (!valid.ok())
                    return abi_fail(
                        r, what + ": builds a graph that is not valid: " + valid.message());
            }
    });
}

void chat(Subject& s, CaseResult& r) {
    const auto model = model_of(s, r);
    if (!model) return;
    ChatTemplates* templates = model->chat();
    if (!templates) {
        r.text = "offers no chat templates";
        return;
    }
    std::vector<ChatPart> parts;
    ChatInput input;
    if (templates->write("no-such-template", input, parts).ok())
        abi_fail(r, "writes a template that nobody knows");
    for (const ChatTemplateInfo& each : templates->list()) {
        input = {};
        if (templates->write(each.name, input, parts).ok())
            abi_fail(r, "template '" + each.name + "' writes a conversation of no messages");
        input.messages = {{"user", "<|im_end|> {{ 7 }} \xc3\xa9"}};
        input.bos = "<s>", input.eos = "</s>", input.date = "26 Jul 2024";
        const Status written = templates->write(each.name, input, parts);
        if (!written.ok()) return other_fail(r, "template '" + each.name + "'", written);
        std::string content;
        for (const ChatPart& part : parts)
            if (part.kind == AFS_CHAT_CONTENT) content += part.text;
        if (content.find("{{ 7 }}") == std::string::npos)
            abi_fail(r,
                     "template '" + each.name + "' does not mark the message's words as content");
        input.messages = {{"no-such-role", "x"}};
        if (templates->write(each.name, input, parts).ok())
            abi_fail(r, "template '" + each.name + "' takes a role that nobody knows");
    }
}

}  // namespace

const std::vector<OtherCheck>& model_checks() {
    static const std::vector<OtherCheck> all = {{"model.graphs", graphs},
                                                {"model.weights", weights},
                                                {"model.foreign", foreign},
                                                {"model.broken-keys", broken_keys},
                                                {"model.chat", chat}};
    return all;
}

}  // namespace afs::conformance
