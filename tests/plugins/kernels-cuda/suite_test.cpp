// Every op x dtype x shape x input family within the judge's bounds: none declined, none left out.
#include "fixture.hpp"
#include "support/op_suite.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

const std::vector<int32_t> kDtypes = {AFS_F32, AFS_BF16, AFS_F16};

void holds(const std::string& op, const std::vector<int32_t>& dtypes = kDtypes, size_t stride = 1) {
    Gpu* const device = gpu();
    if (!device) return;
    const Tally tally = run_suite(*device->backend, op, dtypes, kDtypes, &device->device(), stride);
    std::printf("%s\n", tally.text(op).c_str());
    CHECK(tally.listed > 30 / stride);
    CHECK(tally.judged == tally.listed);
    CHECK(tally.declined == 0);
    CHECK(tally.failed == 0);
}

}  // namespace

TEST_CASE("suite: embed/1") {
    holds("embed/1");
}
TEST_CASE("suite: rms_norm/1") {
    holds("rms_norm/1");
}
TEST_CASE("suite: rope/1") {
    holds("rope/1");
}
TEST_CASE("suite: kv_append/1") {
    holds("kv_append/1");
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
TEST_CASE("suite: linear/1 in fp32") {
    holds("linear/1", {AFS_F32});
}
TEST_CASE("suite: linear/1 in bf16") {
    holds("linear/1", {AFS_BF16});
}
TEST_CASE("suite: linear/1 in fp16") {
    holds("linear/1", {AFS_F16});
}
TEST_CASE("suite: attention/1 in fp32") {
    holds("attention/1", {AFS_F32});
}
TEST_CASE("suite: attention/1 in bf16") {
    holds("attention/1", {AFS_BF16});
}
TEST_CASE("suite: attention/1 in fp16") {
    holds("attention/1", {AFS_F16});
}

// For compute-sanitizer, under which a case takes a hundred times as long.
TEST_CASE("suite: one case in 23 of every op", "[.sample]") {
    for (const char* op : {"embed/1", "rms_norm/1", "linear/1", "rope/1", "kv_append/1",
                           "attention/1", "swiglu/1", "add/1", "select_rows/1", "sample/1"})
        holds(op, kDtypes, 23);
}
