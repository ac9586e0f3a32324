#include <algorithm>
#include <cmath>

#include "afs/json.hpp"
#include "bench/work.hpp"
#include "compare/comparison.hpp"
#include "compare/machine.hpp"
#include "compare/wrong_case.hpp"
#include "engine/cpu_device.hpp"

namespace afs {
namespace {

constexpr double kJudgeWork = 3e9;  // parameters times tokens that a judge is given
constexpr uint32_t kLeastTokens = 24, kMostTokens = 272;  // past tiles of 64, 128 and 256
constexpr uint32_t kFewestTokens = 2;                     // a prompt step and one after it
constexpr uint32_t kMostRuns = 16;                        // of the search for the smallest set
// Smaller weights may stay in a cache, and a rate above the memory's is then no error.
constexpr uint64_t kBeyondCaches = uint64_t{256} << 20;

uint64_t n_parameters(const WeightSet& weights) {
    uint64_t all = 0;
    for (const Weight& weight : weights.weights()) {
        uint64_t n = 1;
        for (int32_t d = 0; d < weight.rank; ++d) n *= static_cast<uint64_t>(weight.dims[d]);
        all += n;
    }
    return all;
}

SideFacts facts_of(const Side& side, const Runtime& runtime) {
    SideFacts facts;
    facts.name = side.name;
    facts.kernels = kernels_text(side.config);
    facts.plan = runtime.plan().id;
    facts.dtype = runtime.dtype();
    facts.backends = runtime.plan().backends;
    for (Backend& backend : facts.backends) backend.api.reset();
    const ClassPlan& decode = runtime.plan().class_for(true);
    facts.n_launches = static_cast<uint32_t>(decode.units.size());
    facts.n_copies = decode.n_copies;
    for (const Placement& placement : decode.placements) facts.n_fallback += placement.fallback;
    return facts;
}

bool has_programs(const Plan& plan) {
    for (const ClassPlan& c : plan.classes)
        for (const Unit& unit : c.units)
            if (unit.kind == UnitKind::program) return true;
    return false;
}

class Comparer {
public:
    Comparer(const Side& base, const Side* test, const CompareOptions& options)
        : base_(base), test_(test ? *test : base), options_(options) {
        made_.single = !test;
    }

    Result<Comparison> run() {
        AFS_TRY(open());
        AFS_TRY(judge());
        if (made_.right()) {
            AFS_TRY(find_cut());
            if (options_.timed) AFS_TRY(measure());
        } else if (made_.wrong_side != "base") {
            AFS_TRY(reduce());
        }
        made_.made = report::time_text();
        return std::move(made_);
    }

private:
    bool other_model() const {
        return std::any_of(differences_.begin(), differences_.end(), [](const Difference& d) {
            return d.thing == "model" || d.thing == "model.plugin";
        });
    }

    void progress(const char* stage, uint64_t done, uint64_t total) const {
        if (options_.progress) options_.progress(stage, done, total);
    }

    Result<std::unique_ptr<Runtime>> open(const Config& config, bool tokenizer) {
        AFS_ASSIGN(const Config roomy, with_room(config, 0, 1, "compare"));
        RuntimeOptions wanted;
        wanted.random_weights = options_.random_weights;
        wanted.tokenizer = tokenizer && options_.random_weights.empty();
        if (base_runtime_ && !other_model()) wanted.weights_of = base_runtime_.get();
        return Runtime::open(roomy, wanted);
    }

    Status open() {
        differences_ = differences(base_.config, test_.config);
        for (const Difference& d : differences_) made_.changed.push_back(d.text);
        auto base = open(base_.config, true);
        if (!base) return base.status().context("cannot open " + base_.name);
        base_runtime_ = std::move(*base);
        made_.model = base_runtime_->model_name();
        made_.model_origin = base_runtime_->model_origin();
        made_.machine = machine_text(base_runtime_->plan());
        made_.base = facts_of(base_, *base_runtime_);
        for (const auto& [key, setting] : base_.config.settings())
            made_.settings[key] = json::dump(setting.value);
        if (!made_.single) {
            auto test = open(test_.config, false);
            if (!test) return test.status().context("cannot open " + test_.name);
            test_runtime_ = std::move(*test);
            made_.test = facts_of(test_, *test_runtime_);
            differing_ = differing_nodes(base_runtime_->plan(), test_runtime_->plan());
            made_.same_kernels = differing_.empty();
        }
        return find_ids();
    }

