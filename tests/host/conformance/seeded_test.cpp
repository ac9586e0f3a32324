// Each seeded bug of the cheap ops is caught and named; the plugin without a bug is not rejected.
// All of them, with the ops that take longer: afs-host conformance --self-test.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;
const std::string kSeeded =
    std::string(AFS_BUILD_DIR) + "/plugins/self-test/afs-kernels-seeded-bugs.so";

ProgramResult seeded_run(std::vector<std::string> args) {
    args.insert(args.begin(), "conformance");
    return ProgramRun{kHost, std::move(args), "", {}, "/"}.run();
}

}  // namespace

TEST_CASE("seeded bugs: the self-test of some ops") {
    const auto r =
        seeded_run({"--self-test", "--op", "add/1", "--op", "select_rows/1", "--op", "embed/1"});
    CAPTURE(r.out, r.err);
    CHECK(r.exit_code == 0);
    CHECK_THAT(r.out, Contains("14 of 14 bugs caught"));
    CHECK_THAT(r.out, Contains("0 rejected"));
}

TEST_CASE("seeded bugs: what they look like") {
    struct Bug {
        const char *name, *id, *text;
    };
    for (const Bug& bug : std::vector<Bug>{
             {"drops-last-k", "linear/1:bf16:bf16:n=5,m=33,k=331:normal",
              "drops the last element of K"},
             {"scale-1.01", "linear/1:bf16:bf16:n=5,m=33,k=331:normal", "constant ratio 1.01"},
             {"truncates", "linear/1:bf16:bf16:n=5,m=33,k=331:normal", "truncates the output"},
             {"bf16-sum", "linear/1:fp32:fp32:n=1,m=64,k=512:normal", "sums in bf16"},
             {"odd-k-twice", "linear/1:bf16:bf16:n=5,m=33,k=331:normal",
              "counts the last element of K twice"},
             {"nudges-up", "linear/1:bf16:bf16:n=5,m=33,k=331:normal", "upwards"},
             {"narrows-weights", "linear/1:fp32:fp32:n=5,m=33,k=331:normal",
              "rounds weights to bf16"},
             {"gelu", "swiglu/1:fp32:fp32:n=5,d=331:normal", "gelu (its tanh form)"},
             {"drops-last-key", "attention/1:bf16:bf16:h=6,kv=1,hd=24,bs=16,seqs=0+70:normal",
              "drops the last key"},
             {"drops-page-edge",
              "attention/1:bf16:bf16:h=6,kv=1,hd=24,bs=16,seqs=100+1,decode=1:normal",
              "drops the first key behind each 16 (a block)"}}) {
        const auto r = seeded_run(
            {kSeeded, "--option", std::string("bug=") + bug.name, "--case", bug.id, "--json"});
        CAPTURE(bug.name, r.out, r.err);
        CHECK(r.exit_code == 1);
        const auto report = nlohmann::json::parse(r.out);
        CHECK_THAT(report["cases"][0].value("looks_like", ""), Contains(bug.text));
        CHECK(!report["cases"][0].value("smallest", "").empty());
    }
}

TEST_CASE("seeded bugs: a report names the case that shows it again, and that does") {
    const auto r = seeded_run({kSeeded, "--option", "bug=drops-last-k", "--op", "linear/1",
                               "--group", "numeric", "--json"});
    const auto report = nlohmann::json::parse(r.out);
    std::string smallest;
    for (const auto& c : report["cases"])
        if (smallest.empty()) smallest = c.value("smallest", "");
    REQUIRE(!smallest.empty());
    CHECK(seeded_run({kSeeded, "--option", "bug=drops-last-k", "--case", smallest}).exit_code == 1);
    CHECK(seeded_run({kSeeded, "--case", smallest}).exit_code == 0);
    CHECK(seeded_run({"reference", "--case", smallest}).exit_code == 0);
}
