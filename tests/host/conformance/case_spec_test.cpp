// Case ids: every case of the lists comes back from its id with the same data, and a wrong id says
// which part is wrong.
#include <catch2/catch.hpp>
#include <set>

#include "conformance/cases/case_list.hpp"
#include "conformance/cases/families.hpp"
#include "conformance/cases/make_case.hpp"
#include "conformance/cases/shapes.hpp"
#include "support/trials.hpp"

using namespace afs;
using namespace afs::conformance;
using Catch::Matchers::Contains;

TEST_CASE("case ids: parse gives back what was written, and no id is listed twice") {
    for (const std::string& op : all_ops()) {
        std::set<std::string> seen;
        for (const Level level : {Level::quick, Level::full})
            for (const CaseSpec& spec : op_cases(op, level)) {
                const auto parsed = parse_case(spec.id());
                CAPTURE(spec.id());
                REQUIRE(parsed.ok());
                CHECK(parsed->id() == spec.id());
                CHECK((seen.insert((level == Level::quick ? "q " : "f ") + spec.id()).second));
            }
    }
}

TEST_CASE("case ids: each quick case can be made, its output is marked as unwritten") {
    int n = 0;
    for (const std::string& op : all_ops())
        for (const CaseSpec& spec : op_cases(op, Level::quick)) {
            if (spec.act != AFS_BF16 || n++ % test::kOneOf) continue;
            const auto c = make_case(spec);
            CAPTURE(spec.id());
            REQUIRE(c.ok());
            if (op == "linear/1") CHECK(c->output.bits(0) == 0xffc5);
        }
}

TEST_CASE("case ids: quick meets every family and every shape but the largest") {
    for (const std::string& op : all_ops()) {
        std::set<std::string> families, shapes;
        for (const CaseSpec& spec : op_cases(op, Level::quick))
            families.insert(spec.family), shapes.insert(spec.shape());
        for (const std::string& name : family_names())
            if (family_suits(op, name)) CHECK(families.count(name) == 1);
        for (const Shape& shape : shapes_of(op))
            if (!shape.large) CHECK(shapes.count(shape.spec.shape()) == 1);
    }
}

TEST_CASE("case ids: the same id gives the same bits, another seed gives others") {
    const auto id = std::string("linear/1:bf16:q4_K:n=3,m=5,k=256:outlier-channels");
    const auto a = make_case(*parse_case(id)), b = make_case(*parse_case(id)),
               c = make_case(*parse_case(id + ":9"));
    REQUIRE((a.ok() && b.ok() && c.ok()));
    for (size_t i = 0; i < 2; ++i) CHECK(a->inputs[i].bytes() == b->inputs[i].bytes());
    CHECK(a->inputs[0].bytes() != c->inputs[0].bytes());
    CHECK(a->inputs[1].bytes() != c->inputs[1].bytes());
    // pinned: a case of yesterday's report is the same case today
    const Array x = Array::filled(AFS_F32, {4}, [](size_t i) { return normal(1, i); });
    CHECK(x.bits(0) == 0x3ea4b584);
}

TEST_CASE("case ids: what is wrong with an id") {
    const auto why = [](const std::string& id) {
        const auto parsed = parse_case(id);
        if (!parsed) return parsed.status().message();
        return make_case(*parsed).status().message();
    };
    CHECK_THAT(why("linear/1"), Contains("found 1 parts"));
    CHECK_THAT(why("linaer/1:bf16:bf16:n=1:normal"), Contains("op 'linaer/1'"));
    CHECK_THAT(why("linear/1:bf17:bf16:n=1:normal"), Contains("dtype 'bf17'"));
    CHECK_THAT(why("linear/1:bf16:bf16:n:normal"), Contains("KEY=VALUE"));
    CHECK_THAT(why("linear/1:bf16:bf16:tokens=1:normal"), Contains("shape 'tokens': expected"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=x:normal"), Contains("'n=x': expected a whole number"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=2.5:normal"), Contains("'n=2.5': expected a whole"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=99999999999999999999:normal"), Contains("a whole"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=1,m=8,n=2:normal"), Contains("'n' stands twice"));
    CHECK_THAT(why("rope/1:bf16:bf16:n=1,hd=8,pos=-5:normal"), Contains("pos=-5: expected 0 to"));
    CHECK_THAT(why("rope/1:bf16:bf16:n=1,hd=8,pos=9999999999:normal"), Contains("expected 0 to"));
    CHECK_THAT(why("attention/1:bf16:bf16:h=1,kv=1,hd=8,seqs=0+1,cache=old:normal"),
               Contains("'cache=old': expected stale"));
    CHECK_THAT(why("rms_norm/1:bf16:bf16:n=1,d=8,eps=nan:normal"), Contains("'eps=nan'"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=1:norml"), Contains("family 'norml'"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=1:normal:x"), Contains("seed 'x'"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=0:normal"), Contains("n=0: expected 1 to"));
    CHECK_THAT(why("linear/1:bf16:q4_K:n=1,m=1,k=100:normal"), Contains("whole blocks of 256"));
    CHECK_THAT(why("linear/1:bf16:bf16:n=1,m=1048576,k=1048576:normal"), Contains("larger than"));
    CHECK_THAT(why("add/1:bf16:q4_0:n=1,d=32:normal"), Contains("none of add/1"));
    CHECK_THAT(why("attention/1:bf16:bf16:h=3,kv=2,hd=8,seqs=0+1:normal"),
               Contains("expected a multiple of kv=2"));
    CHECK_THAT(why("attention/1:bf16:bf16:h=2,kv=2,hd=8,seqs=0-1:normal"), Contains("PAST+NOW"));
    CHECK_THAT(why("attention/1:bf16:bf16:h=2,kv=2,hd=8,seqs=0+0:normal"), Contains("no token"));
}

TEST_CASE("case ids: any number gives a legal random case") {
    std::set<std::string> ops;
    for (uint64_t i = 0; i < 400; ++i) {
        const CaseSpec spec = random_case(i);
        CAPTURE(spec.id());
        CHECK(make_case(spec).ok());
        CHECK(parse_case(spec.id())->id() == spec.id());
        ops.insert(spec.op);
    }
    CHECK(ops.size() == all_ops().size());
}
