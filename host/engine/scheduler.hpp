// Which tokens of which sequences form the next step, and who gets the cache's blocks.
//
// Sequences are served in the order of submission: each that only lacks one token gets it, prompts
// share what is left of the token budget in chunks. A sequence that needs a block when none is free
// takes those of the youngest other one; that one waits and is computed again later. The oldest is
// never robbed and every request that was accepted fits alone, so somebody always advances.
// What a sequence that is over has kept in the cache goes first of all.
#pragma once
#include <map>
#include <memory>

#include "engine/batch.hpp"
#include "engine/exec_context.hpp"
#include "engine/sequence.hpp"

namespace afs {

class Scheduler {
public:
    Scheduler(const StepSizes& sizes, bool host_samples)
        : sizes_(sizes), host_samples_(host_samples), pool_(sizes.n_blocks) {}

    // How many of its tokens the cache holds already, kept by a sequence before it.
    uint32_t add(std::unique_ptr<Sequence> sequence);
    // A copy of the parent's tokens that shares its blocks; it may run at once.
    void fork(const Sequence& parent, std::unique_ptr<Sequence> child);
    Sequence* find(uint64_t id);
    void remove(uint64_t id);
    void remove_all();
    bool empty() const { return sequences_.empty(); }

    // The next step, its effects on the sequences applied: their tokens count as cached and their
    // rows as in flight. Empty when nobody can advance.
    Batch next(uint64_t step_number);

    // Blocks for a table that belongs to no sequence; others wait if there are too few.
    Status make_room(BlockTable& table, uint32_t from, uint32_t to, BlockTable::Copies& copies);

    BlockPool& pool() { return pool_; }
    const BlockPool& pool() const { return pool_; }
    uint32_t n_free_blocks() const;  // those that are only kept are free to take
    uint64_t preemptions() const { return preemptions_; }

private:
    using Sequences = std::map<uint64_t, std::unique_ptr<Sequence>>;

    void admit();
    uint32_t n_running() const;
    // The sequence has a token to process and a use for what follows from it.
    bool advances(const Sequence& s) const;
    bool lacks_one_token(const Sequence& s) const { return s.n_total() - s.n_cached == 1; }
    // Whether it generates: all it lacks is the token that its last step gave.
    bool generates(const Sequence& s) const {
        return lacks_one_token(s) && s.n_cached >= s.n_prompt;
    }
    // Of those who run and may advance; only_prompts: not of those who generate.
    Batch compose(uint64_t step_number, bool only_prompts);
    void place(Sequence& s, uint32_t n, uint64_t step_number, Batch& batch);
    // Tokens of a chunk of at most n whose rows fit into `rows`.
    uint32_t fit_rows(const Sequence& s, uint32_t n, uint32_t rows) const;
    bool is_logprob_row(const Sequence& s, uint32_t position) const;
    // Frees blocks until the sequence can have its next n tokens; false: it has to wait itself.
    bool make_room_for(Sequence& s, uint32_t n);
    // Who gives its blocks up: a waiting one, else a running one younger than `after`.
    Sequence* youngest_holder(uint64_t after);
    void preempt(Sequence& s);
    void keep(Sequence& s);
    bool drop_kept();  // false: nothing was kept
    uint32_t take_over_kept(Sequence& s);
    afs_row row_of(const Sequence& s) const;

    const StepSizes sizes_;
    const bool host_samples_;
    BlockPool pool_;
    Sequences sequences_;  // by id: the order of submission
    // Of a sequence that is over: tokens whose K and V the table's blocks hold.
    std::vector<int32_t> kept_tokens_;
    BlockTable kept_table_;
    uint64_t preemptions_ = 0;
};

}  // namespace afs
