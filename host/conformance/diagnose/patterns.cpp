// What an output's errors say by themselves: a constant ratio, a rounding, a place.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "conformance/diagnose/diagnose.hpp"

namespace afs::conformance {
namespace {

std::string text_of(const char* format, double value) {
    char text[160];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

bool plain(double y, double r) {
    return std::isfinite(y) && std::isfinite(r);
}

std::vector<size_t> wrong_elements(const std::vector<double>& y, const bound::Judged& j) {
    std::vector<size_t> wrong;
    for (size_t i = 0; i < j.want.size(); ++i) {
        const double r = j.want[i];
        if (plain(y[i], r) ? std::abs(y[i] - r) > j.bound[i]
                           : !(std::isnan(y[i]) && std::isnan(r)) && y[i] != r)
            wrong.push_back(i);
    }
    return wrong;
}

std::string constant_ratio(const std::vector<double>& y, const bound::Judged& j) {
    double yr = 0, rr = 0;
    size_t n = 0;
    for (size_t i = 0; i < j.want.size(); ++i) {
        if (!plain(y[i], j.want[i])) continue;
        yr += y[i] * j.want[i], rr += j.want[i] * j.want[i];
        n += y[i] != 0;
    }
    if (rr == 0 || n < 4) return {};
    const double ratio = yr / rr;
    if (std::abs(ratio - 1) < 1e-4 || std::abs(ratio) < 1e-3) return {};
    double before = 0, after = 0;
    for (size_t i = 0; i < j.want.size(); ++i) {
        if (!plain(y[i], j.want[i])) continue;
        before += std::pow(y[i] - j.want[i], 2);
        after += std::pow(y[i] - ratio * j.want[i], 2);
    }
    // most of the error is the ratio's
    return after < 0.2 * before ? text_of("constant ratio %.4g", ratio) : "";
}

// Most of the error is a factor that each row has for itself.
std::string row_ratios(const std::vector<double>& y, const bound::Judged& j) {
    double before = 0, after = 0, most = 0, sum = 0, squares = 0;
    size_t n_better = 0;
    for (size_t row = 0; row < j.rows; ++row) {
        double yr = 0, rr = 0, plainly = 0, scaled = 0;
        for (size_t i = row * j.cols; i < (row + 1) * j.cols; ++i)
            if (plain(y[i], j.want[i])) yr += y[i] * j.want[i], rr += j.want[i] * j.want[i];
        if (rr == 0) continue;
        const double ratio = yr / rr;
        for (size_t i = row * j.cols; i < (row + 1) * j.cols; ++i) {
            if (!plain(y[i], j.want[i])) continue;
            plainly += std::pow(y[i] - j.want[i], 2);
            scaled += std::pow(y[i] - ratio * j.want[i], 2);
        }
        n_better += scaled < 0.2 * plainly;
        before += plainly, after += scaled;
        most = std::max(most, std::abs(ratio - 1));
        sum += ratio - 1, squares += (ratio - 1) * (ratio - 1);
    }
    if (sum * sum > 0.95 * squares * static_cast<double>(j.rows)) return {};  // one factor for all
    if (j.cols < 8 || j.rows < 2 || after >= 0.2 * before || 3 * n_better < 2 * j.rows) return {};
    return text_of(
        "each row is off by a factor of its own, up to %.2g: its sum of squares or its "
        "root is not as precise as declared",
        most);
}

// Errors of one sign against the value, within a whole ulp: the output is cut, not rounded.
std::string truncation(const std::vector<double>& y, const bound::Judged& j) {
    size_t n = 0, inwards = 0, near = 0;
    double outwards = 0, upwards = 0;  // mean error in half ulps
    for (size_t i = 0; i < j.want.size(); ++i) {
        const double r = j.want[i], e = y[i] - r, half = bound::half_ulp(j.out_dtype, r);
        if (!plain(y[i], r) || std::abs(e) < 0.02 * half) continue;
        ++n;
        inwards += std::signbit(e) != std::signbit(r);
        near += std::abs(e) <= 2.5 * half;
        outwards += (std::signbit(r) ? -e : e) / half, upwards += e / half;
    }
    if (n < 8 || near < n) return {};
    outwards /= static_cast<double>(n), upwards /= static_cast<double>(n);
    if (inwards > n * 19 / 20) return "truncates the output instead of rounding it";
    if (inwards < n / 20) return "rounds the output away from zero";
    // of correct roundings the mean is within 0.58 / sqrt(n)
    const bool up = std::abs(upwards) > std::abs(outwards);
    const double lean = up ? upwards : outwards;
    if (std::abs(lean) < std::max(0.25, 4 / std::sqrt(static_cast<double>(n)))) return {};
    return text_of("results lean %.2g of an ulp ", std::abs(lean) / 2) +
           (up ? (lean > 0 ? "upwards" : "downwards")
               : (lean > 0 ? "away from zero" : "towards zero")) +
           ": something is added before they are rounded";
}

// Columns that are wrong, mod the largest power of two that still tells them from the others.
std::string wrong_columns(const std::vector<size_t>& wrong, size_t cols) {
    std::set<size_t> columns;
    for (const size_t i : wrong) columns.insert(i % cols);
    if (columns.size() == cols) return {};
    if (columns.size() == 1 && *columns.begin() + 1 == cols) return "wrong in the last column only";
    if (columns.size() == 1) return "wrong in column " + std::to_string(*columns.begin()) + " only";
    for (const size_t tile : std::initializer_list<size_t>{2, 4, 8, 16, 32, 64, 128, 256}) {
        std::set<size_t> modulo;
        for (const size_t c : columns) modulo.insert(c % tile);
        if (modulo.size() == 1 && cols > tile)
            return "wrong in columns " + std::to_string(*modulo.begin()) + " mod " +
                   std::to_string(tile);
    }
    if (*columns.begin() + columns.size() == cols)
        return "wrong from column " + std::to_string(*columns.begin()) + " on";
    if (*columns.rbegin() + 1 == columns.size())
        return "wrong up to column " + std::to_string(*columns.rbegin());
    return {};
}

std::string wrong_rows(const std::vector<size_t>& wrong, size_t cols, size_t n_rows) {
    std::set<size_t> rows;
    for (const size_t i : wrong) rows.insert(i / cols);
    if (n_rows == 1 || rows.size() == n_rows) return {};
    if (rows.size() == 1)
        return *rows.begin() + 1 == n_rows
                   ? "wrong in the last row only"
                   : "wrong in row " + std::to_string(*rows.begin()) + " only";
    for (const size_t tile : std::initializer_list<size_t>{2, 4, 8, 16, 32, 64}) {
        std::set<size_t> modulo;
        for (const size_t r : rows) modulo.insert(r % tile);
        if (modulo.size() == 1 && n_rows > tile)
            return "wrong in rows " + std::to_string(*modulo.begin()) + " mod " +
                   std::to_string(tile);
    }
    if (*rows.begin() + rows.size() == n_rows)
        return "wrong from row " + std::to_string(*rows.begin()) + " on";
    return "wrong in " + std::to_string(rows.size()) + " of " + std::to_string(n_rows) + " rows";
}

// Whether later rows of a step err more, against their bounds.
std::string growing(const std::vector<double>& y, const bound::Judged& j,
                    const std::vector<int32_t>& positions) {
    double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    size_t n = 0;
    for (size_t r = 0; r < j.rows && r < positions.size(); ++r) {
        double error = 0;
        for (size_t c = 0; c < j.cols; ++c) {
            const size_t i = r * j.cols + c;
            if (plain(y[i], j.want[i]) && j.bound[i] > 0)
                error = std::max(error, std::abs(y[i] - j.want[i]) / j.bound[i]);
        }
        const double x = positions[r], e = error;
        sx += x, sy += e, sxx += x * x, sxy += x * e, syy += e * e, ++n;
    }
    const double k = static_cast<double>(n);
    const double spread = (k * sxx - sx * sx) * (k * syy - sy * sy);
    if (n < 5 || spread <= 0) return {};
    return (k * sxy - sx * sy) / std::sqrt(spread) > 0.9 ? "the error grows with the position" : "";
}

std::string not_numbers(const OpCase& c, const Outcome& o, const std::vector<double>& y,
                        const bound::Judged& j, const std::vector<size_t>& wrong) {
    size_t nan = 0, untouched = 0;
    for (const size_t i : wrong) {
        nan += std::isnan(y[i]) && !std::isnan(j.want[i]);
        untouched += o.output.bits(i) == c.output.bits(i);
    }
    if (untouched == wrong.size()) return "leaves elements unwritten, or adds to what was there";
    if (nan == wrong.size() && !std::isnan(j.want[wrong[0]]))
        return "NaN where a number is due: reads what is nobody's (padding and unused memory hold "
               "NaN), or overflows";
    return {};
}

}  // namespace

std::string wrong_scale_or_rounding(const OpCase& c, const Outcome& o, const Judgement& j) {
    const std::vector<double> y = o.output.doubles();
    std::string text = c.op == "rms_norm/1" ? row_ratios(y, j.judged) : std::string();
    if (text.empty()) text = constant_ratio(y, j.judged);
    if (text.empty() && c.output.dtype != AFS_F64) text = truncation(y, j.judged);
    return text;
}

std::string wrong_places(const OpCase& c, const Outcome& o, const Judgement& j) {
    const std::vector<double> y = o.output.doubles();
    const std::vector<size_t> wrong = wrong_elements(y, j.judged);
    if (wrong.empty()) {
        if (j.rules == "B") return "every element within its bound, but their errors lean one way";
        return "every element within its bound, but more error than the arithmetic it declares has";
    }
    const std::string what = not_numbers(c, o, y, j.judged, wrong);
    std::string where = wrong_columns(wrong, j.judged.cols);
    const std::string rows = wrong_rows(wrong, j.judged.cols, j.judged.rows);
    if (!rows.empty()) where += (where.empty() ? "" : ", ") + rows;
    if (where.empty()) where = growing(y, j.judged, c.step.positions);
    if (what.empty()) return where;
    return where.empty() ? what : what + "; " + where;
}

std::string wrong_cache(const OpCase& c, const Outcome& o) {
    OpCase swapped = c;
    std::swap(swapped.inputs[0], swapped.inputs[1]);
    const auto holds = [&](const Cache& want) {
        for (const auto& [got, is] : {std::pair(&o.kv->k, &want.k), std::pair(&o.kv->v, &want.v)})
            for (size_t i = 0; i < is->size(); ++i)
                if (got->bits(i) != is->bits(i) && !(std::isnan((*got)[i]) && std::isnan((*is)[i])))
                    return false;
        return true;
    };
    if (holds(appended(swapped))) return "stores keys as values and values as keys";
    OpCase padded = c;
    if (!c.step.cu_seqlens.empty())
        padded.step.cu_seqlens.back() = static_cast<int32_t>(c.step.n_tokens());
    if (holds(appended(padded))) return "stores padding tokens too";
    OpCase shifted = c;
    for (const int32_t by : {1, -1}) {
        for (size_t i = 0; i < c.step.slots.size(); ++i) {
            const auto size = static_cast<int32_t>(c.kv->layout.block_size);
            const int32_t slot = c.step.slots[i];
            shifted.step.slots[i] = slot / size * size + (slot % size + by + size) % size;
        }
        if (holds(appended(shifted)))
            return by > 0 ? "stores into the slot behind the right one"
                          : "stores into the slot before the right one";
    }
    const Cache want = appended(c);
    size_t lost = 0, altered = 0;
    for (const auto& [got, is, was] :
         {std::tuple(&o.kv->k, &want.k, &c.kv->k), std::tuple(&o.kv->v, &want.v, &c.kv->v)})
        for (size_t i = 0; i < is->size(); ++i) {
            if (got->bits(i) == is->bits(i) || (std::isnan((*got)[i]) && std::isnan((*is)[i])))
                continue;
            (is->bits(i) == was->bits(i)    ? altered
             : got->bits(i) == was->bits(i) ? lost
                                            : altered)++;
        }
    if (lost && !altered)
        return "leaves " + std::to_string(lost) + " elements of its slots unwritten";
    return std::to_string(lost) + " elements not stored, " + std::to_string(altered) +
           " wrong or where nothing belongs";
}

std::string wrong_draw(const OpCase& c, const Outcome& o, const Judgement& j) {
    const afs_row& row = c.step.rows[j.worst];
    const auto got = static_cast<int32_t>(o.output[j.worst]);
    if (!(row.flags & AFS_ROW_SAMPLE)) return "draws a row that is not to be drawn";
    if (got >= row.n_vocab) return "draws an id beyond the valid ones (n_vocab)";
    if (row.temperature <= 0) {
        const auto width = static_cast<size_t>(c.inputs[0].dims[1]);
        const double best = c.inputs[0][j.worst * width + static_cast<size_t>(j.want)];
        if (got >= 0 && c.inputs[0][j.worst * width + static_cast<size_t>(got)] == best)
            return "a tie goes to the lowest id; it took another";
        return "greedy: takes an id that is not the largest";
    }
    std::string what;
    if (row.top_k > 0) what += " top_k " + std::to_string(row.top_k);
    if (row.top_p < 1) what += text_of(" top_p %.3g", static_cast<double>(row.top_p));
    if (row.min_p > 0) what += text_of(" min_p %.3g", static_cast<double>(row.min_p));
    return "draws another id at" +
           text_of(" temperature %.3g", static_cast<double>(row.temperature)) + what;
}

}  // namespace afs::conformance
