// The verdict over an output: rules H, S and B against a judgement, X bit for bit.
#pragma once
#include <string>

#include "afs/abi/tensor.h"
#include "afs/bound/judged.hpp"

namespace afs::bound {

struct Verdict {
    // H, per element
    size_t n_over = 0;       // elements beyond their bound, or with other NaN or Inf
    size_t worst = 0;        // index of the worst of all elements, also when none is over
    double worst_ratio = 0;  // |y - r| over the bound there
    double got = 0, want = 0, worst_ulps = 0;
    // S: RMS of the error over the RMS it should have, and the most that may be
    double shape = 0, shape_limit = 0;
    // B: the largest |mean error| over what it may be, of all elements, rows and columns,
    // as it is and towards zero; above 1 is a bias
    double bias = 0;
    std::string biased;  // "overall", "towards zero", "row 3", "column 17 mod 128"

    bool over() const { return n_over > 0; }
    bool misshapen() const { return shape > shape_limit; }
    bool is_biased() const { return bias > 1; }
    bool ok() const { return !over() && !misshapen() && !is_biased(); }
    // One line: which rules broke, the worst element and its numbers.
    std::string text() const;
};

// y: the output decoded to double, [judged.rows, judged.cols].
Verdict verdict(const double* y, const Judged& judged);

// X: index of the first byte that differs, or SIZE_MAX; NaNs of other bits differ.
size_t first_difference(const void* a, const void* b, size_t bytes);

}  // namespace afs::bound
