// The input is a tokenizer.json: loaded, then used for texts with every flag, and every id decoded.
#include "allocations.hpp"
#include "input_file.hpp"
#include "require.hpp"
#include "tokenizer.hpp"

using namespace afs::fuzz;

namespace {

constexpr std::string_view kTexts[] = {
    "", " ", "Once upon a time, there was 1 girl of 12345.\n\n  She's <|endoftext|>\t",
    "na\xc3\xafve \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x99\x82\xef\xb8\x8f",
    "\xff\x80 not \xe4\xbd UTF-8 \xc0\xaf"};

void use(afs::bpe::BpeTokenizer& tokenizer, uint32_t n_vocab) {
    std::vector<int32_t> ids;
    std::string bytes;
    for (const std::string_view text : kTexts)
        for (const uint32_t flags :
             {0u, uint32_t{AFS_ENCODE_ADD_SPECIAL}, uint32_t{AFS_ENCODE_PARSE_SPECIAL}}) {
            const afs::Status encoded = tokenizer.encode(text, flags, ids);
            if (!encoded.ok()) {
                require_clean(encoded);
                continue;
            }
            for (const int32_t id : ids)
                require(id >= 0 && static_cast<uint32_t>(id) < n_vocab, "an id outside");
            const afs::Status decoded = tokenizer.decode(ids.data(), ids.size(), 0, bytes);
            require(decoded.ok(), "its own ids cannot be decoded: " + decoded.message());
        }
    afs::TokenPiece piece;
    for (uint32_t id = 0; id < std::min(n_vocab, 600u); ++id)
        require(tokenizer.token(static_cast<int32_t>(id), piece).ok(), "an id without a piece");
    require(!tokenizer.token(static_cast<int32_t>(n_vocab), piece).ok(), "an id past the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static InputFile input;
    static InputFolder folder;
    static const bool made = [] {
        folder.link("tokenizer.json", input);
        return true;
    }();
    (void)made;
    input.set(data, size);
    const AllocationLimit limit;
    auto source = afs::make<afs_tokenizer_source>();
    source.path = folder.path().c_str();
    afs::bpe::BpeTokenizer tokenizer;
    (void)tokenizer.score(source);
    auto info = afs::make<afs_tokenizer_info>();
    const afs::Status loaded = tokenizer.load(source, info);
    if (loaded.ok())
        use(tokenizer, info.n_vocab);
    else
        require_clean(loaded);
    return 0;
}
