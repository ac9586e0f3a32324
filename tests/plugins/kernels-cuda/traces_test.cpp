// Every value of every layer against traces of HF transformers, node by node on the device.
#include "fixture.hpp"
#include "support/trace_checks.hpp"

using namespace afs::test;

TEST_CASE("traces: fp32 equals HF transformers in fp32") {
    if (Gpu* const device = gpu()) check_fp32_traces(*device->backend, &device->device());
}

TEST_CASE("traces: bf16 is as near to the truth as HF transformers in bf16") {
    if (Gpu* const device = gpu()) check_bf16_traces(*device->backend, &device->device());
}

TEST_CASE("traces: each op on HF's bf16 inputs rounds as the family does") {
    if (Gpu* const device = gpu()) check_rounding_traces(*device->backend, &device->device());
}
