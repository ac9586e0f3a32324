// embed/1: out[i] = table[id], rounded to the activations' dtype; id = token_ids[i], or for a
// negative one, -1-r, what sample/1 wrote for row r of the step before. An id that the table has no
// row for gives NaN: the ids lie on the device, where nobody can be told.
#include "backend.hpp"
#include "kernels/gather.cuh"

namespace afs::cuda {
namespace {

struct TokenRow {
    const int32_t *token_ids, *prev_ids;
    uint32_t max_rows;
    int64_t vocab;

    __device__ int64_t operator()(int64_t i) const {
        int64_t id = token_ids[i];
        if (id < 0) {
            const int64_t sampled = -1 - id;
            if (!prev_ids || sampled >= max_rows) return -1;
            id = prev_ids[sampled];
        }
        return id < 0 || id >= vocab ? -1 : id;
    }
};

class Embed final : public Op {
public:
    explicit Embed(const afs_query& query) : max_rows_(read<afs_limits>(query.limits).max_rows) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_embed(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override {
        const afs_tensor &table = run.inputs[0], &out = *run.output;
        const auto step = read<afs_step>(run.step);
        AFS_TRY(check_rows("output", out, step.n_tokens, out.dims[1]));
        AFS_TRY(check_rows("table", table, kAny, out.dims[1]));
        const TokenRow source = {step.token_ids, step.prev_ids, max_rows_, table.dims[0]};
        return dispatch(table.dtype, [&](auto stored) {
            return dispatch(out.dtype, [&](auto t) {
                return gather<decltype(stored), decltype(t)>(table, out, source, run.stream);
            });
        });
    }

private:
    uint32_t max_rows_;
};

}  // namespace

constexpr OpEntry kEmbed = entry<Embed>("embed/1");

}  // namespace afs::cuda
