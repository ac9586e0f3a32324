#include "conformance/cases/case_spec.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "afs/config/schema.hpp"  // nearest
#include "afs/numeric.hpp"
#include "conformance/cases/families.hpp"

namespace afs::conformance {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts(1);
    for (const char c : text)
        if (c == at)
            parts.emplace_back();
        else
            parts.back() += c;
    return parts;
}

template <class T>
bool whole_number(const std::string& text, T& value) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
}

Status check_name(const std::string& what, const std::string& found,
                  const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), found) != known.end()) return {};
    std::string list;
    for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
    return invalid(what + " '" + found + "'" + nearest(found, known) + ": expected one of " + list);
}

// A key that no op reads, or a value that is not used as it stands, would be judged as another
// case.
Status check_shape(const std::string& key, const std::string& value) {
    static const std::vector<std::string> known = {
        "n",       "d",    "m",     "k",      "h",   "hd",     "v",     "r",     "kv",
        "bs",      "seqs", "cache", "pad",    "pos", "before", "table", "llama", "decode",
        "strided", "eps",  "theta", "factor", "low", "high",   "orig"};
    AFS_TRY(check_name("shape", key, known));
    static const std::set<std::string> real = {"eps", "theta", "factor", "low", "high"};
    const auto expected = [&](const std::string& what) {
        return invalid("shape '" + key + "=" + value + "': expected " + what);
    };
    if (key == "seqs") return {};
    if (key == "cache") return value == "stale" ? Status() : expected("stale");
    if (int64_t whole = 0; !real.count(key))
        return whole_number(value, whole) ? Status() : expected("a whole number");
    double number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    const bool right = error == std::errc() && stop == end && std::isfinite(number);
    return right ? Status() : expected("a number");
}

}  // namespace

std::string CaseSpec::shape() const {
    std::string text;
    for (const auto& [key, value] : params) text += (text.empty() ? "" : ",") + key + "=" + value;
    return text;
}

std::string CaseSpec::id() const {
    std::string text = check.empty() ? op : check + "@" + op;
    for (const std::string& part :
         {std::string(dtype_name(act)), std::string(dtype_name(stored)), shape(), family})
        text += ":" + part;
    return seed ? text + ":" + std::to_string(seed) : text;
}

uint64_t CaseSpec::data_seed() const {
    CaseSpec bare = *this;
    bare.check.clear();
    return hash_text(bare.id());
}

std::string CaseSpec::text(const std::string& key) const {
    for (const auto& [name, value] : params)
        if (name == key) return value;
    return {};
}

int64_t CaseSpec::number(const std::string& key, int64_t otherwise) const {
    int64_t value = otherwise;
    const std::string found = text(key);
    return !found.empty() && whole_number(found, value) ? value : otherwise;
}

double CaseSpec::real(const std::string& key, double otherwise) const {
    const std::string found = text(key);
    return found.empty() ? otherwise : std::strtod(found.c_str(), nullptr);
}

CaseSpec& CaseSpec::set(const std::string& key, const std::string& value) {
    for (auto& [name, old] : params)
        if (name == key) return old = value, *this;
    params.emplace_back(key, value);
    return *this;
}

CaseSpec& CaseSpec::set_real(const std::string& key, double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", value);
    return set(key, std::string(text));
}

CaseSpec spec(const std::string& op, int32_t act, int32_t stored, const std::string& family) {
    CaseSpec made;
    made.op = op, made.act = act, made.stored = stored, made.family = family;
    return made;
}

int32_t dtype_named(const std::string& name) {
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64, AFS_I32})
        if (name == dtype_name(dtype)) return dtype;
    for (const BlockFormat& format : kBlockFormats)
        if (name == format.name) return format.dtype;
    return AFS_DTYPE_NONE;
}

const std::vector<std::string>& all_ops() {
    static const std::vector<std::string> ops = {
        "embed/1",     "rms_norm/1", "linear/1", "rope/1",        "kv_append/1",
        "attention/1", "swiglu/1",   "add/1",    "select_rows/1", "sample/1"};
    return ops;
}

Result<CaseSpec> parse_case(const std::string& id) {
    CaseSpec made;
    const size_t at = id.find('@');
    if (at != std::string::npos) made.check = id.substr(0, at);
    const auto parts = split(at == std::string::npos ? id : id.substr(at + 1), ':');
    const auto fault = [&](const Status& why) {
        return why.context("cannot read case '" + id + "'");
    };
    if (parts.size() < 5 || parts.size() > 6)
        return fault(invalid("expected OP:ACT:STORED:SHAPE:FAMILY[:SEED], found " +
                             std::to_string(parts.size()) + " parts"));
    made.op = parts[0];
    if (const Status s = check_name("op", made.op, all_ops()); !s.ok()) return fault(s);
    for (auto [text, into] : {std::pair(parts[1], &made.act), std::pair(parts[2], &made.stored)}) {
        *into = dtype_named(text);
        if (*into == AFS_DTYPE_NONE)
            return fault(invalid("dtype '" + text + "': expected fp32, bf16, fp16, q4_K, .."));
    }
    for (const std::string& pair : split(parts[3], ',')) {
        const size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return fault(invalid("shape '" + pair + "': expected KEY=VALUE"));
        const std::string key = pair.substr(0, equals), value = pair.substr(equals + 1);
        if (const Status s = check_shape(key, value); !s.ok()) return fault(s);
        if (!made.text(key).empty()) return fault(invalid("shape '" + key + "' stands twice"));
        made.set(key, value);
    }
    made.family = parts[4];
    if (const Status s = check_name("family", made.family, family_names()); !s.ok())
        return fault(s);
    if (parts.size() == 6 && !whole_number(parts[5], made.seed))
        return fault(invalid("seed '" + parts[5] + "': expected a whole number"));
    return made;
}

Result<std::vector<std::pair<int32_t, int32_t>>> parse_sequences(const std::string& text) {
    std::vector<std::pair<int32_t, int32_t>> all;
    for (const std::string& each : split(text, '_')) {
        const auto two = split(each, '+');
        int32_t past = 0, now = 0;
        if (two.size() != 2 || !whole_number(two[0], past) || !whole_number(two[1], now) ||
            past < 0 || now < 0 || past > (1 << 20) || now > (1 << 16))
            return invalid("seqs '" + text + "': expected PAST+NOW pairs such as 30+2_0+5");
        all.emplace_back(past, now);
    }
    return all;
}

}  // namespace afs::conformance
