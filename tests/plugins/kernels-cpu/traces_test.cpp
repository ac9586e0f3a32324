// Every value of every layer of small models against HF transformers, with every set of
// instructions that this machine has.
#include "fixture.hpp"
#include "support/trace_checks.hpp"

using namespace afs::test;

TEST_CASE("traces: fp32 equals HF transformers in fp32") {
    for (const std::string& set : instruction_sets()) {
        CAPTURE(set);
        check_fp32_traces(cpu(set));
    }
}
TEST_CASE("traces: bf16 is as near to the truth as HF transformers in bf16") {
    for (const std::string& set : instruction_sets()) {
        CAPTURE(set);
        check_bf16_traces(cpu(set));
    }
}
TEST_CASE("traces: each op on HF's bf16 inputs rounds as the family does") {
    for (const std::string& set : instruction_sets()) {
        CAPTURE(set);
        check_rounding_traces(cpu(set));
    }
}