    // The text again and again until it is long enough; its first id (BOS) once.
    Status find_ids() {
        uint32_t n = options_.judge_tokens;
        if (n == 0) {
            const auto parameters = static_cast<double>(n_parameters(base_runtime_->weights()));
            n = static_cast<uint32_t>(std::clamp(kJudgeWork / std::max(1.0, parameters),
                                                 double{kLeastTokens}, double{kMostTokens}));
        }
        for (const auto* runtime : {&base_runtime_, &test_runtime_}) {
            if (!*runtime) continue;
            const Engine& engine = (*runtime)->engine();
            AFS_TRY(
                options_.judge_tokens
                    ? check_context(engine, uint64_t{n} + 1, "--judge-tokens " + std::to_string(n))
                    : check_context(engine, kFewestTokens + 1, "judging a text"));
            n = std::min(n, engine.stats().max_context - 1);
        }
        AFS_ASSIGN(ids_, prompt_ids(*base_runtime_, options_.text, n));
        const std::vector<int32_t> once = ids_;
        while (ids_.size() < n) {
            const size_t before = ids_.size();
            ids_.insert(ids_.end(), once.begin() + (once.size() > 1 ? 1 : 0), once.end());
            if (ids_.size() == before) break;
        }
        ids_.resize(std::min<size_t>(ids_.size(), n));
        made_.n_tokens = static_cast<uint32_t>(ids_.size());
        return {};
    }

    JudgeOptions judge_options(bool local) const {
        JudgeOptions options;
        options.local = local;
        options.stop = options_.stop;
        options.thorough.assign(base_runtime_->plan().abi->n_nodes, 0);
        for (const uint32_t node : differing_) options.thorough[node] = 1;
        return options;
    }

    Result<const Truth*> truth_of(const Side& side, Runtime& runtime, bool is_base) {
        const bool shared = !other_model() && base_runtime_->dtype() == runtime.dtype();
        std::optional<Truth>& truth = is_base || shared ? truth_ : test_truth_;
        if (!truth) {
            const bool values = has_programs(base_runtime_->plan()) ||
                                (test_runtime_ && has_programs(test_runtime_->plan()));
            AFS_ASSIGN(truth,
                       find_truth(side.config, runtime, options_.random_weights, ids_, values));
            // Only the base has a tokenizer, which says what columns are ids.
            if (!other_model()) truth->n_valid = static_cast<size_t>(valid_ids(*base_runtime_));
        }
        return &*truth;
    }

    Status judge() {
        progress("judging", 0, 3);
        AFS_ASSIGN(const Truth* truth, truth_of(base_, *base_runtime_, true));
        progress("judging", 1, 3);
        AFS_ASSIGN(made_.base.judgement,
                   judge_side(*base_runtime_, *truth, ids_, judge_options(true)));
        progress("judging", 2, 3);
        const bool base_right = made_.base.judgement->ok();
        bool test_right = true;
        if (test_runtime_) {
            AFS_ASSIGN(const Truth* other, truth_of(test_, *test_runtime_, false));
            AFS_ASSIGN(made_.test.judgement,
                       judge_side(*test_runtime_, *other, ids_, judge_options(true)));
            test_right = made_.test.judgement->ok();
        }
        progress("judging", 3, 3);
        made_.wrong_side = base_right ? (test_right ? "" : "test") : test_right ? "base" : "both";
        return {};
    }

    // Whether the result is wrong with only these nodes on the test's kernels.
    Result<bool> wrong_with(const std::vector<uint32_t>& nodes) {
        AFS_ASSIGN(
            const Config config,
            with_pins(test_.config,
                      pins_for(base_runtime_->plan(), test_runtime_->plan(), differing_, nodes),
                      "compare's search"));
        auto runtime = open(config, false);
        if (!runtime) return runtime.status().context("cannot place a part of the nodes");
        JudgeOptions options = judge_options(true);
        std::fill(options.thorough.begin(), options.thorough.end(), 0);
        for (const uint32_t node : nodes) options.thorough[node] = 1;
        options.most = 1e5;  // the others were judged before
        AFS_ASSIGN(const Truth* truth, truth_of(test_, **runtime, false));
        AFS_ASSIGN(const SideJudgement judgement, judge_side(**runtime, *truth, ids_, options));
        ++n_searched_;
        progress("searching the smallest set", n_searched_, kMostRuns);
        return !judgement.ok();
    }

