// What the plugin says no to, before a run and in one, and how the contract's edges are kept.
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using Catch::Matchers::Contains;

namespace {

OpCase linear() {
    OpCase c("linear/1");
    c.act(Array(AFS_F32, {2, 3})).weight(Array(AFS_F32, {4, 3})).result(AFS_F32, {2, 4});
    return c;
}
OpCase attention() {
    OpCase c("attention/1");
    BlockPool pool(4, 8);
    c.act(Array(AFS_F32, {3, 8})).cache(Cache(AFS_F32, 8, 4, 2, 2)).with(attention_params(4, 2, 2));
    c.on(ragged({{2, 3}}, pool)).result(AFS_F32, {3, 8});
    return c;
}
OpCase rope() {
    OpCase c("rope/1");
    auto p = make<afs_rope_params>();
    p.head_dim = 4, p.theta = 1e4;
    c.act(Array(AFS_F32, {1, 8})).with(p).on(StepData::plain(1)).result(AFS_F32, {1, 8});
    return c;
}

std::string reason(const OneNode& node) {
    afs_verdict v = make<afs_verdict>(), again = make<afs_verdict>();
    REQUIRE(reference().query(node.query(), v).ok());
    REQUIRE(reference().query(node.query(), again).ok());
    CHECK(std::memcmp(&v, &again, sizeof v) == 0);  // pure
    CHECK_FALSE(reference().prepare(node.query()).ok() != (v.supported != 0));
    return v.supported ? "supported" : v.reason;
}

}  // namespace

TEST_CASE("query: says what it expected and found") {
    const auto of = [](const OpCase& c, auto&& change) {
        OneNode node(c);
        change(node);
        return reason(node);
    };
    const auto as_is = [](OneNode&) {};
    CHECK(of(linear(), as_is) == "supported");
    CHECK(of(attention(), as_is) == "supported");
    CHECK(of(rope(), as_is) == "supported");
    CHECK_THAT(of(OpCase("conv/1"), as_is), Contains("no op conv/1"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.limits().step_class = 7; }), Contains("class 7"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.node().n_inputs = 1; }),
               Contains("expected 2 inputs, found 1"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(0).dtype = AFS_I32; }),
               Contains("x: expected fp32, bf16, fp16 or fp64, found int32"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(1).dtype = AFS_BLOCK + 10; }),
               Contains("weight: expected fp32, bf16, fp16, fp64 or a block format, found block "
                        "format 10"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(1).dtype = AFS_Q8_0; }),
               Contains("weight: rows of q8_0 are whole blocks of 32 elements, found 3"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(1).dims[1] = 5; }),
               Contains("weight: expected shape [4, 3], found [4, 5]"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(0).rank = 3; }),
               Contains("x: expected shape"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(2).dtype = AFS_BF16; }),
               Contains("output: expected fp32, found bf16"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(1).kind = AFS_VALUE_ACT; }),
               Contains("weight: expected a weight"));
    CHECK_THAT(of(linear(), [](OneNode& n) { n.value(2).dims[0] = AFS_DIM_ROWS; }),
               Contains("expected shape [n_tokens, any], found [n_rows, 4]"));
}

TEST_CASE("query: parameters and caches that do not fit") {
    const auto attend = [](auto&& change) {
        OpCase c = attention();
        change(c, *static_cast<afs_attention_params*>(c.params.get()));
        return reason(OneNode(c));
    };
    using P = afs_attention_params;
    CHECK_THAT(attend([](OpCase&, P& p) { p.n_kv_heads = 3; }), Contains("4 heads and 3 kv heads"));
    CHECK_THAT(attend([](OpCase&, P& p) { p.n_kv_heads = 0; }), Contains("whole groups"));
    CHECK_THAT(attend([](OpCase& c, P&) { c.params.reset(); }), Contains("found none"));
    CHECK_THAT(attend([](OpCase& c, P&) { c.kv->layout.head_dim = 3; }),
               Contains("expected [kv_heads, head_dim] [2, 2], found [2, 3]"));
    CHECK_THAT(attend([](OpCase& c, P&) { c.kv->layout.block_size = 0; }),
               Contains("block size is 0"));
    CHECK_THAT(attend([](OpCase& c, P&) { c.kv->layout.dtype = AFS_I32; }), Contains("cache"));
    OpCase c = attention();
    OneNode windowed(c);
    windowed.group().window = 128;
    CHECK_THAT(reason(windowed), Contains("sliding window of 128"));

    const auto turn = [](auto&& change) {
        OpCase r = rope();
        change(*static_cast<afs_rope_params*>(r.params.get()));
        return reason(OneNode(r));
    };
    CHECK_THAT(turn([](afs_rope_params& p) { p.head_dim = 3; }), Contains("even head_dim"));
    CHECK_THAT(turn([](afs_rope_params& p) { p.head_dim = 0; }), Contains("even head_dim"));
    CHECK_THAT(turn([](afs_rope_params& p) { p.head_dim = 6; }), Contains("whole heads of 6"));
    CHECK_THAT(turn([](afs_rope_params& p) { p.theta = 0; }), Contains("theta above 0"));
    CHECK_THAT(turn([](afs_rope_params& p) { p.scaling = 9; }), Contains("scaling, found 9"));
    CHECK_THAT(turn([](afs_rope_params& p) { p.scaling = AFS_ROPE_LLAMA3; }), Contains("llama3"));
}

