// Bits that must not depend on the number of threads, on neighbours, on chunks of a prompt, or on
// whether a weight was packed beforehand.
#include "afs/sample.hpp"
#include "conformance/cases/families.hpp"
#include "conformance/cases/random_blocks.hpp"
#include "fixture.hpp"
#include "support/op_suite.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

Outcome good(KernelBackend& backend, const OpCase& c) {
    Outcome o = run(backend, c);
    INFO(c.op << ": " << o.status.message());
    REQUIRE(o.status.ok());
    REQUIRE(o.clean);
    return o;
}

// In any dtype, a block format too.
Array matrix(int32_t dtype, int64_t rows, int64_t cols, uint32_t seed) {
    if (!block_format(dtype)) return random_array(dtype, {rows, cols}, seed);
    const auto blocks = random_blocks(dtype, static_cast<size_t>(rows * cols), 0.05, seed);
    return Array::of_blocks(dtype, {rows, cols}, blocks);
}

OpCase linear(int32_t dtype, int32_t weight, int64_t n, int64_t m, int64_t k) {
    OpCase c("linear/1");
    c.act(random_array(dtype, {n, k}, 5)).weight(matrix(weight, m, k, 6));
    c.result(dtype, {n, m}).on(StepData::plain(static_cast<uint32_t>(n)));
    return c;
}

constexpr uint32_t kHeads = 6, kKvHeads = 2, kHeadDim = 20;

OpCase attention(int32_t dtype, const std::vector<Sequence>& sequences, uint32_t seed) {
    BlockPool pool(16, 300, seed);
    const StepData step = ragged(sequences, pool);
    // Each sequence's rows are drawn by itself, so that its company does not change them.
    Cache cache(dtype, 300, 16, kKvHeads, kHeadDim);
    std::vector<double> q;
    for (size_t s = 0; s < sequences.size(); ++s) {
        const int32_t context = sequences[s].past + sequences[s].now;
        const int64_t width = kKvHeads * kHeadDim;
        const auto draw = [&](uint32_t what, int64_t w) {
            return random_array(dtype, {context, w}, static_cast<uint32_t>(context) * 31u + what);
        };
        const Array k = draw(1, width), v = draw(2, width), rows = draw(3, kHeads * kHeadDim);
        for (int32_t p = 0; p < context; ++p)
            for (int64_t e = 0; e < width; ++e) {
                const auto from = static_cast<size_t>(p * width + e);
                const int32_t slot = pool.slot(s, p);
                const int64_t head = e / kHeadDim, dim = e % kHeadDim;
                cache.k.set(cache.index(cache.layout.k_stride, slot, head, dim), k[from]);
                cache.v.set(cache.index(cache.layout.v_stride, slot, head, dim), v[from]);
            }
        for (size_t i = static_cast<size_t>(sequences[s].past) * kHeads * kHeadDim; i < rows.size();
             ++i)
            q.push_back(rows[i]);
    }
    OpCase c("attention/1");
    c.act(Array(dtype, {step.n_tokens(), kHeads * kHeadDim}, q)).cache(cache).on(step);
    auto p = make<afs_attention_params>();
    p.n_heads = kHeads, p.n_kv_heads = kKvHeads, p.head_dim = kHeadDim, p.scale = 0.25f;
    c.with(p).result(dtype, {step.n_tokens(), kHeads * kHeadDim});
    return c;
}

// The last rows of an outcome, of a sequence's last n tokens.
std::vector<uint64_t> tail(const Outcome& o, size_t n) {
    std::vector<uint64_t> bits;
    const size_t elements = n * kHeads * kHeadDim;
    for (size_t i = o.output.size() - elements; i < o.output.size(); ++i)
        bits.push_back(o.output.bits(i));
    return bits;
}

const std::vector<int32_t> kFloats = {AFS_F32, AFS_BF16, AFS_F16};
const std::vector<int32_t> kStored = [] {
    std::vector<int32_t> all = kFloats;
    for (const BlockFormat& format : kBlockFormats) all.push_back(format.dtype);
    return all;
}();
// Depths of whole blocks, for a block format.
std::vector<int64_t> depths(int32_t weight, std::vector<int64_t> plain) {
    if (!block_format(weight)) return plain;
    return {block_format(weight)->elements, 768};
}

}  // namespace

TEST_CASE("promise: any number of threads gives the same bits") {
    for (const std::string& set : instruction_sets())
        for (const std::string op : {"linear/1", "attention/1", "rms_norm/1", "rope/1", "embed/1",
                                     "swiglu/1", "add/1", "sample/1"}) {
            const size_t stride = op == "attention/1" ? 89 : 37;
            each_case(
                op, kFloats, kFloats,
                [&](const std::string& name, const OpCase& c) {
                    const Outcome one = good(cpu(set, 1), c);
                    for (const unsigned threads : {2u, 5u}) {
                        const Outcome more = good(cpu(set, threads), c);
                        CAPTURE(set, op, name, threads);
                        CHECK(more.output.bytes() == one.output.bytes());
                    }
                },
                stride);
        }
}

