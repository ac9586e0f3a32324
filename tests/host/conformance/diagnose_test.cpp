// A wrong output is named for what is wrong with it.
#include <catch2/catch.hpp>
#include <cmath>

#include "conformance/cases/make_case.hpp"
#include "conformance/diagnose/diagnose.hpp"

using namespace afs::conformance;

namespace {

// What exact arithmetic gives, as a kernel of this verdict would hand it on.
Outcome exact(const OpCase& c, const afs_verdict& verdict) {
    Outcome o;
    o.verdict = verdict;
    o.output = c.output;
    const auto judged = judge_case(c, arithmetic(verdict, c.output.dtype));
    for (size_t i = 0; i < judged.want.size(); ++i) o.output.set(i, judged.want[i]);
    return o;
}

afs_verdict fp32_throughout() {
    afs_verdict verdict{};
    verdict.supported = 1;
    verdict.acc_dtype = verdict.internal_dtype = AFS_F32;
    return verdict;
}

}  // namespace

TEST_CASE("diagnose: results that are 0 for a subnormal number, allowed where it is declared") {
    for (const char* id : {"attention/1:bf16:bf16:h=4,kv=2,hd=64,bs=16,seqs=30+2:subnormal",
                           "linear/1:fp32:fp32:n=3,m=65,k=70:subnormal"}) {
        INFO(id);
        const auto c = *make_case(*parse_case(id));
        Outcome o = exact(c, fp32_throughout());
        CHECK(judgement(c, o).ok());
        for (size_t i = 0; i < o.output.size(); ++i)
            if (std::abs(o.output[i]) < afs::bound::smallest_normal(o.output.dtype))
                o.output.set(i, 0);
        const Judgement wrong = judgement(c, o);
        REQUIRE_FALSE(wrong.ok());
        CHECK(looks_like(c, o, wrong).find("subnormal") != std::string::npos);
        o.verdict.flags = AFS_FLUSH_SUBNORMALS;
        CHECK(judgement(c, o).ok());
    }
}
