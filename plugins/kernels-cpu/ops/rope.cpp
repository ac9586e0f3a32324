// rope/1: each pair (x[j], x[j + head_dim/2]) of a head turned by angle(position, j), T the
// activations' dtype:
//   table_in_act_dtype (Llama):  cos, sin and each product rounded to T, then their sum;
//   else (OLMo-2):               fp32 cos, sin and arithmetic, rounded once.
// The angle is the fp32 product of afs/rope.hpp; its cosine and sine come from a table.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class Rope final : public Op {
public:
    Rope(const afs_query& query, Context& context)
        : context_(context), params_(Node(query).params<afs_rope_params>()) {
        table_ = context.rope.get(params_, Node(query).in(0).dtype,
                                  read<afs_limits>(query.limits).max_context);
    }

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_rope(check);
        const auto p = check.node().params<afs_rope_params>();
        answer(check, out, uint64_t{check.limits().max_tokens} * p.head_dim * sizeof(float));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_tokens, x.dims[1]));
        const size_t half = table_->half(), n_heads = static_cast<size_t>(x.dims[1]) / (2 * half);
        auto* scratch = static_cast<float*>(run.workspace);  // [n_tokens, 2, half]
        // The table is filled by this thread alone; then every row is its own business.
        for (uint32_t i = 0; i < step.n_tokens; ++i)
            table_->row(step.positions[i], scratch + size_t{2} * i * half);
        each_row(context_.pool, x.dims[0], x.dims[1] / 8, [&](int64_t i) {
            const auto token = static_cast<size_t>(i);
            const float* cosine = table_->row(step.positions[i], scratch + token * 2 * half);
            context_.kernels.rope(row_of(out, i), row_of(x, i), x.dtype, cosine, cosine + half,
                                  half, n_heads, params_.table_in_act_dtype != 0);
        });
        return {};
    }

private:
    Context& context_;
    afs_rope_params params_;
    std::shared_ptr<RopeTable> table_;
};

}  // namespace

constexpr OpEntry kRope = entry<Rope>("rope/1");

}  // namespace afs::cpu
