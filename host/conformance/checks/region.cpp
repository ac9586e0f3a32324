// Programs of afs.graph/1: the sets of nodes that a plugin claims in the graph of a real
// checkpoint, judged where others see them. An id is "region.<checkpoint>.<dtype>".
//
// A fused region may keep what is inside it wider than its ops say, so no single op's bound holds
// there. What it hands on is measured from fp64, against what the reference's ops lose in the same
// dtype: the measure of a whole step.
#include <cstdio>
#include <filesystem>
#include <set>

#include "conformance/cases/families.hpp"  // hash
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"
#include "runtime/runtime.hpp"
#include "trace/logit_judge.hpp"
#include "trace/unit_cost.hpp"  // unit_tags
#include "trace/values.hpp"
#include "trace/workload.hpp"  // valid_ids

namespace afs::conformance {
namespace {

constexpr uint32_t kTokens = 40;
constexpr uint32_t kSteps[] = {0, 7, 1};  // tokens a step: the whole prompt, parts of it, decode

struct Steps {
    std::vector<float> logits;
    TracedValues values;
};

Result<Config> config_for(const Subject& s, const std::string& checkpoint,
                          const std::string& dtype) {
    const std::string origin = "conformance", name = s.file->name;
    std::string kernels = name;
    std::vector<Override> overrides = {{"model.path", checkpoint, origin},
                                       {"model.plugin", "auto", origin},
                                       {"model.dtype", dtype, origin},
                                       {"named_but_unused", "warning", origin},
                                       {"engine.max_context", "64", origin},
                                       {"engine.max_sequences", "1", origin},
                                       {"plugins." + name + ".path", s.file->path, origin}};
    for (const auto& [key, value] : s.request.options)
        overrides.push_back({"plugins." + name + "." + key, value, origin});
    if (!s.request.owner_path.empty()) {
        AFS_ASSIGN(const auto owner, load_plugin(s.request.owner_path, "kernels"));
        overrides.push_back({"plugins." + owner->name + ".path", owner->path, origin});
        kernels += "," + owner->name;
    } else if (s.file->domain == "cpu/1") {
        kernels += ",reference";
    }
    overrides.push_back({"kernels", kernels, origin});
    ConfigRequest request;
    request.overrides = std::move(overrides);
    request.working_folder = "/";
    request.environment.emplace();  // nobody's settings but these
    return Config::load(request);
}

Result<std::unique_ptr<Runtime>> judge_of(const Config& config, const Runtime* weights_of,
                                          const std::string& dtype) {
    const std::string origin = "conformance's judge";
    AFS_ASSIGN(const Config judge,
               config.with({{"kernels", "reference", origin}, {"model.dtype", dtype, origin}}));
    RuntimeOptions options;
    options.tokenizer = false;
    options.weights_of = weights_of;
    return Runtime::open(judge, options);
}

Result<Steps> run_steps(Runtime& runtime, const std::vector<std::string>& tags,
                        const std::vector<int32_t>& ids, uint32_t chunk) {
    Steps steps;
    AFS_ASSIGN(steps.values, trace_values(runtime.engine(), tags, ids, chunk, &steps.logits));
    return steps;
}

std::string tag_of(const Plan& plan, uint32_t value) {
    return plan.abi->values[value]->tag;
}

class Regions {
public:
    Regions(Runtime& side, Runtime& exact, Runtime& rounded, CaseResult& r)
        : side_(side), exact_(exact), rounded_(rounded), r_(r) {
        for (uint64_t i = 0; i < kTokens; ++i)
            ids_.push_back(
                static_cast<int32_t>(hash(7, i) % static_cast<uint64_t>(valid_ids(side))));
    }

    Status judge() {
        const auto tags = matching_tags(side_.plan(), "all");
        AFS_ASSIGN(truth_, run_steps(exact_, tags, ids_, 0));
        AFS_ASSIGN(theirs_, run_steps(rounded_, tags, ids_, 0));
        for (const uint32_t chunk : kSteps) {
            const ClassPlan& plan = side_.plan().class_for(chunk == 1);
            std::vector<std::string> outputs;
            for (const Unit* unit : programs(plan))
                for (const uint32_t value : unit->outputs)
                    if (truth_.values.count(tag_of(side_.plan(), value)))
                        outputs.push_back(tag_of(side_.plan(), value));
            AFS_ASSIGN(const Steps got, run_steps(side_, outputs, ids_, chunk));
            step_ = chunk == 1 ? "decode steps"
                    : chunk    ? "steps of " + std::to_string(chunk) + " tokens"
                               : "a step of " + std::to_string(kTokens) + " tokens";
            for (const Unit* unit : programs(plan)) {
                AFS_TRY(judge_unit(*unit, got, chunk));
                if (r_.ending != Ending::passed) return {};
            }
            judge_logits_of(got);
            if (r_.ending == Ending::passed) continue;
            return find_inside(plan, chunk);
        }
        return {};
    }

