// embed/1: out[i] = table[id], rounded to the activations' dtype; id = token_ids[i], or for a
// negative one, -1-r, what sample/1 wrote for row r of the step before. A padding token has id 0.
#include "backend.hpp"
#include "lanes.hpp"

namespace afs::reference {
namespace {

class Embed final : public Op {
public:
    explicit Embed(const afs_query& query) : max_rows_(read<afs_limits>(query.limits).max_rows) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        const afs_value result = check.node().out();
        plugin::require_embed(check);
        const size_t width = padded(static_cast<size_t>(std::max<int64_t>(0, result.dims[1])));
        check.answer(out, result.dtype, width * dtype_size(acc_dtype(result.dtype)));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &table = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("output", out, step.n_tokens, out.dims[1]));
        AFS_TRY(check_matrix("table", table, kAny, out.dims[1]));
        return dispatch(out.dtype, [&](auto t) -> Status {
            using T = decltype(t);
            const size_t width = static_cast<size_t>(out.dims[1]);
            auto* wide = static_cast<Acc<T>*>(run.workspace);
            for (uint32_t i = 0; i < step.n_tokens; ++i) {
                AFS_ASSIGN(const int64_t id, id_of(step, i, table.dims[0]));
                widen_row(wide, element(table.data, table.dtype, id * table.strides[0]),
                          table.dtype, width);
                for (size_t j = 0; j < width; ++j) row<T>(out, i)[j] = narrow<T>(wide[j]);
            }
            return {};
        });
    }

private:
    Result<int64_t> id_of(const afs_step& step, uint32_t i, int64_t vocab) const {
        int64_t id = step.token_ids[i];
        if (id < 0) {
            const int64_t sampled = -1 - id;
            if (!step.prev_ids || sampled >= static_cast<int64_t>(max_rows_))
                return invalid("embed: token " + std::to_string(i) + " wants sampled row " +
                               std::to_string(sampled) + ", a step has at most " +
                               std::to_string(step.prev_ids ? max_rows_ : 0));
            id = step.prev_ids[sampled];
        }
        if (id < 0 || id >= vocab)
            return invalid("embed: token " + std::to_string(i) + " has id " + std::to_string(id) +
                           ", expected 0 to " + std::to_string(vocab - 1));
        return id;
    }
    uint32_t max_rows_;
};

}  // namespace

constexpr OpEntry kEmbed = entry<Embed>("embed/1");

}  // namespace afs::reference
