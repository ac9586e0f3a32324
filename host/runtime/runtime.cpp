#include "runtime/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "afs/graph/resolved_graph.hpp"
#include "afs/numeric.hpp"  // dtype_name
#include "afs/weights/quantise.hpp"
#include "afs/weights/random_weights.hpp"
#include "afs/weights/weight_set.hpp"
#include "runtime/open_chat.hpp"
#include "runtime/open_kernels.hpp"
#include "runtime/open_model.hpp"
#include "runtime/open_tokenizer.hpp"
#include "runtime/plugin_search.hpp"
#include "runtime/sampling.hpp"

namespace afs {
namespace {

Quantise quantise_to(const Config& config) {
    return parse_quantise(config.text("quantize"));
}

class OpenedRuntime final : public Runtime {
public:
    Status open(const Config& config, const RuntimeOptions& options);

    Engine& engine() override { return *engine_; }
    Tokenizer* tokenizer() override { return tokenizer_.plugin.get(); }
    const Plan& plan() const override { return *plan_; }
    const WeightSet& weights() const override { return weights_; }
    const afs_model_info& model() const override { return model_.info; }
    const afs_tokenizer_info& tokenizer_info() const override { return tokenizer_.info; }
    const std::vector<int32_t>& stop_ids() const override { return stop_ids_; }
    SamplingParams sampling() const override { return sampling_; }
    const ChatFormat* chat() const override { return chat_ ? &*chat_ : nullptr; }
    const std::string& model_name() const override { return model_.name; }
    const std::string& model_origin() const override { return model_.origin; }
    const std::string& model_plugin() const override { return model_.plugin_name; }
    const std::string& dtype() const override { return dtype_; }
    const std::vector<Phase>& phases() const override { return phases_; }
    Status check_weights_unchanged() const override;

private:
    using Clock = std::chrono::steady_clock;

    // Runs one step of opening and notes how long it took.
    template <class F>
    Status phase(const char* name, F&& f) {
        const auto start = Clock::now();
        Status status = f();
        phases_.push_back({name, std::chrono::duration<double>(Clock::now() - start).count(), 0});
        return status;
    }
    Status load_weights(const Config& config, const RuntimeOptions& options);
    Status draw_weights(const Config& config);
    int32_t random_dtype() const { return model_.dtype == AFS_F64 ? AFS_F32 : model_.dtype; }
    Status load_tokenizer(const Config& config, const PluginSearch& search);
    Status make_engine(const Config& config);
    void collect_stop_ids();

