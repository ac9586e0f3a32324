// What the plugin says of options, of its machine, and of nodes that it cannot run.
#include "conformance/run/run_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;
using Catch::Matchers::Contains;

namespace {

std::string refusal(const std::map<std::string, std::string>& options) {
    const auto opened = open_cpu(options);
    return opened ? "opened" : opened.status().message();
}

std::string reason(const OpCase& c) {
    const OneNode node(c);
    auto verdict = make<afs_verdict>();
    REQUIRE(cpu("portable").query(node.query(), verdict).ok());
    return verdict.supported ? "supported" : verdict.reason;
}

}  // namespace

TEST_CASE("options: what is wrong is said with what was expected") {
    CHECK(refusal({}) == "opened");
    CHECK(refusal({{"threads", "3"}, {"instruction_set", "auto"}}) == "opened");
    for (const char* threads : {"0", "-1", "1025", "two", "", "2x", "2.0"})
        CHECK_THAT(refusal({{"threads", threads}}),
                   Contains("option 'threads': expected a whole number from 1 to 1024, found '" +
                            std::string(threads) + "'"));
    CHECK_THAT(refusal({{"instruction_set", "neon"}}), Contains("unknown instruction set 'neon'"));
    CHECK_THAT(refusal({{"thread", "2"}}), Contains("unknown option 'thread'"));
}

TEST_CASE("about: the instructions, the threads and the reason") {
    CHECK_THAT(cpu("portable", 3).about(),
               Contains("portable, 3 threads: runs on any processor; asked for"));
    for (const std::string& set : instruction_sets())
        CHECK_THAT(cpu(set, 1).about(), Contains(set + ", 1 thread: "));
}

TEST_CASE("query: fp64 is the judge's, and not offered") {
    OpCase c("add/1");
    c.act(Array(AFS_F64, {2, 3})).act(Array(AFS_F64, {2, 3})).result(AFS_F64, {2, 3});
    CHECK_THAT(reason(c), Contains("a: expected fp32, bf16 or fp16, found fp64"));
    CHECK_THAT(reason(OpCase("conv/1")), Contains("no op conv/1 in this plugin"));
}

TEST_CASE("run: a weight in another plugin's packing is refused") {
    OpCase c("linear/1");
    c.act(Array(AFS_F32, {1, 4})).weight(Array(AFS_F32, {2, 4})).result(AFS_F32, {1, 2});
    c.on(StepData::plain(1));
    const OneNode node(c);
    auto verdict = make<afs_verdict>();
    REQUIRE(cpu("portable").query(node.query(), verdict).ok());
    auto op = cpu("portable").prepare(node.query());
    REQUIRE(op.ok());
    std::vector<uint8_t> workspace(verdict.workspace_bytes);
    Array x = c.inputs[0], w = c.inputs[1], y = c.output;
    afs_tensor inputs[] = {x.view(x.bytes().data()), w.view(w.bytes().data())};
    inputs[1].format = 99;
    const afs_tensor output = y.view(y.bytes().data());
    auto step = make<afs_step>();
    auto r = make<afs_run>();
    r.n_inputs = 2, r.inputs = inputs, r.output = &output, r.step = &step;
    r.workspace = workspace.data();
    CHECK_THAT((*op)->run(r).message(), Contains("weight: expected a plain tensor, found packed"));
}
