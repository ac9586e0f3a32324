#include "conformance/cases/case_list.hpp"

#include <algorithm>
#include <cmath>

#include "afs/block_format.hpp"
#include "conformance/cases/families.hpp"
#include "conformance/cases/shapes.hpp"

namespace afs::conformance {
namespace {

constexpr int32_t kReal[] = {AFS_F32, AFS_BF16, AFS_F16};

bool has_stored(const std::string& op) {
    return op == "linear/1" || op == "rms_norm/1" || op == "embed/1" || op == "attention/1" ||
           op == "kv_append/1";
}
bool reads_blocks(const std::string& op) {
    return op == "linear/1" || op == "embed/1";
}

// Of a shape, the size that a block format has to divide.
int64_t row_of(const CaseSpec& spec) {
    return spec.number(spec.op == "linear/1" ? "k" : "d");
}

std::vector<std::string> suitable(const std::string& op) {
    std::vector<std::string> names;
    for (const std::string& name : family_names())
        if (family_suits(op, name)) names.push_back(name);
    return names;
}

class Lister {
public:
    Lister(const std::string& op, Level level)
        : op_(op), level_(level), shapes_(shapes_of(op)), families_(suitable(op)) {}

    std::vector<CaseSpec> list() {
        for (const int32_t act : kReal)
            for (const int32_t stored : kReal)
                if (act == stored)
                    same(act);
                else if (has_stored(op_))
                    mixed(act, stored);
        if (reads_blocks(op_))
            for (const BlockFormat& format : kBlockFormats) blocks(format);
        return std::move(out_);
    }

private:
    bool quick() const { return level_ == Level::quick; }
    void put(const Shape& shape, int32_t act, int32_t stored, const std::string& family) {
        CaseSpec made = shape.spec;
        made.act = act, made.stored = stored, made.family = family;
        out_.push_back(std::move(made));
    }
    void same(int32_t dtype) {
        static const char* const plain[] = {"normal", "outlier-channels", "uniform"};
        bool large_seen = false;
        for (size_t i = 0; i < shapes_.size(); ++i) {
            const Shape& shape = shapes_[i];
            if (shape.large) {
                if (quick() && (large_seen || shape.spec.number("hd") > 64)) continue;
                large_seen = true;
                put(shape, dtype, dtype, "normal");
                if (!quick()) put(shape, dtype, dtype, "needle");
                continue;
            }
            const std::string& turn =
                families_[(i + static_cast<size_t>(dtype)) % families_.size()];
            for (const std::string& family : families_) {
                const bool every = i < kKeyShapes || (!quick() && shapes_.size() < 60);
                const bool chosen = family == plain[(i + static_cast<size_t>(dtype)) % 3] ||
                                    family == turn ||
                                    (!quick() && (family == "normal" || family == "needle"));
                if (quick() && shapes_.size() > 100 && i >= kKeyShapes && !thinned(i, dtype))
                    continue;
                if (every || chosen) put(shape, dtype, dtype, family);
            }
        }
    }
    // A third of a long list for each dtype: between them all of it.
    static bool thinned(size_t i, int32_t dtype) {
        return (i + static_cast<size_t>(dtype)) % 3 == 0;
    }
    void mixed(int32_t act, int32_t stored) {
        const size_t turn = static_cast<size_t>(act) * 3 + static_cast<size_t>(stored);
        const size_t step = shapes_.size() > 100 ? 12 : quick() ? 5 : 1;
        for (size_t i = 0; i < shapes_.size(); ++i) {
            if (shapes_[i].large || (i + turn) % step) continue;
            put(shapes_[i], act, stored, "normal");
            const std::string& family = families_[(i + turn) % families_.size()];
            if (family != "normal" && (!quick() || i < 2 * step))
                put(shapes_[i], act, stored, family);
        }
    }
    void blocks(const BlockFormat& format) {
        size_t n_seen = 0;
        for (const Shape& shape : shapes_) {
            const int64_t elements = format.elements;
            if (row_of(shape.spec) % elements || (quick() && (shape.large || n_seen >= 4)))
                continue;
            ++n_seen;
            for (const int32_t act : kReal) {
                if (quick() && act != AFS_BF16 && n_seen > 1) continue;
                put(shape, act, format.dtype, "normal");
                if (op_ == "linear/1" && n_seen % 2 == 0)
                    put(shape, act, format.dtype, "outlier-channels");
            }
        }
    }

