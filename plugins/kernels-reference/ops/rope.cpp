// rope/1: each pair (x[j], x[j + head_dim/2]) of a head turned by angle(position, j), T the
// activations' dtype:
//   table_in_act_dtype (Llama):  cos, sin and each product rounded to T, then their sum;
//   else (OLMo-2):               fp32 cos, sin and arithmetic, rounded once.
// The angle is the fp32 product of afs/rope.hpp even in fp64: it belongs to the op. Its cosine and
// sine are taken in fp64, so that position 131071 is as exact as position 0, and rounded to fp32
// unless the activations are fp64.
#include <vector>

#include "afs/rope.hpp"
#include "backend.hpp"

namespace afs::reference {
namespace {

class Rope final : public Op {
public:
    explicit Rope(const afs_query& query) : params_(Node(query).params<afs_rope_params>()) {
        for (uint32_t j = 0; j < params_.head_dim / 2; ++j)
            inv_freq_.push_back(rope_inv_freq(params_, j));
    }

    static void query(Check& check, const afs_query&, afs_verdict& out);

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_tokens, x.dims[1]));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            for (int64_t i = 0; i < x.dims[0]; ++i)
                turn(row<T>(x, i), row<T>(out, i), x.dims[1], step.positions[i],
                     static_cast<Acc<T>*>(run.workspace));
            return Status();
        });
    }

private:
    template <class T>
    void turn(const T* x, T* out, int64_t width, int32_t position, Acc<T>* table) const {
        using A = Acc<T>;
        const bool narrow_steps = params_.table_in_act_dtype != 0;
        const auto step_rounded = [=](A v) { return narrow_steps ? rounded<T>(v) : v; };
        const int64_t half = params_.head_dim / 2;
        A *cosine = table, *sine = table + half;
        for (int64_t j = 0; j < half; ++j) {
            const double angle = rope_angle(position, inv_freq_[static_cast<size_t>(j)]);
            cosine[j] = step_rounded(static_cast<A>(std::cos(angle)));
            sine[j] = step_rounded(static_cast<A>(std::sin(angle)));
        }
        for (int64_t head = 0; head < width; head += 2 * half)
            for (int64_t j = head; j < head + half; ++j) {
                const A a = widen<A>(x[j]), b = widen<A>(x[j + half]);
                const A c = cosine[j - head], s = sine[j - head];
                out[j] = narrow<T>(step_rounded(a * c) - step_rounded(b * s));
                out[j + half] = narrow<T>(step_rounded(b * c) + step_rounded(a * s));
            }
    }

    afs_rope_params params_;
    std::vector<float> inv_freq_;
};

void Rope::query(Check& check, const afs_query&, afs_verdict& out) {
    const afs_value result = check.node().out();
    const auto p = check.node().params<afs_rope_params>();
    plugin::require_rope(check);
    check.answer(out, result.dtype, p.head_dim * dtype_size(acc_dtype(result.dtype)));
}

}  // namespace

constexpr OpEntry kRope = entry<Rope>("rope/1");

}  // namespace afs::reference
