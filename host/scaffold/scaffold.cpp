#include "scaffold/scaffold.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "afs/config/schema.hpp"  // nearest
#include "loader/plugin_file.hpp"
#include "report/report.hpp"
#include "scaffold/templates.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;

// What the skeleton of an op says: what it reads and writes, and the test that it holds to account.
struct OpText {
    const char *inputs, *output, *params;
};
const std::map<std::string, OpText>& ops() {
    static const std::map<std::string, OpText> known = {
        {"embed/1", {"inputs[0]: table [vocab, d]; step->token_ids", "[n_tokens, d]", ""}},
        {"rms_norm/1",
         {"inputs[0]: x [n, d], inputs[1]: weight [d]", "[n, d]", "afs_rms_norm_params"}},
        {"linear/1", {"inputs[0]: x [n, k], inputs[1]: weight [m, k]", "[n, m]", ""}},
        {"rope/1",
         {"inputs[0]: x [n_tokens, heads * head_dim]; step->positions", "the same",
          "afs_rope_params"}},
        {"attention/1",
         {"inputs[0]: q [n_tokens, heads * head_dim]; run.kv, run.step",
          "[n_tokens, heads * head_dim]", "afs_attention_params"}},
        {"swiglu/1", {"inputs[0]: gate [n, f], inputs[1]: up [n, f]", "[n, f]", ""}},
        {"add/1", {"inputs[0]: a [n, d], inputs[1]: b [n, d]", "[n, d]", ""}},
        {"select_rows/1", {"inputs[0]: x [n_tokens, d]; step->logit_rows", "[n_rows, d]", ""}},
    };
    return known;
}

std::string replaced(std::string text, const std::map<std::string, std::string>& words) {
    for (const auto& [word, by] : words) {
        const std::string mark = "<<" + word + ">>";
        for (size_t at; (at = text.find(mark)) != std::string::npos;)
            text.replace(at, mark.size(), by);
    }
    return text;
}

// "my-rms" -> "MyRms"
std::string class_name(const std::string& name) {
    std::string made;
    bool upper = true;
    for (const char c : name) {
        if (c == '-') {
            upper = true;
            continue;
        }
        made += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        upper = false;
    }
    return made;
}

bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= 48 && name.front() >= 'a' && name.front() <= 'z' &&
           name.back() != '-' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

// What the project's test runs, with the program before it and the plugin's file after it.
std::string test_of(const ScaffoldRequest& request) {
    if (request.kind == "kernels")
        return "compare --base reference --test " + request.name +
               ",reference --no-speed --judge-tokens 40 --plugin";
    if (request.kind == "model")
        return "explain --kernels reference --model-plugin " + request.name +
               " --random-weights ${CMAKE_CURRENT_SOURCE_DIR}/config.json --plugin";
    if (request.kind == "tokenizer")
        return "tokenize --tokenizer " + request.name +
               " --tokenizer-path ${CMAKE_CURRENT_SOURCE_DIR} Once --plugin";
    return "doctor --set checks=" + request.name + " --plugin";
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> scaffold(const ScaffoldRequest& request) {
    if (!is_name(request.name))
        return invalid("'" + request.name +
                       "' is no name for a plugin: expected small letters, digits and '-', as in "
                       "my-rms");
    AFS_TRY(check_plugin_kind(request.kind));
    std::map<std::string, std::string> words = {{"NAME", request.name},
                                                {"KIND", request.kind},
                                                {"CLASS", class_name(request.name)},
                                                {"TEST", test_of(request)}};
    if (request.kind == "kernels") {
        const auto op = ops().find(request.op);
        std::vector<std::string> known;
        for (const auto& [id, text] : ops()) known.push_back(id);
        if (op == ops().end()) {
            std::string list;
            for (const std::string& id : known) list += (list.empty() ? "" : ", ") + id;
            return invalid("unknown op '" + request.op + "'" + nearest(request.op, known) +
                           "; the ops are " + list);
        }
        const std::string params = op->second.params;
        words["OP"] = request.op;
        words["INPUTS"] = op->second.inputs;
        words["OUTPUT"] = op->second.output;
        words["PARAMS_MEMBER"] = params.empty() ? "" : "    " + params + " params_;\n";
        words["PARAMS_INIT"] = params.empty() ? "" : " : params_(node.params<" + params + ">())";
        words["NODE"] = params.empty() ? "" : " node";
    }
    const auto& templates = scaffold_templates();
    std::vector<std::pair<std::string, std::string>> files;
    files.emplace_back("CMakeLists.txt", replaced(templates.at("CMakeLists.txt"), words));
    files.emplace_back("README.md", replaced(templates.at("README.md"), words));
    if (request.kind == "model")
        files.emplace_back("config.json", "{\"model_type\": \"" + request.name + "\"}\n");
    files.emplace_back("plugin.cpp", replaced(templates.at(request.kind + ".cpp"), words));
    return files;
}

Status write_scaffold(const ScaffoldRequest& request, const std::string& folder) {
    AFS_ASSIGN(const auto files, scaffold(request));
    std::error_code failed;
    if (fs::exists(folder, failed) &&
        (!fs::is_directory(folder, failed) || !fs::is_empty(folder, failed)))
        return invalid("'" + folder +
                       "' is there already and not empty: choose another folder with "
                       "--folder");
    for (const auto& [name, text] : files) AFS_TRY(report::write_file(folder + "/" + name, text));
    return {};
}

}  // namespace afs
