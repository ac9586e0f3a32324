// kv_append/1: k and v of each token of a sequence into their slot of the paged cache, rounded to
// the cache's dtype where that is another. Token i goes to block slots[i] / block_size; padding
// tokens are not stored.
#include "backend.hpp"

namespace afs::cpu {
namespace {

class KvAppend final : public Op {
public:
    KvAppend(const afs_query&, Context& context) : context_(context) {}

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        const afs_kv_layout layout = plugin::require_kv_append(check);
        answer(check, out, uint64_t{layout.head_dim} * sizeof(float));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &k = run.inputs[0], &v = run.inputs[1];
        const afs_step step = read<afs_step>(run.step);
        const auto layout = read<afs_kv_layout>(run.kv->layout);
        const int64_t width = static_cast<int64_t>(layout.n_kv_heads) * layout.head_dim;
        AFS_TRY(check_rows("k", k, step.n_tokens, width));
        AFS_TRY(check_rows("v", v, step.n_tokens, width));
        const int32_t n_real = step.cu_seqlens[step.n_seqs];
        if (n_real < 0 || n_real > static_cast<int32_t>(step.n_tokens))
            return invalid("kv_append: cu_seqlens ends at " + std::to_string(n_real) + " of " +
                           std::to_string(step.n_tokens) + " tokens");
        auto* wide = static_cast<float*>(run.workspace);  // [head_dim]
        for (int32_t i = 0; i < n_real; ++i) {
            if (step.slots[i] < 0)
                return invalid("kv_append: token " + std::to_string(i) + " has slot " +
                               std::to_string(step.slots[i]));
            store(k, i, run.kv->k, layout, layout.k_stride, step.slots[i], wide);
            store(v, i, run.kv->v, layout, layout.v_stride, step.slots[i], wide);
        }
        return {};
    }

private:
    void store(const afs_tensor& from, int32_t token, void* cache, const afs_kv_layout& layout,
               const int64_t (&stride)[4], int32_t slot, float* wide) const {
        const int64_t size = layout.block_size, block = slot / size, offset = slot % size;
        const size_t hd = layout.head_dim, bytes = dtype_size(layout.dtype);
        for (uint32_t head = 0; head < layout.n_kv_heads; ++head) {
            const char* row = element(row_of(from, token), from.dtype,
                                      static_cast<int64_t>(head) * layout.head_dim);
            char* to = element(cache, layout.dtype,
                               block * stride[0] + head * stride[1] + offset * stride[2]);
            const bool same = layout.dtype == from.dtype;
            if (same && stride[3] == 1) {
                std::memcpy(to, row, hd * bytes);
                continue;
            }
            if (same) {
                for (size_t d = 0; d < hd; ++d)
                    std::memcpy(
                        to + static_cast<int64_t>(d) * stride[3] * static_cast<int64_t>(bytes),
                        row + d * bytes, bytes);
                continue;
            }
            context_.kernels.widen(wide, row, from.dtype, hd);
            if (stride[3] == 1) {
                context_.kernels.narrow(to, layout.dtype, wide, hd);
                continue;
            }
            for (size_t d = 0; d < hd; ++d)
                context_.kernels.narrow(
                    element(to, layout.dtype, static_cast<int64_t>(d) * stride[3]), layout.dtype,
                    wide + d, 1);
        }
    }

    Context& context_;
};

}  // namespace

constexpr OpEntry kKvAppend = entry<KvAppend>("kv_append/1");

}  // namespace afs::cpu
