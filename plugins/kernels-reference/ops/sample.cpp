// sample/1: one id from each row of logits that asks for it, as afs/sample.hpp defines the draw.
// The ids go to the output, which the next step reads as prev_ids, and to host_ids where there are
// any.
#include "afs/sample.hpp"
#include "backend.hpp"
#include "lanes.hpp"

namespace afs::reference {
namespace {

class Sample final : public Op {
public:
    explicit Sample(const afs_query& query) {
        scratch_.kept.reserve(static_cast<size_t>(Node(query).in(0).dims[1]));
    }

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        plugin::require_sample(check);
        if (!check.reason().empty()) return check.answer(out, AFS_F32, 0);
        const afs_value logits = check.node().in(0);
        const auto vocab = static_cast<size_t>(logits.dims[1]);
        check.answer(out, logits.dtype, padded(vocab) * sizeof(float));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &logits = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        AFS_TRY(check_rows("logits", logits, step.n_rows, logits.dims[1]));
        if (out.dtype != AFS_I32 || out.rank != 1 || out.dims[0] != step.n_rows || !out.data)
            return invalid("sample: expected an int32 output of " + std::to_string(step.n_rows));
        auto* wide = static_cast<float*>(run.workspace);
        for (uint32_t i = 0; i < step.n_rows; ++i) {
            const afs_row& r = step.rows[i];
            if (!(r.flags & AFS_ROW_SAMPLE)) continue;
            if (r.n_vocab <= 0 || r.n_vocab > logits.dims[1])
                return invalid("sample: row " + std::to_string(i) + " has " +
                               std::to_string(r.n_vocab) + " valid ids, expected 1 to " +
                               std::to_string(logits.dims[1]));
            widen_row(wide, element(logits.data, logits.dtype, i * logits.strides[0]), logits.dtype,
                      static_cast<size_t>(r.n_vocab));
            const int32_t id = sample_row(wide, r, scratch_);
            row<int32_t>(out, i)[0] = id;
            if (step.host_ids) step.host_ids[i] = id;
        }
        return {};
    }

private:
    SampleScratch scratch_;
};

}  // namespace

constexpr OpEntry kSample = entry<Sample>("sample/1");

}  // namespace afs::reference
