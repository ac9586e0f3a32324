// sample/1: afs/sample.hpp, on a row that a bug has changed.
#include "afs/sample.hpp"

#include "backend.hpp"

namespace afs::seeded {
namespace {

int32_t highest_best(const Row& logits, int32_t n) {
    int32_t best = sample_argmax(logits.data(), n);
    for (int32_t i = best + 1; i < n; ++i)
        if (logits[static_cast<size_t>(i)] == logits[static_cast<size_t>(best)]) best = i;
    return best;
}

}  // namespace

void sample(const afs_run& run, OpState& s) {
    auto* ids = static_cast<int32_t*>(run.output->data);
    SampleScratch scratch;
    for (uint32_t i = 0; i < run.step->n_rows; ++i) {
        afs_row row = run.step->rows[i];
        if (!(row.flags & AFS_ROW_SAMPLE)) continue;
        Row logits = row_of(run.inputs[0], i);
        if (s.bug == Bug::skips_infinity)
            for (float& x : logits) x = std::isinf(x) ? -INFINITY : x;
        if (s.bug == Bug::no_top_k) row.top_k = 0;
        if (s.bug == Bug::no_top_p) row.top_p = 1;
        if (s.bug == Bug::no_min_p) row.min_p = 0;
        if (s.bug == Bug::ignores_n_vocab) row.n_vocab = static_cast<int32_t>(logits.size());
        if (s.bug == Bug::seed_only) row.counter = 0;
        if (s.bug == Bug::always_greedy) row.temperature = 0;
        const bool greedy = !(row.temperature > 0);
        ids[i] = s.bug == Bug::tie_to_highest && greedy ? highest_best(logits, row.n_vocab)
                                                        : sample_row(logits.data(), row, scratch);
        if (run.step->host_ids) run.step->host_ids[i] = ids[i];
    }
}

}  // namespace afs::seeded
