// swiglu/1: out[i, j] = silu(gate[i, j]) * up[i, j], silu(x) = x / (1 + exp(-x)); silu is rounded
// to the activations' dtype, then the product is.
#include "kernels/binary.cuh"
#include "kernels/swiglu.cuh"

namespace afs::cuda {
namespace {

struct GatedUnit {
    template <class T>
    __device__ T operator()(T gate, T up) const {
        return swiglu(gate, up);
    }
};

class Swiglu final : public Op {
public:
    explicit Swiglu(const afs_query&) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_swiglu(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override { return binary(run, "gate", "up", GatedUnit{}); }
};

}  // namespace

constexpr OpEntry kSwiglu = entry<Swiglu>("swiglu/1");

}  // namespace afs::cuda
