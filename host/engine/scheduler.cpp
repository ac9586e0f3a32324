#include "engine/scheduler.hpp"

#include <algorithm>

#include "afs/check.hpp"

namespace afs {

uint32_t Scheduler::add(std::unique_ptr<Sequence> sequence) {
    const uint64_t id = sequence->id;
    const uint32_t reused = sequence->n_cached == 0 ? take_over_kept(*sequence) : 0;
    sequences_.emplace(id, std::move(sequence));
    return reused;
}

void Scheduler::keep(Sequence& s) {
    drop_kept();
    kept_tokens_.assign(s.tokens.begin(), s.tokens.begin() + std::min(s.n_cached, s.n_known()));
    std::swap(kept_table_, s.table);
}

bool Scheduler::drop_kept() {
    if (kept_table_.blocks().empty()) return false;
    kept_table_.release(pool_);
    kept_tokens_.clear();
    return true;
}

uint32_t Scheduler::n_free_blocks() const {
    const auto& kept = kept_table_.blocks();
    return pool_.n_free() +
           static_cast<uint32_t>(std::count_if(kept.begin(), kept.end(), [this](uint32_t block) {
               return pool_.references(block) == 1;
           }));
}

// The last token of a prompt is always processed: its row gives the next one.
uint32_t Scheduler::take_over_kept(Sequence& s) {
    if (s.request.prompt_logprobs || s.n_known() < 2) return 0;
    const size_t most = std::min<size_t>(kept_tokens_.size(), s.n_known() - 1);
    const auto parted =
        std::mismatch(kept_tokens_.begin(), kept_tokens_.begin() + static_cast<ptrdiff_t>(most),
                      s.tokens.begin());
    const auto n = static_cast<uint32_t>(parted.first - kept_tokens_.begin());
    if (n == 0) return 0;
    s.table = kept_table_.fork(pool_, n, sizes_.block_size);
    s.n_cached = n;
    drop_kept();
    return n;
}

void Scheduler::fork(const Sequence& parent, std::unique_ptr<Sequence> child) {
    // A token in flight was drawn with the parent's parameters: the child draws its own from the
    // last token that is known, so that it equals a fresh sequence of the same tokens.
    child->n_cached = std::min(parent.n_cached, parent.n_known() - 1);
    child->table = parent.table.fork(pool_, child->n_cached, sizes_.block_size);
    child->running = parent.running && n_running() < sizes_.max_sequences;
    add(std::move(child));
}

Sequence* Scheduler::find(uint64_t id) {
    const auto it = sequences_.find(id);
    return it == sequences_.end() ? nullptr : it->second.get();
}

void Scheduler::remove(uint64_t id) {
    const auto it = sequences_.find(id);
    if (it == sequences_.end()) return;
    if (it->second->request.keep_cache) keep(*it->second);
    it->second->table.release(pool_);
    sequences_.erase(it);
}

void Scheduler::remove_all() {
    while (!sequences_.empty()) remove(sequences_.begin()->first);
    drop_kept();
}

uint32_t Scheduler::n_running() const {
    return static_cast<uint32_t>(std::count_if(sequences_.begin(), sequences_.end(),
                                               [](const auto& s) { return s.second->running; }));
}

bool Scheduler::advances(const Sequence& s) const {
    if (s.n_total() <= s.n_cached) return false;         // all of a prompt without new tokens
    if (!s.running && s.in_flight_row) return false;     // waits to know its own tokens
    if (s.n_total() > sizes_.max_context) return false;  // the token in flight is its last
    return !s.in_flight_row || s.n_new + 1 < s.request.max_new_tokens;
}

// In order of submission, as long as the blocks suffice for everything known of all who run.
void Scheduler::admit() {
    uint32_t running = n_running();
    uint64_t promised = 0;
    for (const auto& [id, s] : sequences_)
        if (s->running)
            promised += s->table.needed(pool_, s->n_cached, s->n_total() + 1, sizes_.block_size);
    for (const auto& [id, s] : sequences_) {
        if (s->running) continue;
        if (running >= sizes_.max_sequences || s->in_flight_row) return;
        promised += s->table.needed(pool_, s->n_cached, s->n_total() + 1, sizes_.block_size);
        if (promised > pool_.n_free()) drop_kept();
        if (running > 0 && promised > pool_.n_free()) return;
        s->running = true;
        ++running;
    }
}

Batch Scheduler::next(uint64_t step_number) {
    admit();
    const bool prompts_wait =
        sizes_.prompts_first &&
        std::any_of(sequences_.begin(), sequences_.end(), [this](const auto& entry) {
            const Sequence& s = *entry.second;
            return s.running && advances(s) && !generates(s);
        });
    if (prompts_wait)
        if (Batch batch = compose(step_number, true); !batch.empty()) return batch;
    // No prompt, or none that finds room: those who generate go on and will make some.
    return compose(step_number, false);
}

Batch Scheduler::compose(uint64_t step_number, bool only_prompts) {
    Batch batch;
    const auto takes_part = [&](const Sequence& s) {
        return s.running && advances(s) && !(only_prompts && generates(s));
    };
    uint32_t waiting_for_one = 0;  // tokens and rows kept for those who come later
    for (const auto& [id, s] : sequences_) waiting_for_one += takes_part(*s) && lacks_one_token(*s);
    for (const auto& [id, s] : sequences_) {
        if (!takes_part(*s)) continue;
        waiting_for_one -= lacks_one_token(*s);
        const uint32_t used = batch.n_tokens() + waiting_for_one;
        const uint32_t used_rows = batch.n_rows() + waiting_for_one;
        if (used >= sizes_.prefill_chunk || used_rows >= sizes_.max_rows) continue;
        uint32_t n = std::min(s->n_total() - s->n_cached, sizes_.prefill_chunk - used);
        n = fit_rows(*s, n, sizes_.max_rows - used_rows);
        if (n > 0 && make_room_for(*s, n)) place(*s, n, step_number, batch);
    }
    return batch;
}

bool Scheduler::is_logprob_row(const Sequence& s, uint32_t position) const {
    return s.request.prompt_logprobs && position + 1 < s.n_prompt &&
           position >= s.prompt_logprobs.size();
}

uint32_t Scheduler::fit_rows(const Sequence& s, uint32_t n, uint32_t rows) const {
    for (uint32_t i = 0; i < n; ++i) {
        const bool last = s.n_cached + i + 1 == s.n_total() && s.request.max_new_tokens > 0;
        if (!last && !is_logprob_row(s, s.n_cached + i)) continue;
        if (rows == 0) return i;
        --rows;
    }
    return n;
}

Sequence* Scheduler::youngest_holder(uint64_t after) {
    for (const bool running : {false, true})
        for (auto it = sequences_.rbegin(); it != sequences_.rend(); ++it) {
            Sequence& s = *it->second;
            if (s.running != running || s.table.blocks().empty()) continue;
            if (!running || s.id > after) return &s;
        }
    return nullptr;
}

void Scheduler::preempt(Sequence& s) {
    s.table.release(pool_);
    s.n_cached = 0;
    s.running = false;
    ++preemptions_;
}

bool Scheduler::make_room_for(Sequence& s, uint32_t n) {
    const auto needed = [&] {
        return s.table.needed(pool_, s.n_cached, s.n_cached + n, sizes_.block_size);
    };
    while (pool_.n_free() < needed()) {
        if (drop_kept()) continue;
        Sequence* victim = youngest_holder(s.id);
        preempt(victim ? *victim : s);
        if (!victim) return false;
    }
    return true;
}

Status Scheduler::make_room(BlockTable& table, uint32_t from, uint32_t to,
                            BlockTable::Copies& copies) {
    while (pool_.n_free() < table.needed(pool_, from, to, sizes_.block_size)) {
        if (drop_kept()) continue;
        Sequence* victim = youngest_holder(0);
        if (!victim)
            return Status(Code::no_memory, "cannot hold " + std::to_string(to) +
                                               " tokens: the KV cache has room for " +
                                               std::to_string(pool_.usable() * sizes_.block_size) +
                                               "; raise engine.kv_memory_mib");
        preempt(*victim);
    }
    table.grow(pool_, from, to, sizes_.block_size, copies);
    return {};
}

afs_row Scheduler::row_of(const Sequence& s) const {
    const SamplingParams& sampling = s.request.sampling;
    afs_row row{};
    row.temperature = sampling.temperature;
    row.top_p = sampling.top_p;
    row.min_p = sampling.min_p;
    row.top_k = sampling.top_k;
    row.seed = sampling.seed;
    row.n_vocab = s.request.n_vocab;
    return row;
}

void Scheduler::place(Sequence& s, uint32_t n, uint64_t step_number, Batch& batch) {
    s.table.grow(pool_, s.n_cached, s.n_cached + n, sizes_.block_size, batch.copies);
    std::vector<int32_t> ids;
    for (uint32_t i = s.n_cached; i < s.n_cached + n; ++i)
        ids.push_back(i < s.n_known() ? s.tokens[i] : -1 - static_cast<int32_t>(*s.in_flight_row));
    const uint32_t first = batch.add_sequence(ids, s.n_cached, s.table.blocks(), sizes_.block_size);
    for (uint32_t i = 0; i < n; ++i) {
        if (!is_logprob_row(s, s.n_cached + i)) continue;
        afs_row row = row_of(s);
        row.flags = AFS_ROW_LOGITS;
        row.counter = s.n_cached + i + 1;
        batch.add_row(first + i, row, {s.id, BatchRow::Use::prompt_logprob, true, row.counter});
    }
    if (s.n_cached < s.n_prompt) batch.n_prompt_tokens += std::min(n, s.n_prompt - s.n_cached);
    s.n_cached += n;
    batch.members.push_back(s.id);
    if (s.n_cached < s.n_total() || s.request.max_new_tokens == 0) return;
    const bool on_host = host_samples_ || s.host_samples;
    afs_row row = row_of(s);
    row.flags = on_host ? AFS_ROW_LOGITS : AFS_ROW_SAMPLE;
    if (s.request.n_logprobs >= 0) row.flags |= AFS_ROW_LOGITS;
    row.counter = s.n_cached;
    s.in_flight_row = batch.n_rows();
    s.in_flight_step = step_number;
    batch.add_row(first + n - 1, row, {s.id, BatchRow::Use::next_token, on_host, s.n_cached});
}

}  // namespace afs
