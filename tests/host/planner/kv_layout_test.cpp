// One KV layout a group: wishes in order, the default, and what is said of those that lost.
#include <catch2/catch.hpp>

#include "host/planner/fake_backend.hpp"

using afs_test::Case;
using Catch::Contains;

namespace {

// [block][slot][kv_head][head_dim] for one head of 4.
afs_kv_layout wish(uint32_t block_size, int32_t dtype = AFS_BF16) {
    afs_kv_layout l = afs::make<afs_kv_layout>();
    l.dtype = dtype;
    l.block_size = block_size;
    l.n_kv_heads = 1;
    l.head_dim = 4;
    l.block_elems = int64_t{4} * block_size;
    const int64_t strides[] = {l.block_elems, 4, 4, 1};
    std::copy(strides, strides + 4, l.k_stride);
    std::copy(strides, strides + 4, l.v_stride);
    return l;
}

}  // namespace

TEST_CASE("without wishes the default holds, of the configured block size") {
    Case c;
    c.add("a");
    const auto plan = c.plan();
    REQUIRE(plan->kv_layouts.size() == 1);
    const afs_kv_layout& l = plan->kv_layouts[0];
    CHECK(l.dtype == AFS_BF16);
    CHECK(l.block_size == 16);
    CHECK(l.block_elems == 64);
    CHECK(l.k_stride[1] == 64);
    CHECK(l.k_stride[2] == 4);
    CHECK(plan->kv_layout_pointers[0] == &l);
    CHECK(plan->kv_notes[0] == "the default");
    c.request.block_size = 3;
    CHECK(c.plan()->kv_layouts[0].block_size == 3);
    CHECK(c.plan()->classes[0].limits.max_blocks == 34);
}

TEST_CASE("the first wish that every node accepts wins") {
    Case c;
    auto& a = c.add("a");
    a.wishes = {wish(128), wish(64)};
    c.add("b", {"attention/1"});
    c.request.pins = {{"attention/1", "b"}};
    auto& b = static_cast<afs_test::FakeBackend&>(*c.request.backends[1].api);
    CHECK(c.plan()->kv_layouts[0].block_size == 128);
    b.refuse = [](const afs::Node& node, const afs_query& query) {
        return std::string(node.is("attention/1") && query.kv_layouts[0]->block_size > 64
                               ? "blocks up to 64"
                               : "");
    };
    const auto plan = c.plan();
    CHECK(plan->kv_layouts[0].block_size == 64);
    CHECK_THAT(plan->kv_notes[0],
               Contains("wish 2 of 'a'; wish 1 of 'a' lost: ") && Contains("blocks up to 64"));
    CHECK(plan->classes[0].limits.max_blocks == 2);
    b.refuse = [](const afs::Node& node, const afs_query& query) {
        return std::string(
            node.is("attention/1") && query.kv_layouts[0]->block_size != 16 ? "blocks of 16" : "");
    };
    CHECK_THAT(c.plan()->kv_notes[0], Contains("the default; wish 1") && Contains("wish 2"));
}

TEST_CASE("a wish of a later backend is heard when earlier ones have none") {
    Case c;
    c.add("norms", {"rms_norm/1"});
    c.add("a").wishes = {wish(32)};
    CHECK(c.plan()->kv_layouts[0].block_size == 32);
}

TEST_CASE("a layout that serves without the fallback is better than a wish that does not") {
    Case c;
    auto& a = c.add("a");
    a.wishes = {wish(8)};
    a.refuse = [](const afs::Node& node, const afs_query& query) {
        return std::string(node.is("attention/1") && query.kv_layouts[0]->block_size == 8
                               ? "not even its own wish"
                               : "");
    };
    c.add_fallback("reference");
    const auto plan = c.plan();
    CHECK(plan->kv_layouts[0].block_size == 16);
    CHECK(c.who(*plan, "L0.attn.ctx") == "a");
}

TEST_CASE("a wish that the engine cannot keep loses with a reason") {
    afs_kv_layout heads = wish(16), apart = wish(16), overlap = wish(16), small = wish(16),
                  dtype = wish(16, 999), none = wish(16), far = wish(16);
    far.k_stride[2] = INT64_MAX / 4;
    heads.n_kv_heads = 2;
    apart.v_stride[0] = 1;
    overlap.k_stride[2] = 3;
    small.block_elems = small.k_stride[0] = small.v_stride[0] = 63;
    none.block_size = 0;
    const struct {
        afs_kv_layout layout;
        const char* text;
    } cases[] = {
        {heads, "is for 2 heads x 4, the group has 1 x 4"},
        {apart, "blocks that are not block_elems apart"},
        {overlap, "lets elements of a block overlap"},
        {small, "needs 64 elements a block, has 63"},
        {dtype, "unknown dtype 999"},
        {far, "has strides that no memory holds"},
        {none, "a block size of 0"},
    };
    for (const auto& each : cases) {
        Case c;
        c.add("a").wishes = {each.layout};
        const auto plan = c.plan();
        CHECK(plan->kv_layouts[0].block_size == 16);
        CHECK_THAT(plan->kv_notes[0], Contains(each.text));
    }
    Case asked;
    asked.add("a").wishes = {wish(32)};
    asked.request.block_size = 8;
    CHECK(asked.plan()->kv_layouts[0].block_size == 8);
    CHECK_THAT(asked.plan()->kv_notes[0], Contains("the config asks for 8"));
}

TEST_CASE("no layout that serves ends in the node's own error") {
    Case c;
    auto& a = c.add("a");
    a.wishes = {wish(32)};
    a.refuse = [](const afs::Node& node, const afs_query&) {
        return std::string(node.is("kv_append/1") ? "no cache at all" : "");
    };
    CHECK_THAT(c.error(),
               Contains("cannot place 'L0.attn.kv' (kv_append/1") && Contains("no cache at all"));
}
