// add/1: out[i, j] = a[i, j] + b[i, j], rounded once to the activations' dtype. Bound by memory.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class Add final : public Op {
public:
    Add(const afs_query&, Context& context) : context_(context) {}

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_add(check);
        answer(check, out);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &a = run.inputs[0], &b = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("a", a, kAny, a.dims[1]));
        AFS_TRY(check_rows("b", b, a.dims[0], a.dims[1]));
        AFS_TRY(check_rows("output", out, a.dims[0], a.dims[1]));
        const auto width = static_cast<size_t>(a.dims[1]);
        each_row(context_.pool, a.dims[0], a.dims[1] / 16, [&](int64_t i) {
            context_.kernels.add(row_of(out, i), row_of(a, i), row_of(b, i), out.dtype, width);
        });
        return {};
    }

private:
    Context& context_;
};

}  // namespace

constexpr OpEntry kAdd = entry<Add>("add/1");

}  // namespace afs::cpu
