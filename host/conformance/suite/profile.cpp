#include "conformance/suite/profile.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "afs/config/config.hpp"
#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "conformance/cases/make_case.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"

namespace afs::conformance {
namespace {

namespace fs = std::filesystem;

// A folder of configs, beside the build tree or in the install prefix.
std::vector<fs::path> folders(const std::string& name = "conformance") {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    return {program / "../../../configs" / name, program / "../share/afs/configs" / name};
}

Result<std::string> member(const json::Value& object, const std::string& key,
                           const std::string& file) {
    const json::Value* value = object.find(key);
    if (!value || !value->is(json::Kind::string))
        return invalid(file + ": expected a text under \"" + key + "\"");
    return value->string;
}

class Lister {
public:
    Lister(const afs_graph& graph, int32_t act, int32_t stored, bool decode)
        : graph_(graph), act_(act), stored_(stored), decode_(decode) {}

    std::vector<CaseSpec> list() {
        for (uint32_t i = 0; i < graph_.n_nodes; ++i) add(*graph_.nodes[i]);
        return std::move(out_);
    }

private:
    const afs_value& in(const afs_node& node, uint32_t i) const {
        return *graph_.values[node.inputs[i]];
    }
    int32_t stored_of(const afs_value& weight) const {
        return weight.dtype == AFS_DTYPE_NONE ? stored_ : weight.dtype;
    }
    void add(const afs_node& node) {
        const std::string op = node.op;
        CaseSpec c = spec(op, act_, act_, "normal");
        const int64_t n = decode_ ? 2 : 17;
        const std::string sequences = decode_ ? "100+1_15+1" : "0+12_16+5";
        if (op == "rms_norm/1") {
            const auto& p = *static_cast<const afs_rms_norm_params*>(node.params);
            c.stored = stored_of(in(node, 1));
            c.set("n", n).set("d", in(node, 0).dims[1]);
            c.set("before", p.weight_before_cast != 0 ? 1 : 0);
            c.set_real("eps", static_cast<double>(p.eps));
        } else if (op == "linear/1") {
            c.stored = stored_of(in(node, 1));
            c.set("n", n).set("m", in(node, 1).dims[0]).set("k", in(node, 1).dims[1]);
        } else if (op == "rope/1") {
            const auto& p = *static_cast<const afs_rope_params*>(node.params);
            c.set("n", n).set("h", in(node, 0).dims[1] / p.head_dim);
            c.set("hd", int64_t{p.head_dim}).set("table", p.table_in_act_dtype ? 1 : 0);
            c.set_real("theta", p.theta);
            if (p.scaling == AFS_ROPE_LLAMA3) {
                c.set("llama", 1).set_real("factor", static_cast<double>(p.factor));
                c.set_real("low", static_cast<double>(p.low_freq_factor));
                c.set_real("high", static_cast<double>(p.high_freq_factor));
                c.set("orig", int64_t{p.original_max_position});
            }
        } else if (op == "attention/1" || op == "kv_append/1") {
            const afs_value& kv = op == "attention/1" ? in(node, 1) : *graph_.values[node.output];
            const afs_kv_group& group = *graph_.kv_groups[kv.kv_group];
            if (op == "attention/1") {
                const auto& p = *static_cast<const afs_attention_params*>(node.params);
                c.set("h", int64_t{p.n_heads});
            }
            c.set("kv", int64_t{group.n_kv_heads}).set("hd", int64_t{group.head_dim});
            c.set("bs", 16).set("seqs", sequences);
        } else if (op == "embed/1") {
            c.stored = stored_of(in(node, 0));
            c.set("n", n).set("v", in(node, 0).dims[0]).set("d", in(node, 0).dims[1]);
        } else if (op == "select_rows/1") {
            c.set("n", n).set("r", 2).set("d", in(node, 0).dims[1]);
        } else if (op == "sample/1") {
            c.set("n", 2).set("v", in(node, 0).dims[1]);
        } else {
            c.set("n", n).set("d", in(node, 0).dims[1]);
        }
        if (decode_) c.set("decode", 1);
        if (seen_.insert(c.id()).second) out_.push_back(std::move(c));
    }

