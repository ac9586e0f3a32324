// Buckets round up within their limits, and the record pads exactly as afs/abi/step.h says.
#include <catch2/catch.hpp>

#include "afs/graph_builder.hpp"
#include "engine/limits.hpp"
#include "engine/record.hpp"

using afs::Batch;
using afs::Bucket;

namespace {

// Sequences of 3 tokens at 5 and one token at 0; blocks of 4.
Batch two_sequences() {
    Batch batch;
    const uint32_t first = batch.add_sequence({11, 12, 13}, 5, {3, 7}, 4);
    const uint32_t second = batch.add_sequence({-1}, 0, {9, 8}, 4);
    afs_row row{};
    row.flags = AFS_ROW_SAMPLE;
    row.seed = 42;
    row.n_vocab = 100;
    batch.add_row(first + 2, row, {});
    batch.add_row(second, row, {});
    return batch;
}

afs_limits limits_of(uint32_t step_class, uint32_t tokens, uint32_t seqs, uint32_t context) {
    afs_limits limits = afs::make<afs_limits>();
    limits.step_class = step_class;
    limits.max_tokens = tokens;
    limits.max_seqs = limits.max_rows = seqs;
    limits.max_context = context;
    limits.max_blocks = (context + 3) / 4;
    return limits;
}

std::vector<int32_t> ints(const int32_t* from, size_t n) {
    return {from, from + n};
}

}  // namespace

TEST_CASE("long steps are padded by less than a tile, short ones by less than a quarter") {
    for (uint32_t n = 1; n <= 4096; n += n < 300 ? 1 : 37) {
        Batch batch;
        const std::vector<int32_t> ids(n, 1);
        const std::vector<uint32_t> blocks(n / 16 + 1, 1);
        batch.add_sequence(ids, 0, blocks, 16);
        const Bucket padded =
            afs::padded_bucket(batch, limits_of(AFS_CLASS_GENERAL, 4096, 8, 8192), 16);
        INFO(n << " tokens in a step of " << padded.n_tokens);
        CHECK(padded.n_tokens >= n);
        CHECK(padded.n_tokens - n < 64);
        CHECK((padded.n_tokens <= 8 || 4 * (padded.n_tokens - n) < padded.n_tokens));
        const Bucket again = [&] {
            Batch whole;
            whole.add_sequence(std::vector<int32_t>(padded.n_tokens, 1), 0,
                               std::vector<uint32_t>(padded.n_tokens / 16 + 1, 1), 16);
            return afs::padded_bucket(whole, limits_of(AFS_CLASS_GENERAL, 4096, 8, 8192), 16);
        }();
        CHECK(again.n_tokens == padded.n_tokens);
    }
}

