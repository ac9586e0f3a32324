// What an op file gives the plugin: its op on one record, with at most one bug.
#pragma once
#include "bugs.hpp"
#include "element.hpp"

namespace afs::seeded {

struct OpState {
    Bug bug = Bug::none;
    afs_rms_norm_params norm{};
    afs_rope_params rope{};
    afs_attention_params attention{};
    uint32_t n_runs = 0;
};

using Body = void (*)(const afs_run& run, OpState& state);

void add(const afs_run& run, OpState& state);
void swiglu(const afs_run& run, OpState& state);
void linear(const afs_run& run, OpState& state);
void rms_norm(const afs_run& run, OpState& state);
void rope(const afs_run& run, OpState& state);
void kv_append(const afs_run& run, OpState& state);
void attention(const afs_run& run, OpState& state);
void embed(const afs_run& run, OpState& state);
void select_rows(const afs_run& run, OpState& state);
void sample(const afs_run& run, OpState& state);

}  // namespace afs::seeded
