// The weight table against the tensors of a checkpoint: each exactly once, in the expected shape.
#include <catch2/catch.hpp>

#include "afs/weights/weight_set.hpp"
#include "make_file.hpp"
#include "support/check_contains.hpp"
#include "support/temp_folder.hpp"
#include "toy_graph.hpp"

using namespace afs;
using namespace afs::test;

namespace {

Checkpoint checkpoint_of(const TempFolder& folder, const std::vector<Entry>& entries) {
    folder.write("config.json", "{}");
    folder.write("model.safetensors", safetensors(entries));
    auto checkpoint = Checkpoint::open(folder.path());
    INFO(checkpoint.status().message());
    REQUIRE(checkpoint.ok());
    return *std::move(checkpoint);
}

std::string match_refusal(const afs_graph& graph, const std::vector<Entry>& entries) {
    const TempFolder folder;
    const auto set = match_weights(graph, checkpoint_of(folder, entries));
    return set ? "accepted" : set.status().message();
}

const Entry kEmbed = {"embed", "F32", "[2, 2]", floats({1, 2, 3, 4})};
const Entry kNorm = {"norm", "BF16", "[2]", std::string("\x80\x3f\x80\x3f", 4)};

}  // namespace

TEST_CASE("every weight gets its tensor's bytes, dtype and shape") {
    ToyGraph toy;
    toy.add("embed", {2, 2}, "tok|embed");
    toy.add("norm", {2}, "norm|embed");
    const TempFolder folder;
    Result<WeightSet> set = [&] {
        const Checkpoint checkpoint = checkpoint_of(folder, {kNorm, kEmbed});
        return match_weights(toy.graph(), checkpoint);
    }();  // the checkpoint is gone, its map is not
    INFO(set.status().message());
    REQUIRE(set.ok());
    REQUIRE(set->weights().size() == 2);
    const Weight& embed = *set->of_value(0);
    CHECK(embed.name == "embed");
    CHECK(embed.dtype == AFS_F32);
    CHECK(embed.bytes == 16);
    CHECK(embed.file == folder.path() / "model.safetensors");
    CHECK(std::memcmp(embed.data, kEmbed.data.data(), 16) == 0);
    const afs_tensor view = embed.tensor();
    CHECK(view.data == embed.data);
    CHECK(view.rank == 2);
    CHECK(view.dims[1] == 2);
    CHECK(view.dims[2] == 1);
    CHECK(view.strides[0] == 2);
    CHECK(view.strides[1] == 1);
    CHECK(set->of_value(1)->dtype == AFS_BF16);
    CHECK(set->of_value(2) == nullptr);
    CHECK(set->bytes() == 20);
}

TEST_CASE("alternatives, ties, duplicates, ignored tensors") {
    ToyGraph plain;
    plain.add("embed", {2, 2}, "embed", "head|out");
    CHECK(match_refusal(plain.graph(), {kEmbed}) == "accepted");
    const Entry same = {"head", "F32", "[2, 2]", kEmbed.data};
    CHECK(match_refusal(plain.graph(), {kEmbed, same}) == "accepted");
    const Entry other = {"head", "F32", "[2, 2]", floats({1, 2, 3, 5})};
    check_contains(match_refusal(plain.graph(), {kEmbed, other}),
                   "must hold the same bytes as 'embed'");
    const Entry reshaped = {"head", "F32", "[4]", kEmbed.data};
    check_contains(match_refusal(plain.graph(), {kEmbed, reshaped}), "must hold the same bytes");

    ToyGraph tied;  // two values of one tensor
    tied.add("embed", {2, 2}, "embed");
    tied.add("head", {2, 2}, "head|embed");
    CHECK(match_refusal(tied.graph(), {kEmbed}) == "accepted");
    CHECK(match_refusal(tied.graph(), {kEmbed, other}) == "accepted");

    const Entry extra = {"l.0.inv_freq", "F32", "[1]", floats({1})};
    check_contains(match_refusal(plain.graph(), {kEmbed, extra}), "does not know: 'l.0.inv_freq'");
    check_contains(match_refusal(plain.graph("inv_freq|x*"), {kEmbed, extra}), "does not know");
    CHECK(match_refusal(plain.graph("x|*.inv_freq"), {kEmbed, extra}) == "accepted");
}

