// Every op x dtype x shape x input family within the judge's bounds: none declined, none left out.
#include "fixture.hpp"
#include "support/op_suite.hpp"

using namespace afs;
using namespace afs::test;

namespace {

void holds(const std::string& op) {
    Gpu* const device = gpu();
    if (!device) return;
    const Tally tally =
        run_suite(*device->backend, op, {AFS_F32, AFS_BF16, AFS_F16}, &device->device());
    std::printf("%s\n", tally.text(op).c_str());
    CHECK(tally.listed > 100);
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
TEST_CASE("suite: linear/1") {
    holds("linear/1");
}
TEST_CASE("suite: rope/1") {
    holds("rope/1");
}
TEST_CASE("suite: kv_append/1") {
    holds("kv_append/1");
}
TEST_CASE("suite: attention/1") {
    holds("attention/1");
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
