// select_rows/1: out[i] = x[logit_rows[i]], bit for bit: only rows whose logits are wanted go on.
#include "backend.hpp"

namespace afs::reference {
namespace {

class SelectRows final : public Op {
public:
    explicit SelectRows(const afs_query&) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        plugin::require_select_rows(check);
        check.answer(out, check.node().out().dtype, 0);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_rows, x.dims[1]));
        const size_t size = dtype_size(x.dtype);
        for (uint32_t i = 0; i < step.n_rows; ++i) {
            const int64_t from = step.logit_rows[i];
            if (from < 0 || from >= x.dims[0])
                return invalid("select_rows: row " + std::to_string(i) + " wants token " +
                               std::to_string(from) + " of " + std::to_string(x.dims[0]));
            std::memcpy(row<char>(out, 0) + i * out.strides[0] * static_cast<int64_t>(size),
                        element(x.data, x.dtype, from * x.strides[0]),
                        static_cast<size_t>(x.dims[1]) * size);
        }
        return {};
    }
};

}  // namespace

constexpr OpEntry kSelectRows = entry<SelectRows>("select_rows/1");

}  // namespace afs::reference
