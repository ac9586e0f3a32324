#include "conformance/judge/judgement.hpp"

#include <cmath>
#include <cstdio>

namespace afs::conformance {
namespace {

double nmse(const std::vector<double>& got, const std::vector<double>& want) {
    double error = 0, power = 0;
    for (size_t i = 0; i < want.size() && i < got.size(); ++i) {
        if (!std::isfinite(want[i])) continue;
        if (!std::isfinite(got[i])) return INFINITY;
        error += (got[i] - want[i]) * (got[i] - want[i]);
        power += want[i] * want[i];
    }
    return error == 0 ? 0 : power == 0 ? INFINITY : error / power;
}

// Exact values: the first of other bits. NaN for NaN: a conversion may give any.
void compare(Judgement& j, const Array& got, const Array& want, const std::string& what) {
    if (j.nmse == 0) j.nmse = nmse(got.doubles(), want.doubles());
    size_t n_wrong = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        if (got.bits(i) == want.bits(i) || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
        if (n_wrong++ || !j.rules.empty()) continue;
        j.worst = i, j.got = got[i], j.want = want[i];
    }
    if (!n_wrong || !j.rules.empty()) return;
    char line[200];
    std::snprintf(line, sizeof line, "X %zu wrong %s, first [%zu] got %.9g expected %.9g", n_wrong,
                  what.c_str(), j.worst, j.got, j.want);
    j.rules = "X", j.text = line;
}

void draws(Judgement& j, const OpCase& c, const Outcome& o) {
    for (uint32_t i = 0; i < c.step.n_rows(); ++i) {
        const bool asked = (c.step.rows[i].flags & AFS_ROW_SAMPLE) != 0;
        const int32_t want = asked ? drawn(c, i) : -5, host = asked ? want : -1;
        if (o.output[i] == want && (!c.with_host_ids || o.host_ids[i] == host)) continue;
        j.rules = "X", j.worst = i, j.got = o.output[i], j.want = want;
        j.nmse = INFINITY;  // ids are no quantities
        j.text = "X row " + std::to_string(i) + " drew " +
                 std::to_string(static_cast<int32_t>(o.output[i])) + " (host id " +
                 std::to_string(o.host_ids[i]) + "), expected " + std::to_string(want);
        return;
    }
}

bool only_moves(const std::string& op) {
    return op == "embed/1" || op == "select_rows/1";
}

void bounded(Judgement& j, const OpCase& c, const Outcome& o) {
    j.judged = judge_case(c, arithmetic(o.verdict, c.output.dtype));
    const std::vector<double> y = o.output.doubles();
    const bound::Verdict v = bound::verdict(y.data(), j.judged);
    j.cols = j.judged.cols;
    j.worst = v.worst, j.got = v.got, j.want = v.want, j.ulps = v.worst_ulps;
    j.h = v.worst_ratio, j.b = v.bias;
    j.s = v.shape_limit > 0 ? v.shape / v.shape_limit : 0;
    j.nmse = nmse(y, j.judged.want);
    if (v.ok()) return;
    if (only_moves(c.op)) {
        j.rules = "X";
    } else {
        if (v.over()) j.rules += "H";
        if (v.misshapen()) j.rules += "S";
        if (v.is_biased()) j.rules += "B";
    }
    j.text = v.text();
}

}  // namespace

Judgement judgement(const OpCase& c, const Outcome& o) {
    Judgement j;
    if (c.op == "sample/1") {
        draws(j, c, o);
    } else if (c.op == "kv_append/1") {
        const Cache want = appended(c);
        j.cols = static_cast<size_t>(want.layout.head_dim);
        compare(j, o.kv->k, want.k, "key elements");
        compare(j, o.kv->v, want.v, "value elements");
    } else {
        bounded(j, c, o);
    }
    if (o.clean) return j;
    j.rules = j.rules.find('X') == std::string::npos ? "X" + j.rules : j.rules;
    j.text = o.touched + (j.text.empty() ? "" : "; " + j.text);
    return j;
}

std::string fault_of(const OpCase& c, const Outcome& o) {
    if (!o.status.ok()) return o.status.message();
    return judgement(c, o).text;
}

std::string element_name(size_t index, size_t cols) {
    if (cols <= 1) return "element " + std::to_string(index);
    return "row " + std::to_string(index / cols) + ", column " + std::to_string(index % cols);
}

}  // namespace afs::conformance
