// What struct_size is for: a newer host's structs are longer than the plugin knows, and it takes
// them as they are.
#include <cstring>
#include <deque>

#include "conformance/cases/case_list.hpp"
#include "conformance/cases/make_case.hpp"
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"
#include "conformance/checks/raw_instance.hpp"
#include "conformance/judge/judgement.hpp"
#include "loader/plugin_instance.hpp"
#include "planner/planner.hpp"  // layout_fault

namespace afs::conformance {
namespace {

template <class T>
struct Grown {
    T value;
    unsigned char more[64];
    explicit Grown(const T& from) : value(from) {
        value.struct_size = sizeof(Grown);
        std::memset(more, 0xcc, sizeof more);
    }
    bool touched() const {
        for (const unsigned char byte : more)
            if (byte != 0xcc) return true;
        return false;
    }
};

// A question in which every growable struct has grown, but for its parameters.
class GrownQuestion {
public:
    explicit GrownQuestion(const afs_query& q) : graph_(*q.graph), limits_(*q.limits), query_(q) {
        for (uint32_t i = 0; i < q.graph->n_values; ++i) values_.emplace_back(*q.graph->values[i]);
        for (auto& each : values_) value_list_.push_back(&each.value);
        nodes_.emplace_back(*q.graph->nodes[0]);
        node_list_.push_back(&nodes_.back().value);
        for (uint32_t i = 0; i < q.graph->n_kv_groups; ++i) {
            groups_.emplace_back(*q.graph->kv_groups[i]);
            group_list_.push_back(&groups_.back().value);
            layouts_.emplace_back(*q.kv_layouts[i]);
            layout_list_.push_back(&layouts_.back().value);
        }
        graph_.value.values = value_list_.data();
        graph_.value.nodes = node_list_.data();
        graph_.value.kv_groups = group_list_.data();
        query_.value.graph = &graph_.value;
        query_.value.limits = &limits_.value;
        query_.value.kv_layouts = layout_list_.data();
    }
    const afs_query& query() const { return query_.value; }

private:
    std::deque<Grown<afs_value>> values_;
    std::deque<Grown<afs_node>> nodes_;
    std::deque<Grown<afs_kv_group>> groups_;
    std::deque<Grown<afs_kv_layout>> layouts_;
    std::vector<const afs_value*> value_list_;
    std::vector<const afs_node*> node_list_;
    std::vector<const afs_kv_group*> group_list_;
    std::vector<const afs_kv_layout*> layout_list_;
    Grown<afs_graph> graph_;
    Grown<afs_limits> limits_;
    Grown<afs_query> query_;
};

// A small case of each op that the plugin takes.
std::vector<OpCase> supported_cases(Subject& s) {
    std::vector<OpCase> some;
    for (const std::string& op : all_ops())
        for (const CaseSpec& spec : op_cases(op, Level::quick)) {
            if (spec.family != "normal" || spec.act != spec.stored) continue;
            auto c = make_case(spec);
            if (!c) continue;
            OneNode node(*c);
            auto verdict = make<afs_verdict>();
            if (!s.backend->query(node.query(), verdict).ok() || !verdict.supported) continue;
            some.push_back(std::move(*c));
            break;
        }
    return some;
}

const afs_ops* ops_of(const Subject& s) {
    return static_cast<const afs_ops*>(s.file->table("afs.ops/1"));
}

OpCase any_case() {
    CaseSpec any = spec("add/1", AFS_F32, AFS_F32, "normal");
    any.set("n", 2).set("d", 8);
    return std::move(*make_case(any));
}

}  // namespace

void abi_unknown_op(Subject& s, CaseResult& r) {
    const OpCase c = any_case();
    const auto ask = [&](const std::string& what, auto change) {
        OneNode node(c);
        change(node);
        auto verdict = make<afs_verdict>();
        const Status status = s.backend->query(node.query(), verdict);
        if (threw(status)) return abi_fail(r, what + ": query throws", Ending::threw);
        if (!status.ok()) return;  // an error is an answer too
        if (verdict.supported) return abi_fail(r, what + ": query says yes");
        verdict.reason[sizeof verdict.reason - 1] = '\0';
        if (!verdict.reason[0]) abi_fail(r, what + ": query says no and gives no reason");
    };
    ask("an op that nobody knows", [](OneNode& n) { n.node().op = "no_such_op/7"; });
    ask("a later revision of an op", [](OneNode& n) { n.node().op = "add/99"; });
    ask("a step class that nobody knows", [](OneNode& n) { n.limits().step_class = 77; });
    ask("a dtype that nobody knows", [](OneNode& n) {
        for (uint32_t i = 0; i < 3; ++i) n.value(i).dtype = 4242;
    });
}

void abi_null_error(Subject& s, CaseResult& r) {
    const RawInstance instance(s);
    const afs_ops* ops = ops_of(s);
    if (!ops || !instance.why_not().empty()) return;
    const OpCase c = any_case();
    OneNode node(c);
    node.node().op = "no_such_op/7";
    auto verdict = make<afs_verdict>();
    try {
        (void)ops->query(instance.self(), &node.query(), &verdict, nullptr);
        afs_op* op = nullptr;
        if (ops->prepare(instance.self(), &node.query(), &op, nullptr) == AFS_OK && op)
            ops->drop(instance.self(), op);
    } catch (...) {
        abi_fail(r, "throws where the error argument is NULL", Ending::threw);
    }
}

void abi_wishes(Subject& s, CaseResult& r) {
    (void)s.backend->about();  // run_check says whether it threw
    CaseSpec any = spec("attention/1", AFS_BF16, AFS_BF16, "normal");
    any.set("h", 4).set("kv", 2).set("hd", 64).set("bs", 16).set("seqs", std::string("3+2"));
    const OpCase c = std::move(*make_case(any));
    const OneNode node(c);
    const afs_kv_group& group = *node.query().graph->kv_groups[0];
    constexpr uint32_t kMost = 64;
    for (uint32_t i = 0;; ++i) {
        auto wish = make<afs_kv_layout>();
        if (!s.backend->kv_layout(*node.query().graph, 0, i, wish)) return;
        if (i == kMost) return abi_fail(r, "its list of wishes does not end");
        const std::string fault = layout_fault(wish, group);
        if (!fault.empty())
            return abi_fail(r, "wish " + std::to_string(i) + " for the cache's layout " + fault);
    }
}

void abi_growth(Subject& s, CaseResult& r) {
    for (const OpCase& c : supported_cases(s)) {
        PreparedCase prepared(*s.backend, c, s.device, s.stream);
        const Outcome before = prepared.run();
        if (!fault_of(c, before).empty()) continue;  // the numeric group says it
        const GrownQuestion question(prepared.node().query());
        auto verdict = make<afs_verdict>();
        Status status = s.backend->query(question.query(), verdict);
        const std::string newer = c.op + ": structs of a newer host (longer than sizeof): ";
        if (!status.ok()) return abi_fail(r, newer + status.message());
        verdict.reason[sizeof verdict.reason - 1] = '\0';
        if (!verdict.supported) return abi_fail(r, newer + "query says no: " + verdict.reason);
        const auto op = s.backend->prepare(question.query());
        if (!op) return abi_fail(r, newer + "prepare: " + op.status().message());
        prepared.restore();
        Grown<afs_run> run(prepared.record());
        Grown<afs_step> step(*prepared.record().step);
        run.value.step = &step.value;
        status = (*op)->run(run.value);
        if (!status.ok()) return abi_fail(r, newer + "run: " + status.message());
        const Outcome after = prepared.take();
        const std::string fault = fault_of(c, after);
        if (!fault.empty()) return abi_fail(r, newer + fault);
        if (run.touched() || step.touched())
            return abi_fail(r, c.op + ": run writes past the structs it knows");
    }
}

}  // namespace afs::conformance
