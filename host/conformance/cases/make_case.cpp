#include "conformance/cases/make_case.hpp"

namespace afs::conformance {

Result<int64_t> ranged(const CaseSpec& spec, const std::string& key, int64_t least, int64_t most,
                       int64_t otherwise) {
    const int64_t value = spec.number(key, otherwise);
    if (value < least || value > most)
        return invalid(key + "=" + std::to_string(value) + ": expected " + std::to_string(least) +
                       " to " + std::to_string(most));
    return value;
}

namespace {

// Every sequence has one token, as the step class decode promises.
void one_token_each(StepData& step) {
    const auto n = static_cast<int32_t>(step.n_tokens());
    for (int32_t i = 0; i < n; ++i) {
        step.cu_seqlens.push_back(i + 1);
        step.context_lens.push_back(step.positions[static_cast<size_t>(i)] + 1);
        step.max_context = std::max(
            step.max_context, static_cast<uint32_t>(step.positions[static_cast<size_t>(i)] + 1));
    }
    step.block_table.assign(static_cast<size_t>(n), 0);
}

void mark_unwritten(Array& output) {
    const size_t width = dtype_size(output.dtype), bytes = width * output.size();
    auto* at = static_cast<uint8_t*>(output.data());
    for (size_t i = 0; i < bytes; ++i)  // little-endian: the last byte has sign and exponent
        at[i] = i % width + 1 == width ? 0xff : 0xc5;
}

Status check_dtypes(const CaseSpec& spec) {
    const auto real = [](int32_t dtype) { return dtype >= AFS_F32 && dtype <= AFS_F16; };
    const bool matrix = spec.op == "linear/1" || spec.op == "embed/1";
    if ((!real(spec.act) && spec.act != AFS_F64) ||
        (!real(spec.stored) && spec.stored != AFS_F64 && !(matrix && block_format(spec.stored))))
        return invalid(std::string("dtypes ") + dtype_name(spec.act) + " and " +
                       dtype_name(spec.stored) + " are none of " + spec.op);
    return {};
}

}  // namespace

Result<OpCase> make_case(const CaseSpec& spec) {
    AFS_TRY(check_dtypes(spec).context("cannot make case '" + spec.id() + "'"));
    const std::string& op = spec.op;
    Result<OpCase> made = op == "kv_append/1" || op == "attention/1" ? make_cache_op(spec)
                          : op == "embed/1" || op == "select_rows/1" || op == "sample/1"
                              ? make_lookup(spec)
                              : make_row_op(spec);
    if (!made.ok()) return made.status().context("cannot make case '" + spec.id() + "'");
    const bool real = made->output.dtype != AFS_DTYPE_NONE && made->output.dtype != AFS_I32;
    // NaN of bits that neither arithmetic nor a guard gives: what is not written, or added to,
    // shows.
    if (real) mark_unwritten(made->output);
    if (spec.number("decode") && made->step.n_seqs() == 0) one_token_each(made->step);
    if (spec.number("decode")) made->step_class = AFS_CLASS_DECODE;
    return made;
}

}  // namespace afs::conformance
