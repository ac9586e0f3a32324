// What later Unicode versions added to the general categories that PCRE2 10.42 (Unicode 14) knows.
#pragma once
#include <array>

namespace afs::bpe {

struct CategoryAdditions {
    const char* category;  // "Lu"
    const char* members;   // as text for a PCRE2 class
};

extern const std::array<CategoryAdditions, 13> kCategoryAdditions;

}  // namespace afs::bpe
