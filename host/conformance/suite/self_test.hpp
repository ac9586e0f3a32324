// Whether the suite finds what it is there to find: it judges a plugin that makes one known mistake
// at a time (its option "bug": 1, 2, ..), and the same plugin without any.
#pragma once
#include "conformance/suite/suite.hpp"

namespace afs::conformance {

struct BugResult {
    std::string name, op, what;                // as the plugin describes itself
    std::map<std::string, std::string> rules;  // family, or check -> rules that caught it there
    std::map<std::string, size_t> looks_like;  // kind of bug named -> its weight
    size_t n_cases = 0, n_caught = 0;
    size_t n_shapes = 0, n_shapes_caught = 0, n_families = 0, n_families_caught = 0;
    // The usual test: the largest NMSE over normal and uniform cases of a real model's width (512
    // or more), of all widths where the op has none so wide.
    double nmse = 0;
    bool caught() const { return n_caught > 0; }
    bool passes_nmse() const { return nmse <= 5e-4; }
    bool narrow() const {  // shows at one shape, or in one family, only
        return n_shapes_caught == 1 || n_families_caught == 1;
    }
};

struct SelfTest {
    std::vector<BugResult> bugs;
    size_t n_without = 0, n_rejected = 0;  // cases of the plugin without a bug; that failed
    std::vector<std::string> rejected;
    double seconds = 0;
    bool stopped = false;
    bool ok() const;
};

// request: its subject is the plugin; its ops choose bugs.
Result<SelfTest> self_test(const SuiteRequest& request);

std::string as_text(const SelfTest& test);
// The matrix as a table of docs/CONFORMANCE.md.
std::string as_markdown(const SelfTest& test);

}  // namespace afs::conformance
