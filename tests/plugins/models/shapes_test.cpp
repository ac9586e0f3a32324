// configs/shapes: each real configuration gives the parameters and bytes that its dimensions make
// by hand, and one KV cache of the right size.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "afs/graph/validate.hpp"
#include "support/model_file.hpp"

namespace {

struct Shape {
    const char *name, *family, *summary;
    uint64_t parameters;      // all
    uint64_t bytes_a_token;   // bf16, what a decode step reads: all but an untied embedding
    uint64_t kv_bytes_token;  // bf16 K and V of one position
};

const std::vector<Shape> kShapes = {
    {"llama-3.1-8b", "llama3", "llama3, 32 layers, hidden 4096, 32 heads (8 kv) x 128, ffn 14336",
     8030261248, 15009849344, 131072},
    {"llama-3.2-1b", "llama3",
     "llama3, 16 layers, hidden 2048, 32 heads (8 kv) x 64, ffn 8192, tied head", 1235814400,
     2471628800, 32768},
    {"llama-3.2-3b", "llama3",
     "llama3, 28 layers, hidden 3072, 24 heads (8 kv) x 128, ffn 8192, tied head", 3212749824,
     6425499648, 114688},
    {"olmo2-1b", "olmo2", "olmo2, 16 layers, hidden 2048, 16 heads (16 kv) x 128, ffn 8192",
     1484916736, 2558791680, 131072},
    {"olmo2-7b", "olmo2", "olmo2, 32 layers, hidden 4096, 32 heads (32 kv) x 128, ffn 11008",
     7298617344, 13775151104, 524288},
    {"olmo2-13b", "olmo2", "olmo2, 40 layers, hidden 5120, 40 heads (40 kv) x 128, ffn 13824",
     13716198400, 26404792320, 819200},
    {"olmo2-32b", "olmo2", "olmo2, 64 layers, hidden 5120, 40 heads (8 kv) x 128, ffn 27648",
     32234279936, 63440955392, 262144},
};

const std::string kFolder = AFS_SOURCE_DIR "/configs/shapes/";

}  // namespace

TEST_CASE("every shape's parameters, bytes a token and cache") {
    for (const Shape& shape : kShapes) {
        CAPTURE(shape.name);
        std::ifstream in(kFolder + shape.name + ".json");
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        afs::test::ModelFile plugin(shape.family);
        CHECK(plugin.score(text) == 100);
        const afs_graph* graph = plugin.build(text, AFS_BF16);
        REQUIRE(graph);
        CHECK(afs::validate(*graph).message().empty());
        CHECK(std::string(plugin.info.summary) == shape.summary);
        CHECK(plugin.info.checkpoint_dtype == AFS_BF16);

        std::set<uint32_t> read;  // weights that a decode step reads as a whole
        for (uint32_t i = 0; i < graph->n_nodes; ++i)
            if (std::string(graph->nodes[i]->op) != "embed/1")
                read.insert(graph->nodes[i]->inputs,
                            graph->nodes[i]->inputs + graph->nodes[i]->n_inputs);
        uint64_t parameters = 0, bytes = 0;
        for (uint32_t i = 0; i < graph->n_weights; ++i) {
            const afs_value& v = *graph->values[graph->weights[i]->value];
            const auto n = static_cast<uint64_t>(v.dims[0] * (v.rank == 2 ? v.dims[1] : 1));
            parameters += n;
            if (read.count(graph->weights[i]->value)) bytes += 2 * n;
        }
        CHECK(parameters == shape.parameters);
        CHECK(bytes == shape.bytes_a_token);
        REQUIRE(graph->n_kv_groups == 1);
        const afs_kv_group& kv = *graph->kv_groups[0];
        CHECK(uint64_t{2} * 2 * kv.n_layers * kv.n_kv_heads * kv.head_dim == shape.kv_bytes_token);
    }
}

TEST_CASE("no shape lies in the folder without its line here") {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder))
        files += entry.path().extension() == ".json";
    CHECK(files == kShapes.size());
}