    static std::vector<const Unit*> programs(const ClassPlan& plan) {
        std::vector<const Unit*> some;
        for (const Unit& unit : plan.units)
            if (unit.kind == UnitKind::program) some.push_back(&unit);
        return some;
    }

private:
    // Whether one value leaves its class; the numbers into text.
    bool wrong(const Steps& got, const std::string& tag, std::string& text) const {
        const auto value = got.values.find(tag);
        const auto exact = truth_.values.find(tag), rounded = theirs_.values.find(tag);
        if (value == got.values.end() || exact == truth_.values.end() ||
            rounded == theirs_.values.end() ||
            value->second.data.size() != exact->second.data.size())
            return false;
        const ErrorRatio e =
            error_ratio(value->second.data, exact->second.data, &rounded->second.data,
                        static_cast<size_t>(exact->second.width()));
        char numbers[160];
        std::snprintf(numbers, sizeof numbers,
                      ": from fp64 max %.3g, RMS %.3g; the reference's own %.3g, %.3g", e.max,
                      e.rms, e.their_max, e.their_rms);
        text = tag + numbers;
        return !e.holds(sums_in_dtype() ? kOrderOfSums : 1);
    }

    Status judge_unit(const Unit& unit, const Steps& got, uint32_t chunk) {
        for (const uint32_t value : unit.outputs) {
            std::string text;
            if (!wrong(got, tag_of(side_.plan(), value), text)) continue;
            fail("program of " + unit_tags(side_.plan(), unit) + " in " + step_ + ", output " +
                 text);
            return find_inside(side_.plan().class_for(chunk == 1), chunk);
        }
        return {};
    }

    void judge_logits_of(const Steps& got) {
        const size_t width = truth_.logits.size() / ids_.size();
        const LogitVerdict v = judge_logits(got.logits, truth_.logits, theirs_.logits, width,
                                            static_cast<size_t>(valid_ids(side_)), sums_in_dtype());
        if (!v.ok) fail("logits in " + step_ + ": " + v.why);
    }

    bool sums_in_dtype() const { return side_.dtype() == "fp32"; }

    void fail(const std::string& text) {
        r_.rules = "S";
        r_.ending = Ending::failed;
        r_.text = text;
    }

    // The first value that leaves its class, of those that the programs show when asked to.
    Status find_inside(const ClassPlan& plan, uint32_t chunk) {
        const auto tags = matching_tags(side_.plan(), "all");
        AFS_ASSIGN(const Steps got, run_steps(side_, tags, ids_, chunk));
        std::set<uint32_t> nodes;
        for (const Unit* unit : programs(plan))
            nodes.insert(unit->nodes.begin(), unit->nodes.end());
        for (const uint32_t node : nodes) {  // in the order they run
            const uint32_t output = side_.plan().abi->nodes[node]->output;
            std::string text;
            if (!wrong(got, tag_of(side_.plan(), output), text)) continue;
            r_.looks_like = std::string("wrong from ") + side_.plan().abi->nodes[node]->op +
                            " on: the first value that leaves its class is " + text;
            break;
        }
        return {};
    }

    Runtime &side_, &exact_, &rounded_;
    CaseResult& r_;
    std::vector<int32_t> ids_;
    Steps truth_, theirs_;
    std::string step_;
};

Status judge_regions(const Subject& s, const std::string& checkpoint, const std::string& dtype,
                     CaseResult& r) {
    AFS_ASSIGN(const Config config, config_for(s, checkpoint, dtype));
    const auto rounded = judge_of(config, nullptr, dtype);
    if (!rounded) {  // such as a family that overflows in fp16
        r.ending = Ending::declined;
        r.text = rounded.status().message();
        return {};
    }
    RuntimeOptions options;
    options.tokenizer = false;
    options.weights_of = rounded->get();
    AFS_ASSIGN(const auto side, Runtime::open(config, options));
    size_t n_programs = 0, n_nodes = 0;
    for (const bool decode : {false, true})
        for (const Unit* unit : Regions::programs(side->plan().class_for(decode)))
            ++n_programs, n_nodes += unit->nodes.size();
    if (n_programs == 0) {
        r.ending = Ending::declined;
        r.text = "claims no set of nodes of this model in " + dtype;
        return {};
    }
    AFS_ASSIGN(const auto exact, judge_of(config, rounded->get(), "fp64"));
    AFS_TRY(Regions(*side, *exact, **rounded, r).judge());
    if (r.ending == Ending::passed)
        r.text = std::to_string(n_programs) + " programs of " + std::to_string(n_nodes) +
                 " nodes, in " + std::to_string(std::size(kSteps)) + " sorts of steps";
    return {};
}

}  // namespace

std::vector<std::string> region_ids(const std::vector<std::string>& checkpoints) {
    std::vector<std::string> ids;
    for (const std::string& checkpoint : checkpoints)
        for (const char* dtype : {"bf16", "fp16", "fp32"})
            ids.push_back("region." + std::filesystem::path(checkpoint).filename().string() + "." +
                          dtype);
    return ids;
}

CaseResult check_region(Subject& s, const std::string& id) {
    CaseResult r;
    r.id = id, r.group = "region";
    for (const std::string& checkpoint : s.request.files) {
        const size_t dot = id.rfind('.');
        if (id.substr(0, dot) != "region." + std::filesystem::path(checkpoint).filename().string())
            continue;
        const Status status = judge_regions(s, checkpoint, id.substr(dot + 1), r);
        if (status.ok()) return r;
        r.ending = threw(status)                      ? Ending::threw
                   : status.code() == Code::no_memory ? Ending::out_of_memory
                                                      : Ending::refused;
        r.text = status.message();
        r.device_lost = status.code() == Code::device;
        return r;
    }
    abi_fail(r, "there is no such checkpoint", Ending::refused);
    return r;
}

}  // namespace afs::conformance
