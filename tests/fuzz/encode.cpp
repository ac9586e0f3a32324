// The first byte chooses a tokenizer, the next the flags, the rest is text: encoded and decoded.
#include <array>

#include "input_file.hpp"
#include "require.hpp"
#include "seed_tokenizers.hpp"
#include "tokenizer.hpp"

using namespace afs::fuzz;

namespace {

struct Loaded {
    afs::bpe::BpeTokenizer tokenizer;
    afs_tokenizer_info info = afs::make<afs_tokenizer_info>();
    bool keeps_all = false;  // decode(encode(x)) == x
};

std::array<Loaded, 3>& tokenizers() {
    static std::array<Loaded, 3> all;
    static const bool loaded = [] {
        const InputFolder folder;
        for (size_t i = 0; i < all.size(); ++i) {
            folder.write("tokenizer.json", kSeedTokenizers[i].json);
            auto source = afs::make<afs_tokenizer_source>();
            source.path = folder.path().c_str();
            const afs::Status status = all[i].tokenizer.load(source, all[i].info);
            require(status.ok(), "a seed tokenizer does not load: " + status.message());
            all[i].keeps_all = kSeedTokenizers[i].keeps_all;
        }
        return true;
    }();
    (void)loaded;
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    auto& all = tokenizers();
    Loaded& chosen = all[data[0] % all.size()];
    const uint32_t flags = data[1] & (AFS_ENCODE_ADD_SPECIAL | AFS_ENCODE_PARSE_SPECIAL);
    const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
    std::vector<int32_t> ids, again;
    const afs::Status encoded = chosen.tokenizer.encode(text, flags, ids);
    if (!encoded.ok()) {
        require_clean(encoded);
        return 0;
    }
    for (const int32_t id : ids)
        require(id >= 0 && static_cast<uint32_t>(id) < chosen.info.n_vocab, "an id outside");
    std::string bytes;
    require(chosen.tokenizer.decode(ids.data(), ids.size(), 0, bytes).ok(), "ids do not decode");
    if (chosen.keeps_all && !(flags & AFS_ENCODE_ADD_SPECIAL))
        require(bytes == text, "decode(encode(x)) is not x");
    require(chosen.tokenizer.encode(text, flags, again).ok() && again == ids,
            "the same text gives other ids the second time");
    return 0;
}
