// What one case is, as text: its id is the seed of its data, so an id alone replays a case
// anywhere.
//
//   [CHECK@]OP:ACT:STORED:KEY=VALUE,..:FAMILY[:SEED]
//   linear/1:bf16:q4_K:n=5,m=7,k=256:outlier-channels
//   repeat@attention/1:fp16:fp16:h=8,kv=2,hd=64,bs=16,seqs=30+2_0+5,pad=1:normal:77
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "afs/status.hpp"

namespace afs::conformance {

struct CaseSpec {
    std::string check;  // empty: numeric; else the name of another check
    std::string op;
    int32_t act = 0, stored = 0;  // dtypes: of activations; of weights or the cache
    std::vector<std::pair<std::string, std::string>> params;
    std::string family = "normal";
    uint64_t seed = 0;  // further data for the same shape

    std::string id() const;
    std::string shape() const;   // the params' text
    uint64_t data_seed() const;  // follows from the id without its check

    int64_t number(const std::string& key, int64_t otherwise = 0) const;
    double real(const std::string& key, double otherwise) const;
    std::string text(const std::string& key) const;
    CaseSpec& set(const std::string& key, const std::string& value);
    CaseSpec& set(const std::string& key, int64_t value) { return set(key, std::to_string(value)); }
    CaseSpec& set_real(const std::string& key, double value);
};

CaseSpec spec(const std::string& op, int32_t act, int32_t stored, const std::string& family);

// INVALID says which part is wrong and what was expected there.
Result<CaseSpec> parse_case(const std::string& id);

// Every dtype a case can name; AFS_DTYPE_NONE for anything else.
int32_t dtype_named(const std::string& name);

// The ten ops, in the order of a layer.
const std::vector<std::string>& all_ops();

// "30+2_0+5": pairs of past and new tokens.
Result<std::vector<std::pair<int32_t, int32_t>>> parse_sequences(const std::string& text);

}  // namespace afs::conformance
