// A complete program that embeds AFS: from a checkpoint's folder to text. Read it from
// `write_text`.
#include <algorithm>
#include <catch2/catch.hpp>

#include "afs/graph/resolved_graph.hpp"
#include "afs/weights/weight_set.hpp"
#include "engine/engine.hpp"
#include "engine/limits.hpp"
#include "engine/text_stream.hpp"
#include "loader/open.hpp"
#include "planner/planner.hpp"

namespace {

const std::string kPlugins = std::string(AFS_BUILD_DIR) + "/plugins/afs-";

afs::Result<std::string> write_text(const std::string& folder, const std::string& family,
                                    const std::string& prompt) {
    // The checkpoint, and the family's graph of it.
    AFS_ASSIGN(const afs::Checkpoint checkpoint, afs::Checkpoint::open(folder));
    AFS_ASSIGN(auto model_file, afs::load_plugin(kPlugins + "model-" + family + ".so", "model"));
    AFS_ASSIGN(auto model, afs::open_model(model_file, {family, 0, 0, 1, {}}));
    afs_model_source source = afs::make<afs_model_source>();
    source.dtype = AFS_BF16;
    source.world = 1;
    source.config_json = checkpoint.config_json().c_str();
    afs_model_info info = afs::make<afs_model_info>();
    AFS_ASSIGN(const afs_graph* graph, model->build(source, info));
    AFS_ASSIGN(const afs::WeightSet weights, afs::match_weights(*graph, checkpoint));

    // Kernels, and the plan that places every node of the graph on them.
    AFS_ASSIGN(auto file, afs::load_plugin(kPlugins + "kernels-reference.so", "kernels"));
    afs::Backend backend{"reference", file->name, file->version, file->path, "", file->domain,
                         0,           {}};
    AFS_ASSIGN(backend.api, afs::open_kernels(file, {"reference", 0, 0, 1, {}}));
    std::vector<int32_t> dtypes;
    for (const afs::Weight& weight : weights.weights()) dtypes.push_back(weight.dtype);
    afs::PlanRequest request;
    AFS_ASSIGN(request.graph, afs::ResolvedGraph::resolve(*graph, dtypes));
    request.abi = &request.graph->graph();
    request.backends = {backend};
    const afs_limits limits = afs::recommended_limits(*graph, {}, info.context_length);
    request.limits = {limits.max_tokens, limits.max_seqs, limits.max_rows, limits.max_context, 0};
    AFS_ASSIGN(auto plan, afs::make_plan(request));
    AFS_ASSIGN(auto engine, afs::Engine::create(plan, weights, {}));

    // Text in, tokens through the engine, text out.
    AFS_ASSIGN(auto tokens, afs::load_plugin(kPlugins + "tokenizer-bpe.so", "tokenizer"));
    AFS_ASSIGN(auto tokenizer, afs::open_tokenizer(tokens, {"bpe", 0, 0, 1, {}}));
    afs_tokenizer_source files = afs::make<afs_tokenizer_source>();
    files.path = folder.c_str();
    afs_tokenizer_info vocabulary = afs::make<afs_tokenizer_info>();
    AFS_TRY(tokenizer->load(files, vocabulary));
    afs::Request ask;
    AFS_TRY(tokenizer->encode(prompt, AFS_ENCODE_ADD_SPECIAL, ask.prompt));
    ask.max_new_tokens = 40;
    ask.n_vocab = static_cast<int32_t>(vocabulary.n_vocab);
    ask.stop_ids.assign(info.stop_ids, info.stop_ids + info.n_stop_ids);
    AFS_TRY(engine->submit(ask).status());
    afs::TextStream stream(tokenizer.get(), {}, AFS_DECODE_SKIP_SPECIAL);
    std::string text = prompt;
    while (!engine->idle()) {
        AFS_ASSIGN(auto events, engine->step());
        for (const afs::TokenEvent& event : events) {
            AFS_ASSIGN(const std::string piece, stream.push(event.id));
            text += piece;
        }
    }
    return text + stream.finish();
}

}  // namespace

TEST_CASE("an embedding program writes text with both bundled models") {
    for (const std::string family : {"olmo2", "llama3"}) {
        const auto text =
            write_text(AFS_SOURCE_DIR "/weights/" + family + "-tiny", family, "Once upon a time");
        INFO((text.ok() ? *text : text.status().message()));
        REQUIRE(text.ok());
        CHECK(text->rfind("Once upon a time", 0) == 0);
        CHECK(text->size() > 100);  // 40 tokens of English
        // Words: at least one character in ten is a space.
        CHECK(static_cast<size_t>(std::count(text->begin(), text->end(), ' ')) > text->size() / 10);
    }
}
