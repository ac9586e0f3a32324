// Content hash of a plugin file.
#include <openssl/evp.h>

#include <fstream>
#include <memory>
#include <vector>

#include "loader/plugin_file.hpp"

namespace afs {

Result<std::string> file_sha256(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return Status(Code::io, "cannot read '" + path + "' to hash it");
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free);
    bool good = hash && EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) == 1;
    std::vector<char> part(size_t{1} << 18);
    while (good && file) {
        file.read(part.data(), static_cast<std::streamsize>(part.size()));
        good = EVP_DigestUpdate(hash.get(), part.data(), static_cast<size_t>(file.gcount())) == 1;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!good || file.bad() || EVP_DigestFinal_ex(hash.get(), digest, &n) != 1)
        return Status(Code::io, "cannot hash '" + path + "'");
    std::string text;
    for (unsigned i = 0; i < n; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

}  // namespace afs
