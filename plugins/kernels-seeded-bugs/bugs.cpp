#include "bugs.hpp"

#include <iterator>

namespace afs::seeded {
namespace {

constexpr BugEntry kBugs[] = {
    {Bug::drops_last_k, "drops-last-k", "linear/1", "the last element of K is left out"},
    {Bug::drops_first_k, "drops-first-k", "linear/1", "the first element of K is left out"},
    {Bug::drops_k_behind_16, "drops-k-tail-16", "linear/1",
     "K behind whole tiles of 16 is left out"},
    {Bug::drops_k_64, "drops-k-64", "linear/1", "element 64 of K, at a tile's edge, is left out"},
    {Bug::odd_k_twice, "odd-k-twice", "linear/1", "of an odd K the last element counts twice"},
    {Bug::bf16_sum, "bf16-sum", "linear/1", "sums in bf16 and says fp32"},
    {Bug::fp16_sum, "fp16-sum", "linear/1", "sums in fp16 and says fp32"},
    {Bug::scales_up, "scale-1.01", "linear/1", "results are 1 % too large"},
    {Bug::truncates, "truncates", "linear/1", "the output is cut, not rounded"},
    {Bug::nudges_up, "nudges-up", "linear/1", "a third of an ulp is added before rounding"},
    {Bug::last_column, "last-column", "linear/1", "the last column is the one before it"},
    {Bug::column_mod_128, "column-17-mod-128", "linear/1", "columns 17 mod 128 use another weight"},
    {Bug::one_row_over_64, "row-64", "linear/1", "with 64 n + 1 rows the last one is the first"},
    {Bug::one_column_over_256, "column-256", "linear/1",
     "with 256 n + 1 columns the last one is the first"},
    {Bug::one_k_over_256, "k-256", "linear/1", "of K = 256 n + 1 the last element is left out"},
    {Bug::writes_past_end, "writes-past-end", "linear/1",
     "one element behind the output is written"},
    {Bug::reads_past_row, "reads-past-row", "linear/1", "one element behind each row is read"},
    {Bug::workspace_overrun, "workspace-overrun", "linear/1", "64 bytes asked for, 96 written"},
    {Bug::random_order, "random-order", "linear/1", "the order of a sum changes from run to run"},
    {Bug::order_by_batch, "order-by-batch", "linear/1", "the order of a sum depends on n"},
    {Bug::column_unwritten, "column-unwritten", "linear/1", "an odd last column is not written"},
    {Bug::adds_to_output, "adds-to-output", "linear/1", "results are added to what was there"},
    {Bug::narrows_weights, "narrows-weights", "linear/1",
     "weights are rounded to bf16 and it says fp32"},
    {Bug::flushes, "flushes", "linear/1", "subnormal inputs become 0 and it does not say so"},
    {Bug::writes_input, "writes-input", "linear/1", "an input is scaled where it lies"},
    {Bug::one_k_over_512, "k-512", "linear/1", "of K = 512 n + 1 the last element is left out"},

    {Bug::eps_outside, "eps-outside", "rms_norm/1", "eps is added outside the root"},
    {Bug::eps_left_out, "eps-left-out", "rms_norm/1", "eps is left out"},
    {Bug::mean_drops_last, "mean-drops-last", "rms_norm/1", "the mean lacks the last element"},
    {Bug::divides_by_less, "divides-by-d-1", "rms_norm/1", "the sum is divided by d - 1"},
    {Bug::norms_heads, "norms-heads", "rms_norm/1", "each 64 elements are normed by themselves"},
    {Bug::weight_neighbour, "weight-neighbour", "rms_norm/1", "the neighbour's weight is used"},
    {Bug::casts_late, "casts-late", "rms_norm/1", "rounds on the other side of the weight"},
    {Bug::weight_plus_one, "weight-plus-one", "rms_norm/1", "multiplies by weight + 1"},
    {Bug::fp16_squares, "fp16-squares", "rms_norm/1", "squares overflow as fp16 does"},
    {Bug::first_row_scale, "first-row-scale", "rms_norm/1", "every row is scaled as the first"},
    {Bug::rough_root, "rough-root", "rms_norm/1", "the root has 12 bits, without a Newton step"},
    {Bug::bf16_squares, "bf16-squares", "rms_norm/1", "squares are summed in bf16"},
    {Bug::last_row_scale, "row-64-scale", "rms_norm/1",
     "with 64 n + 1 rows the last one is scaled as the one before"},

    {Bug::interleaves, "interleaves", "rope/1", "pairs are (2i, 2i+1)"},
    {Bug::position_ahead, "position-ahead", "rope/1", "rotates by position + 1"},
    {Bug::other_way, "other-way", "rope/1", "rotates the other way"},
    {Bug::first_head_only, "first-head-only", "rope/1", "heads behind the first are not rotated"},
    {Bug::theta_of_others, "theta-10000", "rope/1", "theta is 10000 whatever the node says"},
    {Bug::no_scaling, "no-scaling", "rope/1", "llama3 scaling is left out"},
    {Bug::other_table, "other-table", "rope/1", "rounds the table where it should not, or not"},
    {Bug::bf16_position, "bf16-position", "rope/1", "positions are rounded to bf16"},
    {Bug::position_clamped, "position-clamped", "rope/1", "positions end at 8191"},
    {Bug::does_not_rotate, "does-not-rotate", "rope/1", "the input is copied"},
    {Bug::table_ends, "table-ends", "rope/1", "positions end at 131071"},

    {Bug::drops_last_key, "drops-last-key", "attention/1", "a query does not see its own key"},
    {Bug::drops_first_key, "drops-first-key", "attention/1", "the first key is left out"},
    {Bug::sees_ahead, "sees-ahead", "attention/1", "the causal mask is off by one"},
    {Bug::no_mask, "no-mask", "attention/1", "there is no causal mask"},
    {Bug::other_kv_head, "other-kv-head", "attention/1", "head h reads kv head h % kv_heads"},
    {Bug::drops_page_edge, "drops-page-edge", "attention/1",
     "the first key of each block is left out"},
    {Bug::no_rescale, "no-rescale", "attention/1", "the sum is not rescaled behind 64 keys"},
    {Bug::attention_scale, "attention-1.01", "attention/1", "results are 1 % too large"},
    {Bug::no_scale, "no-scale", "attention/1", "scores are not scaled"},
    {Bug::stale_block, "stale-block", "attention/1", "the last block is that of another sequence"},
    {Bug::drops_part_block, "drops-part-block", "attention/1", "a partly filled block is left out"},
    {Bug::no_max, "no-max", "attention/1", "exponentials overflow: the maximum is not taken off"},
    {Bug::bf16_weights, "bf16-weights", "attention/1",
     "softmax weights have bf16 and it says fp32"},
    {Bug::only_512_keys, "only-512-keys", "attention/1", "keys behind 512 are not read"},
    {Bug::full_tile_edge, "full-tile-edge", "attention/1",
     "a context of 128 n keys loses its last one"},
    {Bug::rough_exp, "rough-exp", "attention/1", "the exponential has 9 bits"},
    {Bug::assumes_layout, "assumes-layout", "attention/1", "the cache's strides are not read"},
    {Bug::assumes_16_slots, "assumes-16-slots", "attention/1",
     "blocks have 16 slots whatever they have"},
    {Bug::padding_as_sequence, "one-sequence", "attention/1",
     "every token is taken for the first sequence's"},

    {Bug::swaps_k_and_v, "swaps-k-and-v", "kv_append/1", "keys are stored as values"},
    {Bug::next_slot, "next-slot", "kv_append/1", "the slot behind is written"},
    {Bug::stores_padding, "stores-padding", "kv_append/1", "padding tokens are stored"},
    {Bug::skips_last_token, "skips-last-token", "kv_append/1", "the last token is not stored"},
    {Bug::truncates_cache, "truncates-cache", "kv_append/1",
     "a narrower cache is cut, not rounded"},
    {Bug::last_head_lost, "last-head-lost", "kv_append/1",
     "the last of several heads is not stored"},
    {Bug::cache_loses_nan, "cache-loses-nan", "kv_append/1", "NaN is stored as 0"},

    {Bug::swaps_gate, "swaps-gate", "swiglu/1", "gate and up change places"},
    {Bug::sigmoid_only, "sigmoid-only", "swiglu/1", "multiplies by sigmoid"},
    {Bug::gelu, "gelu", "swiglu/1", "gelu's approximation for silu"},
    {Bug::exp_overflow, "exp-overflow", "swiglu/1", "x * exp(x) / (1 + exp(x)): NaN of large x"},
    {Bug::swiglu_tail, "swiglu-tail", "swiglu/1", "behind whole vectors of 8 silu is left out"},
    {Bug::subtracts, "subtracts", "add/1", "a - b"},
    {Bug::add_tail, "add-tail", "add/1", "behind whole vectors of 16 only a is taken"},
    {Bug::add_saturates, "add-saturates", "add/1", "results end at 65504"},
    {Bug::add_truncates, "add-truncates", "add/1", "the output is cut, not rounded"},
    {Bug::swiglu_whole_tile, "swiglu-tile-4096", "swiglu/1",
     "of 4096 n elements the last one is left as gate"},
    {Bug::add_almost_tile, "add-tail-4095", "add/1",
     "of 4096 n - 1 elements the last one is left as a"},

    {Bug::next_row, "next-row", "embed/1", "the row behind is read"},
    {Bug::forgets_sampled, "forgets-sampled", "embed/1", "negative ids are row 0"},
    {Bug::last_id, "last-id", "embed/1", "the table's last row is never reached"},
    {Bug::embed_truncates, "embed-truncates", "embed/1", "a narrower output is cut, not rounded"},
    {Bug::rows_in_order, "rows-in-order", "select_rows/1", "rows are taken in order"},
    {Bug::repeats_lost, "repeats-lost", "select_rows/1",
     "a row that is asked for twice comes once"},
    {Bug::embed_loses_nan, "embed-loses-nan", "embed/1", "NaN is read as 0"},
    {Bug::rows_lose_nan, "rows-lose-nan", "select_rows/1", "NaN is read as 0"},
    {Bug::rows_clamp_infinity, "rows-clamp-infinity", "select_rows/1",
     "infinity is read as the largest number"},

    {Bug::tie_to_highest, "tie-to-highest", "sample/1", "ties go to the highest id"},
    {Bug::no_top_k, "no-top-k", "sample/1", "top_k is not read"},
    {Bug::no_top_p, "no-top-p", "sample/1", "top_p is not read"},
    {Bug::no_min_p, "no-min-p", "sample/1", "min_p is not read"},
    {Bug::ignores_n_vocab, "ignores-n-vocab", "sample/1", "padded ids are drawn too"},
    {Bug::seed_only, "seed-only", "sample/1", "every position draws the same number"},
    {Bug::always_greedy, "always-greedy", "sample/1", "temperature is not read"},
    {Bug::skips_infinity, "skips-infinity", "sample/1", "infinite logits are never drawn"},
};

}  // namespace

const BugEntry* bug_entry(size_t number) {
    return number >= 1 && number <= std::size(kBugs) ? &kBugs[number - 1] : nullptr;
}

const BugEntry* bug_named(const std::string& name) {
    for (const BugEntry& entry : kBugs)
        if (name == entry.name) return &entry;
    return nullptr;
}

size_t n_bugs() {
    return std::size(kBugs);
}

}  // namespace afs::seeded
