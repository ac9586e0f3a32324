#include "weights/convert/tokenizers.hpp"

#include <algorithm>

#include "afs/json.hpp"     // quote
#include "afs/kernels.hpp"  // make
#include "loader/open.hpp"

namespace afs::convert {

std::string ids_difference(Tokenizer& a, Tokenizer& b, const std::vector<std::string>& probes) {
    for (const std::string& text : probes)
        for (const uint32_t flags :
             {uint32_t{0}, uint32_t{AFS_ENCODE_ADD_SPECIAL | AFS_ENCODE_PARSE_SPECIAL}}) {
            std::vector<int32_t> ids_a, ids_b;
            const Status status_a = a.encode(text, flags, ids_a),
                         status_b = b.encode(text, flags, ids_b);
            if (!status_a.ok() || !status_b.ok())
                return status_a.ok() ? status_b.message() : status_a.message();
            if (ids_a != ids_b) return json::quote(text);
        }
    return {};
}

Status choose_pre_tokenizer(const Config& config, const PluginSearch& search,
                            OpenedTokenizer& source, const Tables& tables, Vocabulary& vocabulary) {
    std::vector<PreTokenizer> candidates = tables.pre_tokenizers;
    std::stable_partition(candidates.begin(), candidates.end(), [&](const PreTokenizer& pre) {
        return pre.ignore_merges == vocabulary.ignore_merges;
    });
    OpenRequest request;
    request.name = source.plugin_name;
    for (const auto& [key, value] : config.plugin(source.plugin_name).options)
        request.options[key] = value;
    AFS_ASSIGN(auto file, find_and_load(search, "tokenizer", source.plugin_name));
    std::string tried;
    for (const PreTokenizer& pre : candidates) {
        vocabulary.pre = pre.name;
        const VocabularyView view(vocabulary);
        AFS_ASSIGN(const auto tokenizer, open_tokenizer(file, request));
        afs_tokenizer_source table = make<afs_tokenizer_source>();
        table.path = "the converted vocabulary";
        table.vocabulary = &view.table();
        afs_tokenizer_info info = make<afs_tokenizer_info>();
        const Status loaded = tokenizer->load(table, info);
        const std::string differs = loaded.ok()
                                        ? ids_difference(*source.plugin, *tokenizer, tables.probes)
                                        : loaded.message();
        if (differs.empty()) return {};
        tried += (tried.empty() ? "" : "; ") + pre.name + ": " + differs;
    }
    return unsupported(
        "cannot convert the tokenizer: no pre-tokenizer that a GGUF file can name "
        "gives its ids; tried " +
        tried);
}

}  // namespace afs::convert
