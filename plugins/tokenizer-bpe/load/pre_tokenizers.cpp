#include "load/pre_tokenizers.hpp"

#include "definition.hpp"

namespace afs::bpe {
namespace {

#define AFS_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define AFS_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define AFS_CONTRACTION R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
#define AFS_REST R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

// Mistral's Tekken: words are cut where lower case turns into upper case.
constexpr const char* kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?)" AFS_UPPER "*" AFS_LOWER
    "+"
    R"(|[^\r\n\p{L}\p{N}]?)" AFS_UPPER "+" AFS_LOWER R"(*|\p{N})" AFS_REST;
// o200k: as Tekken's, with contractions and up to three digits.
constexpr const char* kO200kPattern =
    R"([^\r\n\p{L}\p{N}]?)" AFS_UPPER "*" AFS_LOWER "+" AFS_CONTRACTION
    R"(|[^\r\n\p{L}\p{N}]?)" AFS_UPPER "+" AFS_LOWER "*" AFS_CONTRACTION R"(|\p{N}{1,3})" AFS_REST;

#undef AFS_UPPER
#undef AFS_LOWER
#undef AFS_CONTRACTION
#undef AFS_REST

const PreTokenizer kKnown[] = {
    {"gpt-2", false, kGpt2Pattern, false, false},
    {"smollm", true, kGpt2Pattern, false, false},
    {"llama-bpe", false, kCl100kPattern, true, true},
    {"llama3", false, kCl100kPattern, true, true},
    {"llama-v3", false, kCl100kPattern, true, true},
    {"dbrx", false, kCl100kPattern, false, false},  // OLMo-2's name, too
    {"tekken", false, kTekkenPattern, true, true},
    {"gpt-4o", false, kO200kPattern, false, false},
    {"llama4", false, kO200kPattern, false, false},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
    for (const PreTokenizer& known : kKnown)
        if (name == known.name) return &known;
    return nullptr;
}

std::string known_pre_tokenizers() {
    std::string list;
    for (const PreTokenizer& known : kKnown)
        list += (list.empty() ? "" : ", ") + std::string(known.name);
    return list;
}

}  // namespace afs::bpe