    OpenedModel model_;
    std::shared_ptr<const ResolvedGraph> graph_;
    WeightSet weights_;
    OpenedTokenizer tokenizer_;
    std::optional<ChatFormat> chat_;
    std::shared_ptr<const Plan> plan_;
    std::unique_ptr<Engine> engine_;
    std::vector<int32_t> stop_ids_;
    SamplingParams sampling_;
    std::string dtype_;
    std::vector<Phase> phases_;
};

Status OpenedRuntime::load_weights(const Config& config, const RuntimeOptions& options) {
    std::vector<int32_t> dtypes(model_.graph->n_weights, random_dtype());
    if (options.weights_of) {
        weights_ = options.weights_of->weights();
        if (weights_.weights().size() != dtypes.size())
            return invalid("cannot share weights: the models differ");
        for (size_t i = 0; i < dtypes.size(); ++i) dtypes[i] = weights_.weights()[i].dtype;
    } else if (model_.checkpoint) {
        AFS_ASSIGN(weights_, match_weights(*model_.graph, *model_.checkpoint));
        if (config.flag("check_tensors")) AFS_TRY(check_finite(weights_));
        AFS_ASSIGN(weights_, quantise(*model_.graph, weights_, quantise_to(config)));
        for (size_t i = 0; i < dtypes.size(); ++i) dtypes[i] = weights_.weights()[i].dtype;
    } else {  // drawn later: only which dtypes they will have
        for (uint32_t i = 0; i < model_.graph->n_weights; ++i)
            dtypes[i] = quantised_dtype(*model_.graph, model_.graph->weights[i]->value, dtypes[i],
                                        quantise_to(config));
    }
    AFS_ASSIGN(graph_, ResolvedGraph::resolve(*model_.graph, dtypes));
    return {};
}

// Once the plan says who reads them.
Status OpenedRuntime::draw_weights(const Config& config) {
    RandomWeightOptions random;
    random.dtype = random_dtype();
    random.large_pages =
        std::all_of(plan_->memories.begin(), plan_->memories.end(),
                    [](const Memory& memory) { return memory.owner != kHostOwned; });
    AFS_ASSIGN(weights_, random_weights(*model_.graph, random));
    AFS_ASSIGN(weights_, quantise(*model_.graph, weights_, quantise_to(config)));
    return {};
}

Status OpenedRuntime::load_tokenizer(const Config& config, const PluginSearch& search) {
    AFS_ASSIGN(tokenizer_, open_configured_tokenizer(config, search, &*model_.checkpoint));
    if (tokenizer_.info.n_vocab > model_.info.vocab_rows)
        return invalid("the tokenizer has " + std::to_string(tokenizer_.info.n_vocab) +
                       " ids but the embedding of '" + model_.name + "' only " +
                       std::to_string(model_.info.vocab_rows) +
                       " rows: they belong to different models");
    return {};
}

Status OpenedRuntime::make_engine(const Config& config) {
    EngineOptions options;
    const ClassPlan& general = plan_->class_for(false);
    options.max_context = general.limits.max_context;
    options.max_sequences = general.limits.max_seqs;
    options.prefill_chunk = general.limits.max_tokens;
    options.prompts_first = config.flag("engine.prompts_first");
    options.packed_cache = config.path("packed_cache");
    options.kv_bytes = config.natural("engine.kv_memory_mib") << 20;
    if (config.origin("engine.run_ahead") != "default")
        options.run_ahead = config.flag("engine.run_ahead") ? EngineOptions::RunAhead::on
                                                            : EngineOptions::RunAhead::off;
    AFS_ASSIGN(engine_, Engine::create(plan_, weights_, options));
    if (tokenizer_.plugin) engine_->set_tokenizer(tokenizer_.plugin.get());
    return {};
}

Status OpenedRuntime::check_weights_unchanged() const {
    const bool in_place =
        std::any_of(plan_->weights.begin(), plan_->weights.end(), [this](const WeightUse& use) {
            return use.needs_raw && plan_->memories[use.memory].owner == kHostOwned;
        });
    return in_place && model_.checkpoint ? model_.checkpoint->check_unchanged() : Status();
}

void OpenedRuntime::collect_stop_ids() {
    const afs_model_info& info = model_.info;
    stop_ids_.assign(info.stop_ids, info.stop_ids + info.n_stop_ids);
    const int32_t eos = tokenizer_.info.eos_id;
    if (tokenizer_.plugin && eos >= 0 &&
        std::find(stop_ids_.begin(), stop_ids_.end(), eos) == stop_ids_.end())
        stop_ids_.push_back(eos);
}

Status OpenedRuntime::open(const Config& config, const RuntimeOptions& options) {
    const PluginSearch search = plugin_search(config);
    AFS_TRY(phase("model", [&]() -> Status {
        AFS_ASSIGN(model_, open_model_source(config, search, options.random_weights));
        return {};
    }));
    dtype_ = dtype_name(model_.dtype);
    if ((options.tokenizer || options.chat) && model_.checkpoint)
        AFS_TRY(phase("tokenizer", [&] { return load_tokenizer(config, search); }));
    if (options.chat && model_.checkpoint)
        AFS_TRY(phase("chat template", [&]() -> Status {
            AFS_ASSIGN(chat_, open_chat_format(config, model_, tokenizer_));
            return {};
        }));
    AFS_TRY(phase("weights", [&] { return load_weights(config, options); }));
    AFS_TRY(phase("plan", [&]() -> Status {
        AFS_ASSIGN(plan_, open_plan(config, search, graph_, model_.info.context_length));
        return {};
    }));
    collect_stop_ids();
    sampling_ = resolve_sampling(config, &model_.info, "the checkpoint").params;
    if (!options.engine) return {};
    if (!model_.checkpoint && !options.weights_of)
        AFS_TRY(phase("random weights", [&] { return draw_weights(config); }));
    AFS_TRY(phase("engine", [&] { return make_engine(config); }));
    if (model_.checkpoint) AFS_TRY(model_.checkpoint->check_unchanged());
    // What the engine spent on bringing weights to where they are read is a phase of its own.
    const EngineStats stats = engine_->stats();
    phases_.back().seconds -= stats.load_seconds;
    phases_.insert(phases_.end() - 1, Phase{"load", stats.load_seconds, stats.loaded_weight_bytes});
    return {};
}

}  // namespace

std::string phases_text(const std::vector<Phase>& phases) {
    std::string text;
    for (const Phase& phase : phases) {
        char line[160];
        int n = std::snprintf(line, sizeof line, "%s%s %.0f ms", text.empty() ? "" : ", ",
                              phase.name.c_str(), phase.seconds * 1e3);
        if (phase.bytes > 0 && phase.seconds > 0)
            n += std::snprintf(line + n, sizeof line - static_cast<size_t>(n),
                               " (%.2f GB at %.1f GB/s)", static_cast<double>(phase.bytes) / 1e9,
                               static_cast<double>(phase.bytes) / phase.seconds / 1e9);
        text.append(line, static_cast<size_t>(n));
    }
    return text;
}

Result<std::unique_ptr<Runtime>> Runtime::open(const Config& config,
                                               const RuntimeOptions& options) {
    auto runtime = std::make_unique<OpenedRuntime>();
    AFS_TRY(runtime->open(config, options));
    return std::unique_ptr<Runtime>(std::move(runtime));
}

}  // namespace afs
