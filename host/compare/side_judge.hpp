// Whether one side computes right: every node that runs singly on its own inputs, and the logits of
// a prompt, in steps of many tokens and in steps of one.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "compare/local_judge.hpp"
#include "runtime/runtime.hpp"
#include "trace/logit_judge.hpp"

namespace afs {

// The prompt by the reference: in fp64, and in the sides' dtype.
struct Truth {
    std::vector<float> exact, rounded;          // logits [n_tokens, n_vocab]
    size_t n_valid = 0;                         // columns that are ids
    TracedValues exact_values, rounded_values;  // only where a program is among the sides
};
// with_values: every activation too.
Result<Truth> find_truth(const Config& config, const Runtime& weights_of,
                         const std::string& random_weights, const std::vector<int32_t>& ids,
                         bool with_values);

// A tag whose error leaves its class.
struct WrongTag {
    uint32_t node = 0;
    std::string tag, op, backend, step_class;
    std::string text;             // the numbers
    std::string looks_like;       // what kind of mistake it could be; may be empty
    bool inside_program = false;  // then measured over all that came before, too
};

struct ClassJudgement {
    std::string step_class;  // "prompt steps", "decode steps"
    uint32_t n_judged = 0, n_in_programs = 0, n_skipped = 0;
    double worst_ratio = 0;  // of an error to its bound, over all judged nodes
    std::string worst_tag;
    std::vector<std::string> skipped;  // "L0.attn.kv: why", each reason once
    std::vector<WrongTag> wrong;       // in the graph's order
    LogitVerdict verdict;
    std::vector<float> logits;
    bool ok() const { return wrong.empty() && verdict.ok; }
};

struct SideJudgement {
    std::vector<ClassJudgement> classes;
    bool ok() const;
    const WrongTag* first_wrong() const;  // nullptr: none
    const ClassJudgement* first_bad() const;
};

struct JudgeOptions {
    // Multiplications of a node's product that are judged: of nodes in `thorough`, and of others.
    double most_thorough = 4e7, most = 5e5;
    std::vector<char> thorough;       // [nodes]; empty: all
    bool local = true;                // false: logits alone
    std::function<bool()> stop = {};  // asked before each node; true ends with CANCELLED
};

Result<SideJudgement> judge_side(Runtime& side, const Truth& truth, const std::vector<int32_t>& ids,
                                 const JudgeOptions& options);

}  // namespace afs