TEST_CASE("promise: a weight packed on the way gives the bits of one packed beforehand") {
    for (const std::string& set : instruction_sets())
        for (const int32_t t : kFloats)
            for (const int32_t w : kStored)
                for (const int64_t k : depths(w, {1, 31, 64, 331}))
                    for (const int64_t m : {1, 63, 130}) {
                        OpCase c = linear(t, w, 9, m, k);
                        const Outcome packed = good(cpu(set), c);
                        c.packed = false;
                        CHECK(good(cpu(set), c).output.bytes() == packed.output.bytes());
                    }
}

TEST_CASE("promise: a table that is also the head's weight gives the rows of a plain one") {
    for (const int32_t w : kStored)
        for (const int64_t d : depths(w, {1, 17, 64, 331})) {
            const Array table = matrix(w, 131, d, 3);
            OpCase embed("embed/1");
            embed.weight(table).on(StepData::plain(4)).result(AFS_F32, {4, d});
            embed.step.token_ids = {130, 0, 64, 63};
            const Outcome plain = good(cpu("portable"), embed);
            OpCase head = linear(AFS_F32, w, 1, 131, d);
            head.inputs[1] = table;
            OneNode node(head);
            WeightPacker& packer = *cpu("portable").weights();
            auto packing = make<afs_packing>();
            const uint32_t nodes[] = {0};
            REQUIRE(packer.plan(node.query(), 1, nodes, 1, packing).ok());
            std::vector<uint8_t> bytes(packing.bytes);
            Array raw = table;
            REQUIRE(packer
                        .pack(node.query(), 1, packing, raw.view(raw.bytes().data()), bytes.data(),
                              nullptr)
                        .ok());
            // Run by hand: the harness packs for one node alone.
            OneNode gather(embed);
            auto op = cpu("portable").prepare(gather.query());
            REQUIRE(op.ok());
            auto verdict = make<afs_verdict>();
            REQUIRE(cpu("portable").query(gather.query(), verdict).ok());
            std::vector<uint8_t> workspace(verdict.workspace_bytes);
            Array out = embed.output;
            const afs_tensor out_view = out.view(out.bytes().data());
            afs_tensor table_view = raw.view(raw.bytes().data());
            table_view.data = bytes.data(), table_view.format = packing.format;
            auto step = make<afs_step>();
            step.n_tokens = 4;
            step.token_ids = embed.step.token_ids.data();
            auto r = make<afs_run>();
            r.n_inputs = 1, r.inputs = &table_view, r.output = &out_view, r.step = &step;
            r.workspace = workspace.data();
            REQUIRE((*op)->run(r).ok());
            CHECK(out.bytes() == plain.output.bytes());
        }
}

TEST_CASE("promise: what says batch-invariant gives a row the same bits alone and in company") {
    for (const std::string& set : instruction_sets())
        for (const int32_t t : kFloats)
            for (const int32_t w : kStored)
                for (const int64_t k : depths(w, {15, 64, 600})) {
                    const int64_t n = 107, m = 70;
                    const OpCase all = linear(t, w, n, m, k);
                    const Outcome company = good(cpu(set), all);
                    if (!(company.verdict.flags & AFS_BATCH_INVARIANT)) continue;
                    for (const int64_t i : {int64_t{0}, int64_t{5}, int64_t{96}, n - 1}) {
                        OpCase one = linear(t, w, 1, m, k);
                        one.inputs[0] = Array::filled(t, {1, k}, [&](size_t j) {
                            return all.inputs[0][static_cast<size_t>(i * k) + j];
                        });
                        const Outcome alone = good(cpu(set), one);
                        CAPTURE(set, dtype_name(t), dtype_name(w), k, i);
                        bool same = true;
                        for (size_t j = 0; j < static_cast<size_t>(m); ++j)
                            same = same && alone.output.bits(j) ==
                                               company.output.bits(static_cast<size_t>(i * m) + j);
                        CHECK(same);
                    }
                }
}

TEST_CASE("promise: attention of a token is the same in a prompt, in chunks, alone, in company") {
    for (const std::string& set : instruction_sets())
        for (const int32_t t : kFloats)
            for (const int32_t context : {1, 63, 64, 65, 300, 700}) {
                CAPTURE(set, dtype_name(t), context);
                const auto alone = tail(good(cpu(set), attention(t, {{context - 1, 1}}, 1)), 1);
                const auto run = [&](const std::vector<Sequence>& all, unsigned threads) {
                    return tail(good(cpu(set, threads), attention(t, all, 7)), 1);
                };
                CHECK(run({{0, context}}, 2) == alone);
                CHECK(run({{context - 1, 1}}, 5) == alone);
                CHECK(run({{context / 2, context - context / 2}}, 2) == alone);
                CHECK(run({{3, 1}, {100, 1}, {0, 9}, {context - 1, 1}}, 2) == alone);
            }
}
