// Every op x dtype x shape x input family within the judge's bounds, with every set of instructions
// that this machine has: none declined, none left out. Of the slow ops one case in `stride`, a
// prime (as one_of() is) that meets every dtype, shape and family.
#include "fixture.hpp"
#include "support/op_suite.hpp"
#include "support/trials.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

const std::vector<int32_t> kDtypes = {AFS_F32, AFS_BF16, AFS_F16};
const std::vector<int32_t> kBlocks = [] {
    std::vector<int32_t> all;
    for (const BlockFormat& format : kBlockFormats) all.push_back(format.dtype);
    return all;
}();

void holds(const std::string& op, size_t stride = 1, const std::vector<int32_t>& stored = kDtypes) {
    stride *= static_cast<size_t>(one_of());
    for (const std::string& set : instruction_sets()) {
        const Tally tally = run_suite(cpu(set), op, kDtypes, stored, nullptr, stride);
        std::printf("%s: %s\n", set.c_str(), tally.text(op).c_str());
        CAPTURE(set);
        CHECK(tally.listed > 70 / stride);
        CHECK(tally.judged == tally.listed);
        CHECK(tally.declined == 0);
        CHECK(tally.failed == 0);
    }
}

}  // namespace

TEST_CASE("suite: embed/1") {
    holds("embed/1");
}
TEST_CASE("suite: rms_norm/1") {
    holds("rms_norm/1", 3);
}
TEST_CASE("suite: linear/1") {
    holds("linear/1", 7);
}
TEST_CASE("suite: linear/1 and embed/1 on weights of every block format") {
    holds("linear/1", 5, kBlocks);
    holds("embed/1", 1, kBlocks);
}
TEST_CASE("suite: rope/1") {
    holds("rope/1", 2);
}
TEST_CASE("suite: kv_append/1") {
    holds("kv_append/1", 5);
}
TEST_CASE("suite: attention/1") {
    holds("attention/1", 11);
}
TEST_CASE("suite: swiglu/1") {
    holds("swiglu/1");
}
TEST_CASE("suite: add/1") {
    holds("add/1");
}
TEST_CASE("suite: select_rows/1") {
    holds("select_rows/1");
}
TEST_CASE("suite: sample/1") {
    holds("sample/1");
}