    const afs_graph& graph_;
    const int32_t act_, stored_;
    const bool decode_;
    std::set<std::string> seen_;
    std::vector<CaseSpec> out_;
};

}  // namespace

std::vector<std::string> known_profiles() {
    std::set<std::string> names;
    std::error_code ignored;
    for (const fs::path& folder : folders())
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            if (entry.path().extension() == ".json") names.insert(entry.path().stem().string());
    return {names.begin(), names.end()};
}

std::vector<std::string> known_shapes() {
    std::vector<std::string> files;
    std::error_code ignored;
    for (const fs::path& folder : folders("shapes"))
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            files.push_back(entry.path().lexically_normal().string());
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<CaseSpec> graph_cases(const afs_graph& graph, int32_t act, int32_t stored,
                                  bool decode) {
    return Lister(graph, act, stored, decode).list();
}

Result<fs::path> find_profile(const std::string& name) {
    std::error_code ignored;
    if (fs::is_regular_file(name, ignored)) return fs::path(name);
    for (const fs::path& folder : folders()) {
        const fs::path file = folder / (name + ".json");
        if (fs::is_regular_file(file, ignored)) return file.lexically_normal();
    }
    std::string list;
    for (const std::string& each : known_profiles()) list += (list.empty() ? "" : ", ") + each;
    return not_found("no profile is called '" + name + "' and there is no such file; there are: " +
                     (list.empty() ? "none beside this program" : list));
}

Result<Profile> open_profile(const Config& config, const std::string& name) {
    AFS_ASSIGN(const fs::path file, find_profile(name));
    AFS_ASSIGN(const std::string text, read_text_file(file));
    AFS_ASSIGN(const json::Value value, json::parse(text, {file.string(), true}));
    Profile profile;
    profile.name = file.stem().string();
    AFS_ASSIGN(profile.summary, member(value, "summary", file.string()));
    AFS_ASSIGN(const std::string dtype_text, member(value, "dtype", file.string()));
    AFS_ASSIGN(const std::string class_text, member(value, "class", file.string()));
    const int32_t dtype = parse_dtype(dtype_text);
    if (dtype == AFS_DTYPE_NONE || (class_text != "decode" && class_text != "general"))
        return invalid(file.string() +
                       ": expected a dtype such as \"bf16\" and \"class\": "
                       "\"decode\" or \"general\"");
    const json::Value* shapes = value.find("shapes");
    if (!shapes || !shapes->is(json::Kind::array) || shapes->items.empty())
        return invalid(file.string() + ": expected \"shapes\": a list of names in configs/shapes");
    std::set<std::string> seen;
    for (const json::Value& shape : shapes->items) {
        AFS_ASSIGN(const OpenedModel model,
                   open_model_source(config, plugin_search(config), shape.string));
        for (CaseSpec& need :
             graph_cases(*model.graph, dtype, dtype, class_text == std::string("decode")))
            if (seen.insert(need.id()).second) profile.needs.push_back(std::move(need));
    }
    return profile;
}

CaseSpec affordable(const CaseSpec& need, Level level) {
    CaseSpec c = need;
    const int64_t most = level == Level::quick ? 1 << 20 : 1 << 23;  // products of a case
    if (need.op == "linear/1") {
        const int64_t k = need.number("k"), n = need.number("n");
        c.set("m", std::clamp<int64_t>(most / (k * n), 1, need.number("m")));
    }
    if (need.op == "embed/1")
        c.set("v",
              std::min<int64_t>(need.number("v"), std::max<int64_t>(most / need.number("d"), 64)));
    return c;
}

ProfileVerdict judge_profile(const Profile& profile, Level level,
                             const std::vector<CaseResult>& results) {
    ProfileVerdict v;
    v.name = profile.name;
    std::map<std::string, const CaseResult*> by_id;
    for (const CaseResult& r : results) by_id[r.id] = &r;
    std::map<std::string, bool> offered;
    for (const CaseSpec& need : profile.needs) {
        CaseSpec asked = need;
        asked.check = "offer";
        bool& is_offered = offered.emplace(need.op, true).first->second;
        const auto offer = by_id.find(asked.id());
        if (offer == by_id.end() || offer->second->ending != Ending::passed) {
            if (is_offered)
                v.missing.push_back(need.op + ": " +
                                    (offer == by_id.end() ? "not asked" : offer->second->text));
            is_offered = false;
            continue;
        }
        const auto ran = by_id.find(affordable(need, level).id());
        if (ran == by_id.end()) continue;
        ++v.n_cases;
        v.n_faults += is_fault(ran->second->ending) && ran->second->waiver.empty();
    }
    v.n_ops = offered.size();
    for (const auto& [op, yes] : offered) v.n_offered += yes;
    return v;
}

}  // namespace afs::conformance
