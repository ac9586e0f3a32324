// embed/1: out[i] = table[id], rounded to the activations' dtype; id = token_ids[i], or for a
// negative one, -1-r, what sample/1 wrote for row r of the step before. A padding token has id 0.
// A table that is also the head's weight is read as that is packed.
#include "afs/dequantise.hpp"
#include "backend.hpp"
#include "ops/linear/packed.hpp"

namespace afs::cpu {
namespace {

class Embed final : public Op {
public:
    Embed(const afs_query& query, Context& context)
        : context_(context), max_rows_(read<afs_limits>(query.limits).max_rows) {}

    static void query(OpCheck& check, const Context& context, afs_verdict& out) {
        plugin::require_embed(check);
        answer(check, out, context.pool.size() * thread_bytes(check.node().out().dims[1]));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &table = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("output", out, step.n_tokens, out.dims[1]));
        afs_tensor shape = table;
        shape.format = table.format == kPackedFormat ? 0 : table.format;
        AFS_TRY(check_matrix("table", shape, kAny, out.dims[1]));
        for (uint32_t i = 0; i < step.n_tokens; ++i)
            AFS_TRY(id_of(step, i, table.dims[0]).status());
        const auto width = static_cast<size_t>(out.dims[1]);
        const Packed packed(table.dtype, table.dims[0], table.dims[1]);
        constexpr size_t kTokens = 16;  // of one task
        context_.pool.run((step.n_tokens + kTokens - 1) / kTokens, [&](size_t task, unsigned t) {
            auto* wide = reinterpret_cast<float*>(static_cast<char*>(run.workspace) +
                                                  t * thread_bytes(out.dims[1]));
            void* row = wide + width;
            const auto first = static_cast<uint32_t>(task * kTokens);
            for (uint32_t i = first; i < std::min<uint32_t>(step.n_tokens, first + kTokens); ++i) {
                const int64_t id = *id_of(step, i, table.dims[0]);
                if (table.format != kPackedFormat)
                    widen(wide, table, row_of_matrix(table, id), width);
                else if (packed.coding)
                    unpack_row(packed, table.data, static_cast<size_t>(id), width, wide);
                else {
                    unpack_row(packed, table.data, static_cast<size_t>(id), width, row);
                    context_.kernels.widen(wide, row, table.dtype, width);
                }
                context_.kernels.narrow(row_of(out, i), out.dtype, wide, width);
            }
        });
        return {};
    }

private:
    static const void* row_of_matrix(const afs_tensor& t, int64_t i) {
        return static_cast<const char*>(t.data) +
               dtype_bytes(t.dtype, static_cast<size_t>(i * t.strides[0]));
    }
    void widen(float* to, const afs_tensor& table, const void* row, size_t n) const {
        if (!dequantise(table.dtype, row, to, n)) context_.kernels.widen(to, row, table.dtype, n);
    }
    // A row widened, and a row as it was packed.
    static uint64_t thread_bytes(int64_t width) {
        return 2 * static_cast<uint64_t>(std::max<int64_t>(0, width)) * sizeof(float);
    }
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

    Context& context_;
    uint32_t max_rows_;
};

}  // namespace

constexpr OpEntry kEmbed = entry<Embed>("embed/1");

}  // namespace afs::cpu
