// One request on its way: its tokens, its blocks, and what of it is in flight.
#pragma once
#include <optional>
#include <vector>

#include "engine/block_pool.hpp"
#include "engine/detokeniser.hpp"
#include "engine/engine.hpp"
#include "engine/stop_strings.hpp"

namespace afs {

struct Sequence {
    uint64_t id = 0;
    Request request;              // its prompt is moved into tokens
    std::vector<int32_t> tokens;  // prompt and what was generated, as far as the host knows
    uint32_t n_prompt = 0;
    uint32_t n_new = 0;     // generated, those before a fork counted
    uint32_t n_cached = 0;  // leading tokens whose K and V are written once the stream is done
    BlockTable table;
    bool running = false;  // else it waits for blocks
    bool host_samples = false;

    // The row of the step numbered in_flight_step that gives this sequence's next token.
    std::optional<uint32_t> in_flight_row;
    uint64_t in_flight_step = 0;

    std::vector<float> prompt_logprobs;  // of prompt tokens 1, 2, ..
    Detokeniser detokeniser;             // for the stop strings
    StopStrings stops;

    // Tokens of the prompt's log-probabilities still to come.
    bool wants_prompt_logprobs() const {
        return request.prompt_logprobs && prompt_logprobs.size() + 1 < n_prompt;
    }
    // Tokens known or in flight.
    uint32_t n_known() const { return static_cast<uint32_t>(tokens.size()); }
    uint32_t n_total() const { return n_known() + (in_flight_row ? 1u : 0u); }
};

}  // namespace afs