    Status reduce() {
        const WrongTag* wrong = made_.test.judgement ? made_.test.judgement->first_wrong()
                                                     : made_.base.judgement->first_wrong();
        Runtime& side = test_runtime_ ? *test_runtime_ : *base_runtime_;
        if (wrong && !wrong->inside_program) {
            made_.case_folder = options_.case_folder + "/" + wrong->tag;
            AFS_TRY(write_case(side, *wrong, ids_, made_.case_folder));
            made_.conformance = conformance_arguments(side, *wrong, made_.n_tokens);
        }
        if (made_.wrong_side != "test" || differing_.empty()) return {};
        const auto ask = [this](const std::vector<uint32_t>& nodes) { return wrong_with(nodes); };
        SmallestSet found;
        const bool single = wrong && !wrong->inside_program &&
                            std::count(differing_.begin(), differing_.end(), wrong->node) > 0;
        auto alone = single ? wrong_with({wrong->node}) : Result<bool>(false);
        if (alone && *alone) {
            found = {{wrong->node}, 1, true};
        } else {
            // Pinned nodes run singly: what only a program gets wrong goes away with it.
            auto all = wrong_with(differing_);
            if (!all || !*all) {
                made_.notes.push_back(
                    !all ? "the smallest set was not searched: " + all.status().message()
                         : "run singly, the test's nodes are right: its program is what is wrong");
                return {};
            }
            auto searched = smallest_set(differing_, ask, kMostRuns - 2);
            if (!searched) {
                made_.notes.push_back("the search was ended: " + searched.status().message());
                return {};
            }
            found = std::move(*searched);
        }
        for (const uint32_t node : found.nodes)
            made_.smallest_tags.emplace_back(
                base_runtime_->plan()
                    .abi->values[base_runtime_->plan().abi->nodes[node]->output]
                    ->tag);
        made_.smallest = std::move(found);
        return {};
    }

    // Nodes that the base runs inside programs and the test runs elsewhere: a base that is cut at
    // them shows what the kernel costs, apart from what leaving the program costs.
    Status find_cut() {
        if (!test_runtime_) return {};
        const Plan &base = base_runtime_->plan(), &test = test_runtime_->plan();
        std::vector<std::pair<std::string, std::string>> pins;
        for (const uint32_t n : differing_)
            for (const bool decode : {false, true}) {
                const Placement &a = base.class_for(decode).placements[n],
                                &b = test.class_for(decode).placements[n];
                if (!a.claimed || b.claimed || b.backend == kHostOwned) continue;
                if (base.backends[a.backend].name == test.backends[b.backend].name) continue;
                pins.push_back({base.abi->values[base.abi->nodes[n]->output]->tag,
                                base.backends[a.backend].name});
                break;
            }
        made_.n_cut = static_cast<uint32_t>(pins.size());
        if (pins.empty()) return {};
        AFS_ASSIGN(Config config, with_pins(base_.config, pins, "compare's cut base"));
        auto runtime = open(config, false);
        if (!runtime) {
            made_.notes.push_back("the base could not be cut: " + runtime.status().message());
            return {};
        }
        AFS_ASSIGN(const SideJudgement judged,
                   judge_side(**runtime, *truth_, ids_, judge_options(false)));
        if (!judged.ok()) {
            made_.notes.push_back("the cut base is wrong (" + judged.first_bad()->verdict.why +
                                  "): it was not timed");
            return {};
        }
        cut_ = Side{"cut base", std::move(config)};
        return {};
    }

    Status measure() {
        const bool keep = !options_.random_weights.empty();  // drawing them again takes long
        test_runtime_.reset();
        if (!keep) base_runtime_.reset();
        std::vector<Side> sides = {base_};
        if (!made_.single) sides.push_back(test_);
        if (cut_) sides.push_back(*cut_);
        TimingOptions timing;
        timing.prompt = options_.prompt;
        timing.generate = options_.generate;
        timing.seconds = options_.seconds;
        timing.random_weights = options_.random_weights;
        timing.weights_of = base_runtime_.get();
        timing.stop = options_.stop;
        timing.progress = [this](uint64_t done, uint64_t total) {
            progress("timing", done, total);
        };
        AFS_ASSIGN(made_.timing, time_sides(sides, timing));
        if (!made_.timing->note.empty()) made_.notes.push_back(made_.timing->note);
        add_verdicts();
        AFS_TRY(attribute());
        return judge_again();
    }

    void add_verdicts() {
        const Timing& t = *made_.timing;
        const SideTimes &base = t.sides[0], &again = t.sides.back();
        const SideTimes& test = made_.single ? again : t.sides[1];
        const auto add = [&](const SideTimes& a, const SideTimes& b,
                             std::vector<SpeedVerdict>& to) {
            if (t.generate)
                to.push_back(verdict_of("tg" + std::to_string(t.generate), t.generate, a.token,
                                        b.token, again.token));
            if (t.prompt)
                to.push_back(verdict_of("pp" + std::to_string(t.prompt), t.prompt, a.prompt,
                                        b.prompt, again.prompt));
        };
        if (cut_) {
            add(t.sides[2], test, made_.speed);
            add(base, t.sides[2], made_.price_of_cut);
            add(base, test, made_.overall);
        } else {
            add(base, test, made_.speed);
        }
    }

