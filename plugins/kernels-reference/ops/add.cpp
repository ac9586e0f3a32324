// add/1: out[i, j] = a[i, j] + b[i, j], rounded once to the activations' dtype.
#include "backend.hpp"

namespace afs::reference {
namespace {

class Add final : public Op {
public:
    explicit Add(const afs_query&) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        plugin::require_add(check);
        check.answer(out, check.node().out().dtype, 0);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &a = run.inputs[0], &b = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("a", a, kAny, a.dims[1]));
        AFS_TRY(check_rows("b", b, a.dims[0], a.dims[1]));
        AFS_TRY(check_rows("output", out, a.dims[0], a.dims[1]));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            using A = Acc<T>;
            for (int64_t i = 0; i < a.dims[0]; ++i)
                for (int64_t j = 0; j < a.dims[1]; ++j)
                    row<T>(out, i)[j] =
                        narrow<T>(widen<A>(row<T>(a, i)[j]) + widen<A>(row<T>(b, i)[j]));
            return Status();
        });
    }
};

}  // namespace

constexpr OpEntry kAdd = entry<Add>("add/1");

}  // namespace afs::reference
