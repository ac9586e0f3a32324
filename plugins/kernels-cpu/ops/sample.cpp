// sample/1: one id from each row of logits that asks for it, as afs/sample.hpp defines the draw.
// The ids go to the output, which the next step reads as prev_ids, and to host_ids where there are
// any. Greedy rows take a vector argmax; others widen the row and draw.
#include "afs/sample.hpp"
#include "backend.hpp"

namespace afs::cpu {
namespace {

class Sample final : public Op {
public:
    Sample(const afs_query& query, Context& context) : kernels_(context.kernels) {
        scratch_.kept.reserve(static_cast<size_t>(Node(query).in(0).dims[1]));
    }

    static void query(OpCheck& check, const Context&, afs_verdict& out) {
        plugin::require_sample(check);
        const int64_t vocab = check.node().n_inputs() ? check.node().in(0).dims[1] : 0;
        answer(check, out, static_cast<uint64_t>(std::max<int64_t>(0, vocab)) * sizeof(float));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &logits = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("logits", logits, step.n_rows, logits.dims[1]));
        if (out.dtype != AFS_I32 || out.rank != 1 || out.dims[0] != step.n_rows || !out.data)
            return invalid("sample: expected an int32 output of " + std::to_string(step.n_rows));
        for (uint32_t i = 0; i < step.n_rows; ++i) {
            const afs_row& row = step.rows[i];
            if (!(row.flags & AFS_ROW_SAMPLE)) continue;
            if (row.n_vocab <= 0 || row.n_vocab > logits.dims[1])
                return invalid("sample: row " + std::to_string(i) + " has " +
                               std::to_string(row.n_vocab) + " valid ids, expected 1 to " +
                               std::to_string(logits.dims[1]));
            const int32_t id =
                draw(row_of(logits, i), logits.dtype, row, static_cast<float*>(run.workspace));
            std::memcpy(row_of(out, i), &id, sizeof id);
            if (step.host_ids) step.host_ids[i] = id;
        }
        return {};
    }

private:
    int32_t draw(const void* logits, int32_t dtype, const afs_row& row, float* wide) {
        const auto n = static_cast<size_t>(row.n_vocab);
        if (!(row.temperature > 0.0f)) {
            const size_t best = kernels_.argmax(logits, dtype, n);
            if (best < n) return static_cast<int32_t>(best);
        }
        kernels_.widen(wide, logits, dtype, n);
        return sample_row(wide, row, scratch_);
    }

    const Kernels& kernels_;
    SampleScratch scratch_;
};

}  // namespace

constexpr OpEntry kSample = entry<Sample>("sample/1");

}  // namespace afs::cpu
