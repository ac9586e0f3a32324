// Domains, owners and guests, copies between memories, one memory for a cache.
#include <catch2/catch.hpp>

#include "host/planner/fake_backend.hpp"

using afs_test::Case;
using Catch::Contains;

TEST_CASE("the host owns cpu/1, the first that can owns another domain") {
    Case c;
    c.add("guest", {"rms_norm/1"}, "fake/1");
    c.add("owner", {}, "fake/1").owns_memory = true;
    c.add("second", {"rms_norm/1"}, "fake/1").owns_memory = true;
    c.request.unused_is_warning = true;
    const auto plan = c.plan();
    REQUIRE(plan->memories.size() == 1);
    CHECK(plan->memories[0].domain == "fake/1");
    CHECK(plan->memories[0].owner == 1);
    CHECK(plan->memories[0].device.get() == plan->backends[1].api->device());
    CHECK(c.who(*plan, "L0.attn.norm") == "guest");
    CHECK(plan->classes[1].n_copies == 0);

    Case host;
    host.add("a");
    CHECK(host.plan()->memories[0].owner == afs::kHostOwned);
    CHECK(host.plan()->memories[0].device == nullptr);
}

TEST_CASE("no owner is an error that names the domain") {
    Case c;
    c.add("guest", {}, "fake/1");
    CHECK_THAT(c.error(), Contains("cannot use 'guest'") && Contains("domain 'fake/1'") &&
                              Contains("afs.device/1"));
}

TEST_CASE("an owner without nodes is not unused") {
    Case c;
    c.add("guest", {}, "fake/1");
    c.add("owner", {"none"}, "fake/1").owns_memory = true;
    CHECK(c.plan()->warnings.empty());
}

TEST_CASE("copies in decode are errors beyond what is allowed") {
    Case c;
    c.add("norms", {"rms_norm/1"}, "fake/1").owns_memory = true;
    c.add("reference");
    const std::string text = c.error();
    CHECK_THAT(text, Contains("cannot accept 4 copies between memories in every decode step, 0 are "
                              "allowed") &&
                         Contains("embed (bf16[n_tokens, 8], cpu/1 to fake/1)") &&
                         Contains("L0.attn.norm (bf16[n_tokens, 8], fake/1 to cpu/1)"));
    c.request.allow_copies = 4;
    const auto plan = c.plan();
    CHECK(plan->classes[0].n_copies == 4);
    CHECK(plan->classes[1].n_copies == 4);
    const auto& units = plan->classes[1].units;
    REQUIRE(units.size() > 4);
    CHECK(units[0].kind == afs::UnitKind::op);
    CHECK(units[1].kind == afs::UnitKind::copy);
    CHECK(units[1].from != units[1].to);
    CHECK(std::string(plan->abi->values[units[1].inputs[0]]->tag) == "embed");
    CHECK(units[2].kind == afs::UnitKind::op);
    CHECK(units[3].kind == afs::UnitKind::copy);  // once, though q, k and v read it
    CHECK(units[4].kind == afs::UnitKind::op);
    CHECK(units[5].kind == afs::UnitKind::op);
    c.request.allow_copies = 3;
    CHECK_THAT(c.error(), Contains("3 are allowed"));
}

TEST_CASE("copies outside decode are no error") {
    Case c;
    auto& prefill = c.add("prefill", {"rms_norm/1"}, "fake/1");
    prefill.owns_memory = true;
    prefill.refuse = [](const afs::Node&, const afs_query& query) {
        return std::string(query.limits->step_class == AFS_CLASS_DECODE ? "prefill only" : "");
    };
    c.add("reference");
    const auto plan = c.plan();
    CHECK(plan->classes[0].n_copies == 4);
    CHECK(plan->classes[1].n_copies == 0);
    c.request.deterministic = true;  // then general decodes as well
    CHECK_THAT(c.error(), Contains("cannot accept 4 copies"));
}

TEST_CASE("a cache lies in one memory") {
    Case c;
    c.add("attention", {"attention/1"}, "fake/1").owns_memory = true;
    c.add("reference");
    c.request.allow_copies = 100;
    CHECK_THAT(c.error(), Contains("cannot read the cache 'L0.attn.kv' by 'attention' in fake/1") &&
                              Contains("one memory"));
    Case split;
    auto& decode = split.add("decode", {"attention/1", "kv_append/1"}, "fake/1");
    decode.owns_memory = true;
    decode.refuse = [](const afs::Node&, const afs_query& query) {
        return std::string(query.limits->step_class == AFS_CLASS_DECODE ? "" : "decode only");
    };
    split.add("reference");
    split.request.allow_copies = 100;
    CHECK_THAT(split.error(), Contains("cannot keep one cache") && Contains("(decode)"));
}

TEST_CASE("logits that had to move are sampled by the host") {
    Case c;
    auto& device = c.add("device", {}, "fake/1");
    device.owns_memory = true;
    device.refuse = [](const afs::Node& node, const afs_query&) {
        return std::string(node.is("sample/1") ? "no sampler" : "");
    };
    c.add("reference");
    c.request.unused_is_warning = true;
    const auto plan = c.plan();
    CHECK(c.who(*plan, "ids") == "host");
    CHECK(plan->classes[1].n_copies == 0);
    const auto& refusals = plan->classes[1].placements[c.graph.node("ids")].refusals;
    REQUIRE(refusals.size() == 2);
    CHECK_THAT(refusals[1].reason, Contains("another memory, by 'device'"));
}
