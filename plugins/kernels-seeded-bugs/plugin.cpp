// kernels-seeded-bugs: every op, right but for one chosen bug. Conformance must find each of them:
// afs-host conformance --self-test. Option "bug": a name or a number from 1, 0 or none for
// none; open says NOT_FOUND past the last, describe says which it is ("name|op|what it does").
#include <charconv>

#include "afs/plugin/kernels.hpp"
#include "afs/plugin/op_shapes.hpp"
#include "backend.hpp"

namespace afs::seeded {
namespace {

struct Entry {
    const char* op;
    Body body;
    void (*require)(plugin::OpCheck&);
};

constexpr Entry kEntries[] = {
    {"embed/1", embed, plugin::require_embed},
    {"rms_norm/1", rms_norm, plugin::require_rms_norm},
    {"linear/1", linear, plugin::require_linear},
    {"rope/1", rope, plugin::require_rope},
    {"kv_append/1", kv_append, [](plugin::OpCheck& c) { plugin::require_kv_append(c); }},
    {"attention/1", attention, [](plugin::OpCheck& c) { plugin::require_attention(c); }},
    {"swiglu/1", swiglu, plugin::require_swiglu},
    {"add/1", add, plugin::require_add},
    {"select_rows/1", select_rows, plugin::require_select_rows},
    {"sample/1", sample, plugin::require_sample}};

const Entry* find(const char* op) {
    for (const Entry& entry : kEntries)
        if (std::strcmp(entry.op, op) == 0) return &entry;
    return nullptr;
}

class SeededOp final : public Op {
public:
    SeededOp(const Node& node, Bug bug) : body_(find(node.op())->body) {
        state_.bug = bug;
        if (node.is("rms_norm/1")) state_.norm = node.params<afs_rms_norm_params>();
        if (node.is("rope/1")) state_.rope = node.params<afs_rope_params>();
        if (node.is("attention/1")) state_.attention = node.params<afs_attention_params>();
    }
    Status run(const afs_run& run) override {
        body_(run, state_);
        return {};
    }

private:
    Body body_;
    OpState state_;
};

class Backend final : public KernelBackend {
public:
    explicit Backend(const BugEntry* entry) : entry_(entry) {}
    static Result<std::unique_ptr<KernelBackend>> create(const OpenArgs& args) {
        const auto it = args.options.find("bug");
        const std::string text =
            it == args.options.end() || it->second == "none" ? "0" : it->second;
        size_t number = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, number);
        const bool is_number = error == std::errc() && stop == end;
        const BugEntry* entry = is_number ? bug_entry(number) : bug_named(text);
        if (!entry && !(is_number && number == 0))
            return not_found("option 'bug': expected a name or a number from 0 to " +
                             std::to_string(n_bugs()) + ", found '" + text + "'");
        return std::unique_ptr<KernelBackend>(new Backend(entry));
    }
    std::string about() const override {
        if (!entry_) return "no bug";
        return std::string(entry_->name) + "|" + entry_->op + "|" + entry_->text;
    }
    Status query(const afs_query& query, afs_verdict& out) override {
        const Node node(query);
        const Entry* entry = find(node.op());
        plugin::OpCheck check(query, {AFS_F32, AFS_BF16, AFS_F16});
        check.require(entry, std::string("no op ") + node.op() + " in this plugin");
        check.require(check.limits().step_class <= AFS_CLASS_DECODE, "unknown step class");
        if (check.reason().empty()) entry->require(check);
        if (!check.answer(out)) return {};
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
        out.workspace_bytes = 64;
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query& query) override {
        auto verdict = make<afs_verdict>();
        AFS_TRY(this->query(query, verdict));
        if (!verdict.supported) return unsupported(verdict.reason);
        const bool here = entry_ && Node(query).is(entry_->op);
        return std::unique_ptr<Op>(new SeededOp(Node(query), here ? entry_->bug : Bug::none));
    }

private:
    const BugEntry* entry_;
};

}  // namespace
}  // namespace afs::seeded

AFS_KERNELS_PLUGIN(afs::seeded::Backend, "seeded-bugs", "0.1.0", "Apache-2.0", "cpu/1", nullptr,
                   "afs.ops/1");
