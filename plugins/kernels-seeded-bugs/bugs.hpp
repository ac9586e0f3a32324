// The mistakes that this plugin can make, one at a time. Each is one that kernels have had.
#pragma once
#include <cstddef>
#include <string>

namespace afs::seeded {

enum class Bug {
    none,
    // linear/1
    drops_last_k,
    drops_first_k,
    drops_k_behind_16,
    drops_k_64,
    odd_k_twice,
    bf16_sum,
    fp16_sum,
    scales_up,
    truncates,
    nudges_up,
    last_column,
    column_mod_128,
    one_row_over_64,
    one_column_over_256,
    one_k_over_256,
    writes_past_end,
    reads_past_row,
    workspace_overrun,
    random_order,
    order_by_batch,
    column_unwritten,
    adds_to_output,
    narrows_weights,
    flushes,
    writes_input,
    one_k_over_512,
    // rms_norm/1
    eps_outside,
    eps_left_out,
    mean_drops_last,
    divides_by_less,
    norms_heads,
    weight_neighbour,
    casts_late,
    weight_plus_one,
    fp16_squares,
    first_row_scale,
    rough_root,
    bf16_squares,
    last_row_scale,
    // rope/1
    interleaves,
    position_ahead,
    other_way,
    first_head_only,
    theta_of_others,
    no_scaling,
    other_table,
    bf16_position,
    position_clamped,
    does_not_rotate,
    table_ends,
    // attention/1
    drops_last_key,
    drops_first_key,
    sees_ahead,
    no_mask,
    other_kv_head,
    drops_page_edge,
    no_rescale,
    attention_scale,
    no_scale,
    stale_block,
    drops_part_block,
    no_max,
    bf16_weights,
    only_512_keys,
    full_tile_edge,
    rough_exp,
    assumes_layout,
    assumes_16_slots,
    padding_as_sequence,
    // kv_append/1
    swaps_k_and_v,
    next_slot,
    stores_padding,
    skips_last_token,
    truncates_cache,
    last_head_lost,
    cache_loses_nan,
    // swiglu/1, add/1
    swaps_gate,
    sigmoid_only,
    gelu,
    exp_overflow,
    swiglu_tail,
    subtracts,
    add_tail,
    add_saturates,
    add_truncates,
    swiglu_whole_tile,
    add_almost_tile,
    // embed/1, select_rows/1
    next_row,
    forgets_sampled,
    last_id,
    embed_truncates,
    rows_in_order,
    repeats_lost,
    embed_loses_nan,
    rows_lose_nan,
    rows_clamp_infinity,
    // sample/1
    tie_to_highest,
    no_top_k,
    no_top_p,
    no_min_p,
    ignores_n_vocab,
    seed_only,
    always_greedy,
    skips_infinity
};

struct BugEntry {
    Bug bug;
    const char* name;
    const char* op;
    const char* text;
};

// By number, from 1; NULL past the end.
const BugEntry* bug_entry(size_t number);
const BugEntry* bug_named(const std::string& name);
size_t n_bugs();

}  // namespace afs::seeded
