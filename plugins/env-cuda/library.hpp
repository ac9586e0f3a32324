// A shared library that may be absent.
#pragma once
#include <string>
#include <vector>

namespace env_cuda {

class Library {
public:
    // The first of the names that loads; the names may be paths. A library that has loaded stays:
    // drivers start threads, and unloading one under them crashes.
    explicit Library(const std::vector<std::string>& names);

    bool loaded() const { return handle_ != nullptr; }
    const std::string& path() const { return path_; }      // of what was loaded
    const std::string& reason() const { return reason_; }  // why nothing was

    template <class Function>
    Function* find(const char* name) const {
        return reinterpret_cast<Function*>(symbol(name));
    }

private:
    void* symbol(const char* name) const;

    void* handle_ = nullptr;
    std::string path_, reason_;
};

}  // namespace env_cuda