TEST_CASE("query: what it declares") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F64}) {
        OpCase c("linear/1");
        c.act(Array(t, {2, 3})).weight(Array(AFS_BF16, {4, 3})).result(t, {2, 4});
        OneNode node(c);
        afs_verdict v = make<afs_verdict>();
        REQUIRE(reference().query(node.query(), v).ok());
        CHECK(v.acc_dtype == (t == AFS_F64 ? AFS_F64 : AFS_F32));
        CHECK(v.internal_dtype == v.acc_dtype);
        CHECK(v.flags == (AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT));
        CHECK(v.state_bytes == 0);
    }
}

TEST_CASE("run: numbers that would read outside their arrays are refused") {
    const auto refused = [](const OpCase& c) {
        const Outcome o = run(reference(), c);
        CHECK(o.status.code() == Code::invalid);
        CHECK(o.clean);
        return o.status.message();
    };
    OpCase embed("embed/1");
    embed.weight(Array(AFS_F32, {3, 2})).on(StepData::plain(1)).result(AFS_F32, {1, 2});
    embed.step.prev_ids = {9};
    for (const auto& [id, text] : {std::pair(3, "has id 3, expected 0 to 2"),
                                   {-1, "has id 9"},
                                   {-2, "wants sampled row 1, a step has at most 1"},
                                   {INT32_MIN, "wants sampled row 2147483647"}}) {
        embed.step.token_ids = {id};
        CHECK_THAT(refused(embed), Contains(text));
    }
    OpCase select("select_rows/1");
    select.act(Array(AFS_F32, {2, 2})).on(StepData::plain(2)).result(AFS_F32, {1, 2});
    select.step.rows.resize(1);
    for (const int32_t row : {-1, 2}) {
        select.step.logit_rows = {row};
        CHECK_THAT(refused(select), Contains("wants token " + std::to_string(row) + " of 2"));
    }
    OpCase sample("sample/1");
    sample.act(Array(AFS_F32, {1, 4})).on(StepData::plain(1)).result(AFS_I32, {1});
    sample.step.logit_rows = {0};
    for (const int32_t n_vocab : {0, -3, 5}) {
        afs_row row{};
        row.flags = AFS_ROW_SAMPLE, row.n_vocab = n_vocab;
        sample.step.rows = {row};
        CHECK_THAT(refused(sample), Contains("valid ids, expected 1 to 4"));
    }
    for (const int32_t context : {2, 99}) {
        OpCase attend = attention();
        attend.step.context_lens[0] = context;
        CHECK_THAT(refused(attend), Contains("has a context of " + std::to_string(context)));
    }
    OpCase attend = attention();
    attend.step.cu_seqlens[1] = 4;
    CHECK_THAT(refused(attend), Contains("has tokens 0 to 4 of 3"));
}

TEST_CASE("run: rows apart from each other are honoured, what lies between them is not touched") {
    OpCase c("linear/1");
    c.act(Array(AFS_BF16, {2, 3}, {1, 2, 3, 4, 5, 6}, 7));
    c.weight(Array(AFS_F16, {2, 3}, {1, 0, 0, 0, 1, 1}, 5)).result(AFS_BF16, {2, 2}, 9);
    const Outcome o = run(reference(), c);
    REQUIRE(o.status.ok());
    CHECK(o.clean);
    CHECK(o.output.doubles() == std::vector<double>{1, 5, 4, 11});
}

TEST_CASE("table: unknown ids, short structs, NULL errors, a hundred lifecycles") {
    const afs_plugin& p = reference().plugin();
    CHECK(p.table("afs.graph/1") == nullptr);
    CHECK(p.table("nonsense") == nullptr);
    CHECK(std::string(p.domain) == "cpu/1");
    const auto* ops = static_cast<const afs_ops*>(p.table("afs.ops/1"));
    afs_open_args args = make<afs_open_args>();
    args.world = 1;
    OpCase c("conv/1");
    OneNode node(c);
    for (int i = 0; i < 100; ++i) {
        afs_instance* instance = nullptr;
        REQUIRE(p.open(&args, &instance, nullptr) == AFS_OK);
        afs_op* op = nullptr;
        CHECK(ops->prepare(instance, &node.query(), &op, nullptr) == AFS_E_UNSUPPORTED);
        afs_verdict small = make<afs_verdict>();
        small.struct_size = offsetof(afs_verdict, acc_dtype);  // a caller of fewer members
        small.flags = 0xdead;
        CHECK(ops->query(instance, &node.query(), &small, nullptr) == AFS_OK);
        CHECK(small.flags == 0xdead);
        p.close(instance);
    }
}
