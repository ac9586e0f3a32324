// The built plugin, loaded once, and small helpers of the reference's tests.
#pragma once
#include <catch2/catch.hpp>

#include "conformance/cases/families.hpp"
#include "conformance/run/run_case.hpp"
#include "support/loaded_kernels.hpp"

namespace afs::test {

using namespace conformance;

inline LoadedKernels& reference() {
    static LoadedKernels loaded(AFS_BUILD_DIR "/plugins/afs-kernels-reference.so");
    if (!loaded.why_not().empty()) FAIL(loaded.why_not());
    return loaded;
}

// Runs a case that must succeed and leave inputs and guards alone.
inline Outcome good(const OpCase& c) {
    Outcome o = run(reference(), c);
    INFO(c.op << ": " << o.status.message());
    REQUIRE(o.status.ok());
    REQUIRE(o.clean);
    return o;
}

inline afs_attention_params attention_params(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) {
    auto p = make<afs_attention_params>();
    p.n_heads = heads, p.n_kv_heads = kv_heads, p.head_dim = head_dim;
    p.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
    return p;
}

}  // namespace afs::test
