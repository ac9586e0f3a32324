// embed/1 and select_rows/1.
#include "backend.hpp"

namespace afs::seeded {

void embed(const afs_run& run, OpState& s) {
    const afs_tensor &table = run.inputs[0], &out = *run.output;
    for (uint32_t i = 0; i < run.step->n_tokens; ++i) {
        int64_t id = run.step->token_ids[i];
        if (id < 0) id = s.bug == Bug::forgets_sampled ? 0 : run.step->prev_ids[-1 - id];
        if (s.bug == Bug::next_row) id = (id + 1) % table.dims[0];
        if (s.bug == Bug::last_id && id == table.dims[0] - 1 && id > 0) --id;
        Row row = row_of(table, id);
        if (s.bug == Bug::embed_loses_nan)
            for (float& x : row) x = std::isnan(x) ? 0 : x;
        for (size_t j = 0; j < row.size(); ++j)
            put(out, i, static_cast<int64_t>(j),
                s.bug == Bug::embed_truncates ? cut(row[j], out.dtype) : row[j]);
    }
}

void select_rows(const afs_run& run, OpState& s) {
    const afs_tensor& x = run.inputs[0];
    for (uint32_t i = 0; i < run.step->n_rows; ++i) {
        const int32_t wanted = run.step->logit_rows[i];
        const bool again = i > 0 && wanted == run.step->logit_rows[i - 1];
        if (s.bug == Bug::repeats_lost && again) continue;
        const int64_t row =
            s.bug == Bug::rows_in_order ? static_cast<int64_t>(i) % x.dims[0] : wanted;
        Row values = row_of(x, row);
        for (float& value : values) {
            if (s.bug == Bug::rows_lose_nan && std::isnan(value)) value = 0;
            if (s.bug == Bug::rows_clamp_infinity && std::isinf(value))
                value = std::copysign(65504.0f, value);
        }
        put_row(*run.output, i, values);
    }
}

}  // namespace afs::seeded
