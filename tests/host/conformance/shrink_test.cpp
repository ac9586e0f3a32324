// A failing case becomes the smallest that still fails, and no run is spent twice.
#include <catch2/catch.hpp>
#include <set>

#include "conformance/suite/shrink.hpp"

using namespace afs::conformance;

namespace {

// Shrinks under a rule that says which shapes fail.
template <class Fails>
Shrunk shrunk(const std::string& id, Fails&& fails, size_t most_runs = 500) {
    CaseResult first;
    first.ending = Ending::failed;
    std::set<std::string> ran;
    const auto run = [&](const std::string& each) {
        CHECK(ran.insert(each).second);
        CaseResult r;
        if (fails(*parse_case(each))) r.ending = Ending::failed;
        return r;
    };
    return shrink(*parse_case(id), first, run, most_runs,
                  std::chrono::steady_clock::now() + std::chrono::hours(1));
}

}  // namespace

TEST_CASE("shrink: each size goes to the least that fails") {
    const auto s = shrunk("linear/1:bf16:bf16:n=130,m=129,k=1024:normal", [](const CaseSpec& c) {
        return c.number("k") >= 65 && c.number("m") >= 3;
    });
    CHECK(s.spec.shape() == "n=1,m=3,k=65");
}

TEST_CASE("shrink: sequences go, and what they have behind them") {
    const auto s =
        shrunk("attention/1:bf16:bf16:h=8,kv=2,hd=64,bs=16,seqs=30+2_0+5_40+1,pad=2:normal",
               [](const CaseSpec& c) {
                   const auto seqs = *parse_sequences(c.text("seqs"));
                   for (const auto& [past, now] : seqs)
                       if (past + now >= 17) return true;
                   return false;
               });
    const auto seqs = *parse_sequences(s.spec.text("seqs"));
    REQUIRE(seqs.size() == 1);
    CHECK(seqs[0].first + seqs[0].second == 17);
    CHECK(s.spec.number("kv") == 1);
    CHECK(s.spec.number("hd") == 1);
}

TEST_CASE("shrink: another ending is another fault, and the budget is kept") {
    const auto never =
        shrunk("add/1:bf16:bf16:n=5,d=331:normal", [](const CaseSpec&) { return false; });
    CHECK(never.spec.shape() == "n=5,d=331");
    const auto few = shrunk(
        "add/1:bf16:bf16:n=60000,d=331:normal", [](const CaseSpec&) { return true; }, 1);
    CHECK(few.n_runs == 1);
}