    const std::string op_;
    const Level level_;
    const std::vector<Shape> shapes_;
    const std::vector<std::string> families_;
    std::vector<CaseSpec> out_;
};

// Draws for random_case, in order.
class Dice {
public:
    explicit Dice(uint64_t number) : seed_(hash(0x5eed, number)) {}
    int64_t below(int64_t n) {
        return static_cast<int64_t>(hash(seed_, at_++) % static_cast<uint64_t>(n));
    }
    // 1 .. most, small ones as likely as large ones.
    int64_t size(int64_t most) {
        const double u = static_cast<double>(hash(seed_, at_++) >> 11) * 0x1p-53;
        return std::max<int64_t>(
            1, std::min(most, static_cast<int64_t>(
                                  std::exp(u * std::log(static_cast<double>(most) + 1)))));
    }
    int32_t dtype() { return kReal[below(3)]; }

private:
    uint64_t seed_, at_ = 0;
};

void random_cache_shape(Dice& dice, CaseSpec& spec) {
    const int64_t kv = dice.size(8), group = 1 + dice.below(8), hd = 8 * dice.size(16);
    if (spec.op == "attention/1") spec.set("h", kv * group);
    static constexpr int64_t blocks[] = {16, 16, 1, 8, 32, 64, 3};
    spec.set("kv", kv).set("hd", hd).set("bs", blocks[dice.below(7)]);
    const bool decode = dice.below(2) == 0;
    std::string sequences;
    const int64_t budget = std::max<int64_t>(8, 40000 / (kv * group * hd));  // tokens now
    for (int64_t s = 0, n = 1 + dice.below(4); s < n; ++s) {
        const int64_t past = dice.size(400) - 1;
        const int64_t now = decode ? 1 : dice.size(std::min<int64_t>(40, budget));
        sequences += (s ? "_" : "") + std::to_string(past) + "+" + std::to_string(now);
    }
    spec.set("seqs", sequences);
    if (const int64_t pad = dice.below(4)) spec.set("pad", pad);
    if (decode) spec.set("decode", 1);
    if (dice.below(4) == 0) spec.set("strided", 1);
    if (dice.below(2)) spec.set("cache", std::string("stale"));
}

void random_shape(Dice& dice, CaseSpec& spec) {
    const std::string& op = spec.op;
    if (op == "linear/1") {
        const int64_t k = dice.size(3000), m = dice.size(200);
        spec.set("n", dice.size(std::max<int64_t>(1, std::min<int64_t>(100, 300000 / (m * k)))));
        spec.set("m", m).set("k", k);
    } else if (op == "rms_norm/1") {
        spec.set("n", dice.size(20)).set("d", dice.size(6000)).set("before", dice.below(2));
        if (dice.below(2)) spec.set_real("eps", dice.below(2) ? 1e-5 : 1e-3);
    } else if (op == "rope/1") {
        spec.set("n", dice.size(20)).set("h", dice.size(16)).set("hd", 2 * dice.size(64));
        spec.set("table", dice.below(2)).set("llama", dice.below(2));
        spec.set("pos", dice.below(2) ? dice.size(131000) : dice.below(64));
    } else if (op == "embed/1") {
        spec.set("n", dice.size(40)).set("v", dice.size(300)).set("d", dice.size(2000));
    } else if (op == "select_rows/1") {
        spec.set("n", dice.size(40)).set("r", dice.size(40)).set("d", dice.size(2000));
    } else if (op == "sample/1") {
        spec.set("n", dice.size(60)).set("v", dice.size(20000));
    } else {
        spec.set("n", dice.size(40)).set("d", dice.size(5000));
    }
}

}  // namespace

bool family_suits(const std::string& op, const std::string& family) {
    const bool sums = op == "linear/1" || op == "rms_norm/1" || op == "rope/1" ||
                      op == "swiglu/1" || op == "attention/1";
    if (family == "largest") return !sums;
    return family != "infinite" || op != "attention/1";
}

std::vector<CaseSpec> op_cases(const std::string& op, Level level) {
    return Lister(op, level).list();
}

CaseSpec random_case(uint64_t number, const std::string& wanted) {
    Dice dice(number);
    CaseSpec made;
    const auto& ops = all_ops();
    const auto any = static_cast<size_t>(dice.below(static_cast<int64_t>(ops.size())));
    made.op = wanted.empty() ? ops[any] : wanted;
    made.act = dice.dtype();
    made.stored = has_stored(made.op) && dice.below(3) == 0 ? dice.dtype() : made.act;
    if (made.op == "attention/1" || made.op == "kv_append/1")
        random_cache_shape(dice, made);
    else
        random_shape(dice, made);
    const auto names = suitable(made.op);
    made.family = names[static_cast<size_t>(dice.below(static_cast<int64_t>(names.size())))];
    made.seed = number + 1;
    return made;
}

}  // namespace afs::conformance
