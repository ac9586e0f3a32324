// The tokenizer of a source, whichever loader reads it.
#include "load/load.hpp"
#include "afs/kernels.hpp"  // put
#include "tokenizer.hpp"

namespace afs::bpe {

int BpeTokenizer::score(const afs_tokenizer_source& source) {
    if (source.vocabulary) return score_metadata(source);
    return source.path ? score_source(source.path) : 0;
}

Status BpeTokenizer::load(const afs_tokenizer_source& source, afs_tokenizer_info& info) {
    if (!source.path && !source.vocabulary)
        return invalid("no path: expected a checkpoint's folder or a file");
    AFS_ASSIGN(Definition definition,
               source.vocabulary ? load_metadata(source) : load_source(source.path));
    definition.vocabulary.finish();
    const std::string file = "'" + definition.file + "'";
    if (definition.vocabulary.size() == 0) return invalid(file + ": empty vocabulary");
    auto splits = Pretokenizer::make(definition.splits);
    if (!splits.ok()) return splits.status().context(file);
    auto byte_level = Pretokenizer::make(definition.byte_level);
    if (!byte_level.ok()) return byte_level.status().context(file);
    loaded_ =
        std::make_unique<Loaded>(std::move(definition), std::move(*splits), std::move(*byte_level));

    const Definition& d = loaded_->definition;
    info.n_vocab = d.vocabulary.size();
    info.bos_id = d.bos_id;
    info.eos_id = d.eos_id;
    info.pad_id = d.pad_id;
    info.adds_bos = !d.prefix.empty() && d.prefix[0] == d.bos_id ? 1 : 0;
    int lacking = 0;
    for (int byte = 0; byte < 256; ++byte)
        if (d.vocabulary.byte_id(static_cast<uint8_t>(byte)) < 0) ++lacking;
    put(info.summary, "byte-level BPE, " + std::to_string(d.vocabulary.size()) + " ids, " +
                          std::to_string(d.merges.size()) + " merges, " +
                          (lacking ? "no token for " + std::to_string(lacking) + " bytes, " : "") +
                          "from " + d.origin);
    return {};
}

}  // namespace afs::bpe
