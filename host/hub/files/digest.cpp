#include "hub/files/digest.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace afs::hub {
namespace {

constexpr size_t kPiece = size_t{1} << 20;

using Context = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;

// A library context of our own: OpenSSL 3's default one crashes where memory did not suffice for
// it. nullptr: not enough now either. For ever, as what was fetched from it.
EVP_MD* kind_of(const char* name) {
    static OSSL_LIB_CTX* const library = OSSL_LIB_CTX_new();
    return library ? EVP_MD_fetch(library, name, nullptr) : nullptr;
}
const EVP_MD* sha256_kind() {
    static const EVP_MD* const kind = kind_of("SHA256");
    return kind;
}
const EVP_MD* sha1_kind() {
    static const EVP_MD* const kind = kind_of("SHA1");
    return kind;
}

Context start(const EVP_MD* kind, bool& good) {
    Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    good = good && kind && context && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1;
    return context;
}

std::string finish_hex(EVP_MD_CTX* context, bool& good) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    good = good && EVP_DigestFinal_ex(context, bytes, &n) == 1;
    std::string text;
    for (unsigned i = 0; good && i < n; ++i) {
        text += "0123456789abcdef"[bytes[i] >> 4];
        text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

}  // namespace

bool Digest::is_whole() const {
    return hex.size() == (kind == Kind::sha256 ? 64u : 40u) &&
           hex.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const char* name_of(Digest::Kind kind) {
    return kind == Digest::Kind::sha256 ? "sha256" : "git-sha1";
}

struct Hasher::Impl {
    bool good = true;
    Context sha256 = start(sha256_kind(), good);
    Context sha1{nullptr, EVP_MD_CTX_free};  // nullptr: not asked
};

Hasher::Hasher(uint64_t bytes, Digest::Kind kind) : impl_(std::make_shared<Impl>()) {
    if (kind != Digest::Kind::git_sha1) return;
    impl_->sha1 = start(sha1_kind(), impl_->good);
    const std::string head = "blob " + std::to_string(bytes);
    impl_->good =
        impl_->good && EVP_DigestUpdate(impl_->sha1.get(), head.c_str(), head.size() + 1) == 1;
}

void Hasher::update(const void* data, size_t n) {
    bool& good = impl_->good;
    good = good && EVP_DigestUpdate(impl_->sha256.get(), data, n) == 1;
    if (impl_->sha1) good = good && EVP_DigestUpdate(impl_->sha1.get(), data, n) == 1;
}

Result<Hasher::Sums> Hasher::finish() {
    Sums sums;
    sums.sha256 = finish_hex(impl_->sha256.get(), impl_->good);
    if (impl_->sha1) sums.git_sha1 = finish_hex(impl_->sha1.get(), impl_->good);
    if (!impl_->good) return Status(Code::internal, "cannot hash: OpenSSL refuses");
    return sums;
}

Status hash_prefix(const std::filesystem::path& file, uint64_t n, Hasher& hasher,
                   const std::function<bool(uint64_t)>& read) {
    const auto failure = [&](int error) {
        return Status(Code::io,
                      "cannot read '" + file.string() + "' to hash it: " +
                          (error ? std::strerror(error) : "it is shorter than it was"),
                      {}, error);
    };
    std::vector<char> piece(kPiece);
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failure(errno);
    Status status;
    while (n > 0 && status.ok()) {
        const ssize_t got = ::read(descriptor, piece.data(), std::min<uint64_t>(n, kPiece));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            status = failure(got < 0 ? errno : 0);
            break;
        }
        hasher.update(piece.data(), static_cast<size_t>(got));
        n -= static_cast<uint64_t>(got);
        if (!read(static_cast<uint64_t>(got))) status = Status(Code::cancelled, "interrupted");
    }
    ::close(descriptor);
    return status;
}

}  // namespace afs::hub
