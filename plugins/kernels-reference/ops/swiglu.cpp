// swiglu/1: out[i, j] = silu(gate[i, j]) * up[i, j], silu(x) = x / (1 + exp(-x)); silu is rounded
// to the activations' dtype T, then the product is: as the two operators of HF transformers do.
#include "backend.hpp"

namespace afs::reference {
namespace {

class Swiglu final : public Op {
public:
    explicit Swiglu(const afs_query&) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        plugin::require_swiglu(check);
        check.answer(out, check.node().out().dtype, 0);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &gate = run.inputs[0], &up = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("gate", gate, kAny, gate.dims[1]));
        AFS_TRY(check_rows("up", up, gate.dims[0], gate.dims[1]));
        AFS_TRY(check_rows("output", out, gate.dims[0], gate.dims[1]));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            using A = Acc<T>;
            for (int64_t i = 0; i < gate.dims[0]; ++i)
                for (int64_t j = 0; j < gate.dims[1]; ++j) {
                    const A x = widen<A>(row<T>(gate, i)[j]);
                    const A silu = rounded<T>(x / (A{1} + std::exp(-x)));
                    row<T>(out, i)[j] = narrow<T>(silu * widen<A>(row<T>(up, i)[j]));
                }
            return Status();
        });
    }
};

}  // namespace

constexpr OpEntry kSwiglu = entry<Swiglu>("swiglu/1");

}  // namespace afs::reference
