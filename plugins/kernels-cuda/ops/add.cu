// add/1: out[i, j] = a[i, j] + b[i, j], rounded once to the activations' dtype.
#include "kernels/binary.cuh"

namespace afs::cuda {
namespace {

struct Sum {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return narrow<T>(widen(a) + widen(b));
    }
};

class Add final : public Op {
public:
    explicit Add(const afs_query&) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_add(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override { return binary(run, "a", "b", Sum{}); }
};

}  // namespace

constexpr OpEntry kAdd = entry<Add>("add/1");

}  // namespace afs::cuda
