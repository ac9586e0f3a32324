// One instance of a plugin through its descriptor alone, as plain C would use it.
#pragma once
#include <string>

#include "afs/kernels.hpp"
#include "conformance/checks/subject.hpp"

namespace afs::conformance {

class RawInstance {
public:
    // options: the subject's.
    explicit RawInstance(const Subject& s);
    ~RawInstance() { close(); }
    RawInstance(const RawInstance&) = delete;

    const std::string& why_not() const { return why_not_; }  // empty: open
    afs_instance* self() const { return self_; }
    bool close();  // false: it threw

private:
    const Subject& subject_;
    afs_instance* self_ = nullptr;
    std::string why_not_;
};

}  // namespace afs::conformance