TEST_CASE("a record holds the batch and pads the rest") {
    const Batch batch = two_sequences();
    CHECK(!batch.decode_only);
    Bucket bucket{AFS_CLASS_GENERAL, 7, 4, 3, 3, 12};
    const afs::RecordLayout layout(bucket);
    std::vector<char> memory(layout.bytes(), 0x55);
    layout.write(batch, 4, memory.data());
    const int32_t prev = 0;
    const afs_step step = layout.step(memory.data(), &prev, nullptr);
    CHECK(step.n_tokens == 7);
    CHECK(step.n_seqs == 4);
    CHECK(step.n_rows == 3);
    CHECK(ints(step.token_ids, 7) == std::vector<int32_t>{11, 12, 13, -1, 0, 0, 0});
    CHECK(ints(step.positions, 7) == std::vector<int32_t>{5, 6, 7, 0, 0, 0, 0});
    // Position 5 of blocks {3, 7} is slot 7 * 4 + 1; spare tokens go to block 0.
    CHECK(ints(step.slots, 4) == std::vector<int32_t>{29, 30, 31, 36});
    for (int i = 4; i < 7; ++i) CHECK((step.slots[i] >= 0 && step.slots[i] < 4));
    CHECK(ints(step.cu_seqlens, 5) == std::vector<int32_t>{0, 3, 4, 4, 4});
    CHECK(ints(step.context_lens, 4) == std::vector<int32_t>{8, 1, 0, 0});
    CHECK(ints(step.block_table, 12) == std::vector<int32_t>{3, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(ints(step.logit_rows, 3) == std::vector<int32_t>{2, 3, 0});
    CHECK(step.rows[1].seed == 42);
    CHECK(step.rows[2].flags == 0);
    CHECK(step.prev_ids == &prev);
}

TEST_CASE("exact buckets are the batch's sizes, padded ones are few") {
    const Batch batch = two_sequences();
    const Bucket exact = afs::exact_bucket(batch, AFS_CLASS_GENERAL, 4);
    CHECK(exact.text() == "general step of 4 tokens, 2 sequences, 2 rows, 2 blocks, context 8");
    const Bucket padded = afs::padded_bucket(batch, limits_of(AFS_CLASS_GENERAL, 64, 8, 1000), 4);
    CHECK(padded.text() == "general step of 4 tokens, 2 sequences, 2 rows, 64 blocks, context 256");
    const Bucket small = afs::padded_bucket(batch, limits_of(AFS_CLASS_GENERAL, 64, 8, 50), 4);
    CHECK(small.max_context == 50);
    CHECK(small.max_blocks == 13);

    struct Case {
        uint32_t n, padded;
    };
    for (const Case& c :
         {Case{1, 1}, {2, 2}, {3, 4}, {5, 8}, {9, 10}, {17, 20}, {33, 40}, {57, 60}, {60, 60}}) {
        Batch decode;
        for (uint32_t i = 0; i < c.n; ++i)
            decode.add_sequence({1}, i, {i + 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 4);
        CHECK(decode.decode_only);
        const Bucket bucket =
            afs::padded_bucket(decode, limits_of(AFS_CLASS_DECODE, 60, 60, 400), 4);
        CHECK(bucket.n_tokens == c.padded);
        CHECK(bucket.n_seqs == c.padded);
        CHECK(bucket.n_rows == 0);
    }
}

TEST_CASE("recommended limits keep the activations of wide models small") {
    struct Case {
        int64_t ffn, vocab;
        uint32_t tokens, rows;
    };
    // gate, up and act are alive at once, fp32: 44 MB at 256 tokens, more than 40 MiB.
    for (const Case& c : {Case{256, 1000, 512, 512}, {14336, 128256, 128, 16}}) {
        afs::GraphBuilder g(AFS_F32);
        g.weight({"embed.weight", "e", {c.vocab, 64}});
        g.weight({"up.weight", "u", {c.ffn, 64}});
        g.weight({"gate.weight", "g", {c.ffn, 64}});
        g.weight({"down.weight", "d", {64, c.ffn}});
        const auto x = g.embed("embed");
        const auto act = g.swiglu("act", g.linear("gate", x), g.linear("up", x));
        const auto rows = g.select_rows("rows", g.linear("down", act));
        g.output(g.linear("logits", rows, g.find("embed.weight")));
        const auto graph = g.finish();
        REQUIRE(graph.ok());
        afs_limits limits = afs::recommended_limits(**graph, {}, 131072);
        CHECK(limits.max_tokens == c.tokens);
        CHECK(limits.max_rows == c.rows);
        CHECK(limits.max_seqs == 1);
        CHECK(limits.max_context == 4096);
        afs::EngineOptions options;
        options.max_context = 50;
        options.max_sequences = 20;
        limits = afs::recommended_limits(**graph, options, 131072);
        CHECK(limits.max_context == 50);
        CHECK(limits.max_seqs == 20);
        CHECK(limits.max_tokens >= 20);
        CHECK(limits.max_rows >= 20);
        // In a device's own memory chunks are longer, as far as a 32nd of it goes.
        const auto chunk = [&](uint64_t device_bytes) {
            return afs::recommended_limits(**graph, {}, 131072, device_bytes).max_tokens;
        };
        CHECK(chunk(uint64_t{1} << 40) == 4096);
        // A 32nd of little is less than what any memory grants.
        CHECK((c.tokens == 512 || chunk(1 << 20) == c.tokens));
        CHECK(chunk(uint64_t{8} << 30) >= c.tokens);
        options.prefill_chunk = 400;
        CHECK(afs::recommended_limits(**graph, options, 131072).max_tokens == 400);
    }
}
