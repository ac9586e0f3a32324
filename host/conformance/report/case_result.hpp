// What one case came to.
#pragma once
#include <string>

namespace afs::conformance {

// How a case ended. Only `passed` and `declined` are no fault; `skipped`: others of its kind had
// cost too much.
enum class Ending {
    passed,
    failed,    // a rule broke
    declined,  // the query says no
    refused,   // a yes, and then an error
    threw,     // an exception crossed the contract
    leaked,
    crashed,
    exited,  // ended the process
    hung,
    out_of_memory,
    skipped
};

const char* ending_name(Ending ending);
inline bool is_fault(Ending e) {
    return e != Ending::passed && e != Ending::declined;
}

// What a case may belong to, in the order of reports.
inline constexpr const char* kGroups[] = {"abi",    "contract", "numeric",   "region",   "promise",
                                          "stress", "model",    "tokenizer", "env-check"};

struct CaseResult {
    std::string id, group, op;
    Ending ending = Ending::passed;
    std::string rules;       // of "HSBXP", where it failed
    std::string text;        // what happened, one line
    std::string looks_like;  // the kind of bug
    std::string element;     // "row 3, column 17"
    double got = 0, want = 0, ulps = 0;
    double h = 0, s = 0, b = 0, nmse = 0;  // of the limits; nmse as it is
    std::string arithmetic;                // "acc fp32, inside bf16"
    double seconds = 0;
    std::string stage;         // where a crash happened
    std::string waiver;        // why a fault is forgiven
    std::string smallest;      // id of the smallest case that still fails
    bool device_lost = false;  // this process can use its device no more
};

}  // namespace afs::conformance
