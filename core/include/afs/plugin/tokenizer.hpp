// Exports a Tokenizer as a tokenizer plugin:
//   class Mine final : public afs::Tokenizer {
//     public: static afs::Result<std::unique_ptr<afs::Tokenizer>> create(const afs::OpenArgs&);
//   ...};
//   AFS_TOKENIZER_PLUGIN(Mine, "mine", "0.1", "Apache-2.0")
#pragma once
#include "afs/plugin/export.hpp"
#include "afs/tokenizer.hpp"

namespace afs {
namespace plugin {

// A tokenizer and the buffers behind what its table hands out.
struct TokenizerInstance {
    std::unique_ptr<Tokenizer> tokenizer;
    std::vector<int32_t> ids;
    std::string bytes;
    TokenPiece piece;
};
inline TokenizerInstance& tokenizer(afs_instance* i) {
    return *reinterpret_cast<TokenizerInstance*>(i);
}

template <class Class>
afs_status tokenizer_open(const afs_open_args* args, afs_instance** out, afs_error* e) noexcept {
    return guard(e, "open", [&]() -> Status {
        auto made = std::make_unique<TokenizerInstance>();
        AFS_ASSIGN(made->tokenizer, Class::create(OpenArgs(read<afs_open_args>(args))));
        *out = reinterpret_cast<afs_instance*>(made.release());
        return {};
    });
}
inline afs_status tokenizer_score(afs_instance* i, const afs_tokenizer_source* source, int32_t* out,
                                  afs_error* e) {
    return guard(e, "score", [&]() -> Status {
        *out = tokenizer(i).tokenizer->score(read<afs_tokenizer_source>(source));
        return {};
    });
}
inline afs_status tokenizer_load(afs_instance* i, const afs_tokenizer_source* source,
                                 afs_tokenizer_info* out, afs_error* e) {
    return guard(e, "load", [&]() -> Status {
        afs_tokenizer_info info = make<afs_tokenizer_info>();
        AFS_TRY(tokenizer(i).tokenizer->load(read<afs_tokenizer_source>(source), info));
        write(out, info);
        return {};
    });
}
inline afs_status tokenizer_encode(afs_instance* i, const char* text, uint64_t n_bytes,
                                   uint32_t flags, const int32_t** ids, uint64_t* n_ids,
                                   afs_error* e) {
    return guard(e, "encode", [&]() -> Status {
        TokenizerInstance& self = tokenizer(i);
        AFS_TRY(self.tokenizer->encode({text, static_cast<size_t>(n_bytes)}, flags, self.ids));
        *ids = self.ids.data();
        *n_ids = self.ids.size();
        return {};
    });
}
inline afs_status tokenizer_decode(afs_instance* i, const int32_t* ids, uint64_t n_ids,
                                   uint32_t flags, const char** bytes, uint64_t* n_bytes,
                                   afs_error* e) {
    return guard(e, "decode", [&]() -> Status {
        TokenizerInstance& self = tokenizer(i);
        AFS_TRY(self.tokenizer->decode(ids, static_cast<size_t>(n_ids), flags, self.bytes));
        *bytes = self.bytes.data();
        *n_bytes = self.bytes.size();
        return {};
    });
}
inline afs_status tokenizer_token(afs_instance* i, int32_t id, int32_t* kind, const char** bytes,
                                  uint64_t* n_bytes, afs_error* e) {
    return guard(e, "token", [&]() -> Status {
        TokenizerInstance& self = tokenizer(i);
        AFS_TRY(self.tokenizer->token(id, self.piece));
        *kind = self.piece.kind;
        *bytes = self.piece.bytes.data();
        *n_bytes = self.piece.bytes.size();
        return {};
    });
}
inline constexpr afs_tokenizer kTokenizer = {
    sizeof(afs_tokenizer), 0, tokenizer_score, tokenizer_load, tokenizer_encode, tokenizer_decode,
    tokenizer_token};

}  // namespace plugin
}  // namespace afs

#define AFS_TOKENIZER_PLUGIN(Class, name, version, licence)                                        \
    static const char* const afs_provides[] = {"afs.tokenizer/1", nullptr};                        \
    static const void* afs_table(const char* id) {                                                 \
        return afs::plugin::listed(afs_provides, id) ? &afs::plugin::kTokenizer : nullptr;         \
    }                                                                                              \
    AFS_DESCRIPTOR("tokenizer", name, version, licence, nullptr, nullptr,                          \
                   afs::plugin::tokenizer_open<Class>, afs_table,                                  \
                   afs::plugin::close_as<afs::plugin::TokenizerInstance>)