TEST_CASE("what does not fit is named with expected and found") {
    ToyGraph toy;
    toy.add("embed", {2, 2}, "embed");
    toy.add("L0.norm", {2}, "norm");
    check_contains(match_refusal(toy.graph(), {kEmbed}), "1 tensors are missing: 'norm'");
    check_contains(match_refusal(toy.graph(), {}), "2 tensors are missing: 'embed', 'norm'");
    const Entry wide = {"embed", "F32", "[2, 3]", floats({1, 2, 3, 4, 5, 6})};
    check_contains(match_refusal(toy.graph(), {wide, kNorm}),
                   "as embed: expected shape [2, 2] from the model's configuration, found [2, 3]");
    const Entry flat = {"embed", "F32", "[4]", kEmbed.data};
    check_contains(match_refusal(toy.graph(), {flat, kNorm}), "found [4]");
    const Entry ints = {"norm", "I16", "[2]", std::string(4, '\0')};
    check_contains(match_refusal(toy.graph(), {kEmbed, ints}),
                   "expected dtype F32, BF16, F16 or F64, found I16");
    toy.value(1).dtype = AFS_F16;
    check_contains(match_refusal(toy.graph(), {kEmbed, kNorm}), "expects dtype fp16, found bf16");
    toy.value(1).dtype = AFS_DTYPE_NONE;
    std::vector<Entry> many = {kEmbed, kNorm};
    for (int i = 0; i < 8; ++i)
        many.push_back({"extra" + std::to_string(i), "F32", "[1]", floats({1})});
    check_contains(match_refusal(toy.graph(), many), "'extra4' and 3 more");
}

TEST_CASE("weight tables with mistakes") {
    struct Row {
        const char* reason;
        void (*spoil)(ToyGraph&);
    };
    const Row rows[] = {
        {"names value 9, the graph has 2", [](ToyGraph& t) { t.weight(1).value = 9; }},
        {"names value 'embed' twice", [](ToyGraph& t) { t.weight(1).value = 0; }},
        {"not a weight", [](ToyGraph& t) { t.value(1).kind = AFS_VALUE_ACT; }},
        {"expected fixed sizes", [](ToyGraph& t) { t.value(1).dims[0] = AFS_DIM_TOKENS; }},
        {"expected fixed sizes", [](ToyGraph& t) { t.value(0).dims[0] = INT64_MAX; }},
        {"expected a rank from 1 to 4, found 5", [](ToyGraph& t) { t.value(1).rank = 5; }},
        {"expected a rank from 1 to 4, found 0", [](ToyGraph& t) { t.value(1).rank = 0; }},
        {"no tensor name", [](ToyGraph& t) { t.weight(1).names = "|"; }},
        {"no tensor name", [](ToyGraph& t) { t.weight(1).names = nullptr; }},
        {"load transform 2", [](ToyGraph& t) { t.weight(1).transform = 2; }},
    };
    for (const Row& row : rows) {
        ToyGraph toy;
        toy.add("embed", {2, 2}, "embed");
        toy.add("norm", {2}, "norm");
        row.spoil(toy);
        check_contains(match_refusal(toy.graph(), {kEmbed, kNorm}), row.reason);
    }
    ToyGraph toy;
    toy.add("embed", {2, 2}, "embed");
    toy.add("norm", {2}, "norm");
    afs_graph graph = toy.graph();
    graph.n_weights = 1;
    check_contains(match_refusal(graph, {kEmbed, kNorm}), "no line for value 'norm'");
}

TEST_CASE("patterns of tensor names") {
    CHECK(matches_pattern("*.inv_freq", "model.layers.0.rotary.inv_freq"));
    CHECK(matches_pattern("a*b*c", "aXXbYbYc"));
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("**x", "x"));
    CHECK_FALSE(matches_pattern("a*b", "ab_"));
    CHECK_FALSE(matches_pattern("", "a"));
    CHECK_FALSE(matches_pattern("a", ""));
    CHECK_FALSE(matches_pattern("inv_freq", "x.inv_freq"));
    const std::string as(2000, 'a');
    CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*b", as));
}
