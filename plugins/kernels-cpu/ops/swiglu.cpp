// swiglu/1: out[i, j] = silu(gate[i, j]) * up[i, j], silu(x) = x / (1 + exp(-x)); silu is rounded
// to the activations' dtype, then the product is.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class Swiglu final : public Op {
public:
    Swiglu(const afs_query&, Context& context) : context_(context) {}

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_swiglu(check);
        answer(check, out);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &gate = run.inputs[0], &up = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("gate", gate, kAny, gate.dims[1]));
        AFS_TRY(check_rows("up", up, gate.dims[0], gate.dims[1]));
        AFS_TRY(check_rows("output", out, gate.dims[0], gate.dims[1]));
        const auto width = static_cast<size_t>(gate.dims[1]);
        each_row(context_.pool, gate.dims[0], gate.dims[1] / 2, [&](int64_t i) {
            context_.kernels.swiglu(row_of(out, i), row_of(gate, i), row_of(up, i), out.dtype,
                                    width);
        });
        return {};
    }

private:
    Context& context_;
};

}  // namespace

constexpr OpEntry kSwiglu = entry<Swiglu>("swiglu/1");

}  // namespace afs::cpu
