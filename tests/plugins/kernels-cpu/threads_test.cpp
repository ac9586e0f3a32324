// Each op that shares its rows, on rows enough for all threads: most of the suites' cases are too
// small for a second one. What ThreadSanitizer has to see.
#include "conformance/cases/make_case.hpp"
#include "conformance/run/run_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

TEST_CASE("threads: rows enough for all of them give the bits of one thread") {
    for (const char* id : {
             "embed/1:bf16:bf16:n=300,v=300,d=64:normal",
             "rms_norm/1:bf16:bf16:n=100,d=4096,before=1:normal",
             "linear/1:bf16:bf16:n=1,m=512,k=256:normal",
             "linear/1:bf16:bf16:n=40,m=512,k=256:normal",
             "linear/1:bf16:q4_0:n=1,m=512,k=256:normal",
             "linear/1:bf16:q4_1:n=40,m=512,k=256:normal",
             "linear/1:bf16:q5_0:n=1,m=512,k=256:normal",
             "linear/1:bf16:q5_1:n=40,m=512,k=256:normal",
             "linear/1:bf16:q8_0:n=40,m=512,k=256:normal",
             "linear/1:bf16:q4_K:n=1,m=512,k=256:normal",
             "linear/1:bf16:q5_K:n=40,m=512,k=256:normal",
             "linear/1:bf16:q6_K:n=40,m=512,k=256:normal",
             "rope/1:bf16:bf16:n=100,h=32,hd=128:normal",
             "attention/1:bf16:bf16:h=8,kv=2,hd=64,bs=16,seqs=0+200_700+1:normal",
             "swiglu/1:bf16:bf16:n=40,d=4096:normal",
             "add/1:bf16:bf16:n=200,d=8192:normal",
         }) {
        const auto spec = parse_case(id);
        REQUIRE(spec.ok());
        const auto made = make_case(*spec);
        INFO(id);
        INFO(made.status().message());
        REQUIRE(made.ok());
        for (const std::string& set : instruction_sets()) {
            const Outcome one = run(cpu(set, 1), *made);
            REQUIRE(one.status.ok());
            for (const unsigned threads : {2u, 4u})
                for (int again = 0; again < 5; ++again) {  // a worker may come late, or never
                    const Outcome more = run(cpu(set, threads), *made);
                    CAPTURE(set, threads, more.status.message());
                    REQUIRE(more.status.ok());
                    CHECK(more.clean);
                    CHECK(more.output.bytes() == one.output.bytes());
                }
        }
    }
}