    // Both sides' units, one by one; what they read is checked against the memory's ceiling.
    Status attribute() {
        Workload workload;
        workload.new_tokens = std::min(16u, made_.timing->generate);
        const Side& left = cut_ ? *cut_ : base_;
        made_.attribution_of = cut_ ? cut_->name : "";
        std::vector<Trace> traces;
        for (const Side* side : {&left, &test_}) {
            AFS_ASSIGN(const auto runtime, open(side->config, false));
            workload.n_vocab = valid_ids(*runtime);
            workload.prompt.assign(
                ids_.begin(),
                ids_.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(ids_.size(), 32)));
            check_ceiling(*runtime);
            AFS_ASSIGN(Trace trace, run_trace(runtime->engine(), runtime->plan(),
                                              runtime->weights(), workload, 0, options_.stop));
            traces.push_back(std::move(trace));
            if (made_.single) break;
        }
        join(traces);
        return {};
    }

    void check_ceiling(const Runtime& runtime) {
        const uint64_t bytes = weight_bytes_per_step(runtime.plan(), runtime.weights());
        if (bytes < kBeyondCaches) return;
        CpuDevice host;
        const auto host_ceiling = host.read_ceiling();
        const double ceiling = read_ceiling(runtime.plan(), host_ceiling ? *host_ceiling : 0);
        if (ceiling <= 0) return;
        for (const SpeedVerdict& v : made_.speed) {
            if (v.what.rfind("tg", 0) != 0) continue;
            const double rate = std::max(v.base_rate, v.test_rate) * static_cast<double>(bytes);
            if (rate > 1.02 * ceiling)
                made_.measurement_error = v.what + " would read " +
                                          std::to_string(std::lround(rate / 1e9)) +
                                          " GB/s, more than the measured ceiling of " +
                                          std::to_string(std::lround(ceiling / 1e9)) + " GB/s";
        }
    }

    void join(const std::vector<Trace>& traces) {
        std::map<std::pair<std::string, std::string>, Attribution> rows;
        std::vector<std::pair<std::string, std::string>> order;
        for (size_t s = 0; s < traces.size(); ++s) {
            if (traces[s].phases.empty()) return;
            for (const TraceRow& row : traces[s].phases[0].rows) {
                const auto key = std::make_pair(row.tags, row.op);
                if (!rows.count(key)) order.push_back(key);
                Attribution& a = rows[key];
                a.tags = row.tags, a.op = row.op;
                std::string& on = s ? a.test_on : a.base_on;
                on += (on.empty() ? "" : ",") + row.place;
                (s ? a.test_seconds : a.base_seconds) += row.seconds;
            }
        }
        double change = 0;
        for (const auto& [key, a] : rows) change += a.test_seconds - a.base_seconds;
        for (const auto& key : order) {
            Attribution a = rows[key];
            if (!made_.single && change != 0) a.share = (a.test_seconds - a.base_seconds) / change;
            made_.attribution.push_back(std::move(a));
        }
        std::stable_sort(made_.attribution.begin(), made_.attribution.end(),
                         [this](const Attribution& a, const Attribution& b) {
                             const auto size = [this](const Attribution& x) {
                                 return made_.single ? x.base_seconds
                                                     : std::abs(x.test_seconds - x.base_seconds);
                             };
                             return size(a) > size(b);
                         });
    }

    // What was timed is judged again: a result that went wrong meanwhile has no speed.
    Status judge_again() {
        for (const bool is_test : {false, true}) {
            if (is_test && made_.single) break;
            const Side& side = is_test ? test_ : base_;
            AFS_ASSIGN(const auto runtime, open(side.config, false));
            const bool own = is_test && test_truth_;
            AFS_ASSIGN(SideJudgement after,
                       judge_side(*runtime, own ? *test_truth_ : *truth_, ids_, judge_after()));
            if (after.ok()) continue;
            made_.wrong_side = is_test ? "test" : "base";
            made_.notes.push_back(side.name + " was right before it was timed and wrong after: " +
                                  after.first_bad()->verdict.why);
            (is_test ? made_.test : made_.base).judgement = std::move(after);
        }
        return {};
    }
    static JudgeOptions judge_after() {
        JudgeOptions options;
        options.local = false;
        return options;
    }

    const Side base_, test_;
    const CompareOptions& options_;
    Comparison made_;
    std::vector<Difference> differences_;
    std::unique_ptr<Runtime> base_runtime_, test_runtime_;
    std::vector<uint32_t> differing_;
    std::vector<int32_t> ids_;
    std::optional<Truth> truth_, test_truth_;
    std::optional<Side> cut_;
    uint32_t n_searched_ = 0;
};

}  // namespace

Result<Comparison> compare(const Side& base, const Side* test, const CompareOptions& options) {
    if (test) AFS_TRY(check_fair(base.config, test->config));
    return Comparer(base, test, options).run();
}

}  // namespace afs
