// The input is a GGUF file: opened, its metadata read by both model plugins, its vocabulary by the
// tokenizer plugin, its header by the doctor's own reader.
#include "afs/weights/gguf.hpp"
#include "afs/weights/gguf_vocabulary.hpp"
#include "allocations.hpp"
#include "families.hpp"
#include "gguf_header.hpp"
#include "input_file.hpp"
#include "require.hpp"
#include "tokenizer.hpp"

using namespace afs::fuzz;

namespace {

void check_tensors(const afs::GgufFile& gguf) {
    const afs::MappedFile& file = *gguf.file();
    for (const afs::FileTensor& tensor : gguf.tensors()) {
        const auto* begin = static_cast<const uint8_t*>(tensor.data);
        require(begin >= file.data() && begin + tensor.bytes <= file.data() + file.size(),
                "tensor '" + tensor.name + "' lies outside its file");
    }
}

// What a caller may ask of a value: every reader looks at its type first.
void read_metadata(const afs::GgufFile& gguf) {
    for (const afs::GgufPair& pair : gguf.metadata()) {
        (void)pair.value.integer();
        (void)pair.value.number();
        (void)pair.value.flag();
        (void)pair.value.text();
        size_t bytes = 0;
        pair.value.each_text([&bytes](std::string_view text) { bytes += text.size(); });
        require(bytes <= gguf.file()->size(), "texts longer than the file");
        require(gguf.find(pair.key) != nullptr, "a key that cannot be found");
    }
}

void read_vocabulary(const afs::GgufFile& gguf, const std::string& path) {
    const auto vocabulary = afs::GgufVocabulary::read(gguf);
    if (!vocabulary.ok()) return require_clean(vocabulary.status());
    if (!*vocabulary) return;
    auto source = afs::make<afs_tokenizer_source>();
    source.path = path.c_str();
    source.vocabulary = &(*vocabulary)->table();
    afs::bpe::BpeTokenizer tokenizer;
    if (tokenizer.score(source) == 0) return;
    auto info = afs::make<afs_tokenizer_info>();
    if (const afs::Status loaded = tokenizer.load(source, info); !loaded.ok())
        return require_clean(loaded);
    std::vector<int32_t> ids;
    const afs::Status encoded =
        tokenizer.encode("Once upon a time, 1234 <|x|>", AFS_ENCODE_ADD_SPECIAL, ids);
    if (!encoded.ok()) require_clean(encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static InputFile input;
    input.set(data, size);
    const AllocationLimit limit;
    auto gguf = afs::GgufFile::open(input.path());
    const env_model::GgufHeader header = env_model::read_gguf(input.path());
    if (!gguf.ok()) {
        require_clean(gguf.status());
        return 0;
    }
    require(header.problem.empty(), "the doctor refuses what loads: " + header.problem);
    check_tensors(*gguf);
    read_metadata(*gguf);
    read_vocabulary(*gguf, input.path());
    std::vector<afs::GgufFile> parts;
    parts.push_back(std::move(*gguf));
    build_families(afs::gguf_config_json(parts), nullptr, true);
    return 0;
}
