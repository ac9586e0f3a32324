// kv_append/1: k and v of each token of a sequence into their slot of the paged cache, rounded to
// the cache's dtype where that is another. Token i goes to block slots[i] / block_size; padding
// tokens are not stored.
#include "backend.hpp"
#include "cache.hpp"

namespace afs::reference {
namespace {

class KvAppend final : public Op {
public:
    explicit KvAppend(const afs_query&) {}

    static void query(Check& check, const afs_query&, afs_verdict& out);

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
        return dispatch(k.dtype, [&](auto act) {
            return dispatch(layout.dtype, [&](auto stored) -> Status {
                using T = decltype(act);
                using C = decltype(stored);
                for (int32_t i = 0; i < n_real; ++i) {
                    if (step.slots[i] < 0)
                        return invalid("kv_append: token " + std::to_string(i) + " has slot " +
                                       std::to_string(step.slots[i]));
                    store(row<T>(k, i), static_cast<C*>(run.kv->k), layout, layout.k_stride,
                          step.slots[i]);
                    store(row<T>(v, i), static_cast<C*>(run.kv->v), layout, layout.v_stride,
                          step.slots[i]);
                }
                return {};
            });
        });
    }

private:
    template <class T, class C>
    static void store(const T* from, C* cache, const afs_kv_layout& layout,
                      const int64_t (&stride)[4], int32_t slot) {
        const int64_t size = layout.block_size, block = slot / size, offset = slot % size;
        for (int64_t head = 0; head < layout.n_kv_heads; ++head)
            for (int64_t d = 0; d < layout.head_dim; ++d) {
                C& to = cache[cache_index(stride, block, head, offset) + d * stride[3]];
                to = narrow<C>(widen<Acc<C>>(from[head * layout.head_dim + d]));
            }
    }
};

void KvAppend::query(Check& check, const afs_query&, afs_verdict& out) {
    plugin::require_kv_append(check);
    check.answer(out, check.reason().empty() ? check.node().in(0).dtype : AFS_F32, 0);
}

}  // namespace

constexpr OpEntry kKvAppend = entry<KvAppend>("kv_append/1");

}  // namespace afs::reference
