// select_rows/1: out[i] = x[logit_rows[i]], bit for bit: only rows whose logits are wanted go on.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class SelectRows final : public Op {
public:
    SelectRows(const afs_query&, Context&) {}

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_select_rows(check);
        answer(check, out);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_rows, x.dims[1]));
        const size_t bytes = static_cast<size_t>(x.dims[1]) * dtype_size(x.dtype);
        for (uint32_t i = 0; i < step.n_rows; ++i) {
            const int64_t from = step.logit_rows[i];
            if (from < 0 || from >= x.dims[0])
                return invalid("select_rows: row " + std::to_string(i) + " wants token " +
                               std::to_string(from) + " of " + std::to_string(x.dims[0]));
            std::memcpy(row_of(out, i), row_of(x, from), bytes);
        }
        return {};
    }
};

}  // namespace

constexpr OpEntry kSelectRows = entry<SelectRows>("select_rows/1");

}  // namespace afs::cpu
