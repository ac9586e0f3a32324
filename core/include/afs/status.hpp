// Errors as values. Three tiers, decided once here:
//   1. expected failures (file, config, shape, device, memory, plugin): Status or Result<T>;
//   2. programmer errors: AFS_CHECK (afs/check.hpp), never reachable from user input;
//   3. exceptions stay inside a translation unit; none crosses the contract.
// A message is lower case, verb first, names the subject, states expected and found, and ends in a
// remedy where the reader can act: "cannot map 'x.safetensors': file has 3 bytes, header needs 8".
// C++17, also in .cu files.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "afs/abi/base.h"

namespace afs {

enum class Code : afs_status {
    ok = AFS_OK,
    unsupported = AFS_E_UNSUPPORTED,
    invalid = AFS_E_INVALID,
    no_memory = AFS_E_NO_MEMORY,
    device = AFS_E_DEVICE,
    internal = AFS_E_INTERNAL,
    version = AFS_E_VERSION,
    not_found = AFS_E_NOT_FOUND,
    io = AFS_E_IO,
    cancelled = AFS_E_CANCELLED
};

// One pointer wide; success costs nothing. Cheap to copy.
class [[nodiscard]] Status {
public:
    Status() = default;
    Status(Code code, std::string message, std::string where = {}, int64_t native_code = 0)
        : detail_(std::make_shared<const Detail>(
              Detail{code, native_code, std::move(where), std::move(message)})) {}

    bool ok() const { return !detail_; }
    explicit operator bool() const { return ok(); }
    Code code() const { return detail_ ? detail_->code : Code::ok; }
    int64_t native_code() const { return detail_ ? detail_->native_code : 0; }
    const std::string& where() const { return detail_ ? detail_->where : empty(); }
    const std::string& message() const { return detail_ ? detail_->message : empty(); }

    // The same failure seen from one level up: "cannot load model: <message>".
    Status context(const std::string& prefix) const {
        return ok() ? *this : Status(code(), prefix + ": " + message(), where(), native_code());
    }

private:
    struct Detail {
        Code code;
        int64_t native_code;
        std::string where, message;
    };
    static const std::string& empty() {
        static const std::string none;
        return none;
    }
    std::shared_ptr<const Detail> detail_;
};

inline Status invalid(std::string message) {
    return Status(Code::invalid, std::move(message));
}
inline Status unsupported(std::string message) {
    return Status(Code::unsupported, std::move(message));
}
inline Status not_found(std::string message) {
    return Status(Code::not_found, std::move(message));
}

// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    Result(Status status)
        : status_(status.ok() ? Status(Code::internal, "result without value or error")
                              : std::move(status)) {}
    template <class U, class = std::enable_if_t<std::is_convertible<U&&, T>::value &&
                                                !std::is_same<std::decay_t<U>, T>::value &&
                                                !std::is_same<std::decay_t<U>, Status>::value &&
                                                !std::is_same<std::decay_t<U>, Result>::value>>
    Result(U&& value) : value_(std::forward<U>(value)) {}

    bool ok() const { return value_.has_value(); }
    explicit operator bool() const { return ok(); }
    const Status& status() const { return status_; }
    T& operator*() & { return *value_; }
    const T& operator*() const& { return *value_; }
    T&& operator*() && { return std::move(*value_); }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }

private:
    std::optional<T> value_;
    Status status_;
};

}  // namespace afs

// Return early: AFS_TRY(expr) for a Status, AFS_ASSIGN(auto x, expr) for a Result.
#define AFS_TRY(expr)                                                                              \
    do {                                                                                           \
        if (::afs::Status afs_status_ = (expr); !afs_status_.ok()) return afs_status_;             \
    } while (0)
#define AFS_CAT2(a, b) a##b
#define AFS_CAT(a, b) AFS_CAT2(a, b)
#define AFS_ASSIGN(lhs, expr) AFS_ASSIGN_(AFS_CAT(afs_result_, __LINE__), lhs, expr)
#define AFS_ASSIGN_(tmp, lhs, expr)                                                                \
    auto tmp = (expr);                                                                             \
    if (!tmp.ok()) return tmp.status();                                                            \
    lhs = std::move(*tmp)
