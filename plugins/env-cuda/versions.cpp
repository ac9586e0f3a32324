#include "versions.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "library.hpp"

namespace env_cuda {
namespace {

// "libcudart.so.13", "libcudart.so.12", .. as the loader finds them, then in the toolkits.
std::vector<std::string> names_of(const std::string& name, const std::vector<std::string>& ends) {
    std::vector<std::string> out;
    out.reserve(ends.size() * (1 + toolkit_folders().size()));
    for (const std::string& end : ends) out.push_back(name + end);
    for (const std::string& folder : toolkit_folders())
        for (const std::string& end : ends) out.push_back(folder + "/lib64/" + name + end);
    return out;
}

Version ask_number(const Library& library, const char* function) {
    Version out;
    out.where = library.path();
    out.detail = library.reason();
    auto* version = library.find<int(int*)>(function);
    if (version && version(&out.number) != 0) out.number = 0;
    if (library.loaded() && out.number == 0) out.detail = "it does not say its version";
    return out;
}

std::string output_of(const std::string& command) {
    std::string out;
    // NOLINTNEXTLINE(cert-env33-c): a path, quoted, and one option
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
    if (!pipe) return out;
    std::array<char, 1024> part{};
    while (fgets(part.data(), static_cast<int>(part.size()), pipe.get())) out += part.data();
    return out;
}

// "13.0, V13.0.88" -> 13, 0
bool read_release(const std::string& text, int& major, int& minor) {
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
    return std::from_chars(first.ptr + 1, end, minor).ec == std::errc();
}

bool runs(const std::string& path) {
    return access(path.c_str(), X_OK) == 0;
}

std::string find_nvcc() {
    std::string folders = std::getenv("PATH") ? std::getenv("PATH") : "";
    for (size_t from = 0; from <= folders.size();) {
        const size_t end = std::min(folders.find(':', from), folders.size());
        std::string path = folders.substr(from, end - from) + "/nvcc";
        if (end > from && runs(path)) return path;
        from = end + 1;
    }
    for (const std::string& folder : toolkit_folders())
        if (runs(folder + "/bin/nvcc")) return folder + "/bin/nvcc";
    return "";
}

}  // namespace

std::vector<std::string> toolkit_folders() {
    std::vector<std::string> out;
    for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
        if (const char* folder = std::getenv(name); folder && *folder) out.emplace_back(folder);
    out.emplace_back("/usr/local/cuda");
    return out;
}

std::string cuda_text(int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// MAJOR * width + MINOR * 100 + PATCH.
std::string library_text(int number, int width) {
    return std::to_string(number / width) + "." + std::to_string(number % width / 100) + "." +
           std::to_string(number % 100);
}

Version driver_api() {
    return ask_number(Library({"libcuda.so.1"}), "cuDriverGetVersion");
}

Version runtime() {
    return ask_number(Library(names_of("libcudart.so", {"", ".13", ".12", ".11.0"})),
                      "cudaRuntimeGetVersion");
}

// "Cuda compilation tools, release 13.0, V13.0.88"
Version compiler() {
    Version out;
    out.where = find_nvcc();
    if (out.where.empty()) {
        out.detail = "nvcc is neither on PATH nor in " + toolkit_folders().back() + "/bin";
        return out;
    }
    std::string quoted = "'";
    for (const char c : out.where) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    const std::string text = output_of(quoted + "' --version 2>/dev/null");
    int major = 0, minor = 0;
    const size_t release = text.find("release ");
    if (release == std::string::npos || !read_release(text.substr(release + 8), major, minor)) {
        out.detail = "'" + out.where + " --version' does not say a release";
        return out;
    }
    out.number = major * 1000 + minor * 10;
    out.detail = cuda_text(out.number);
    const size_t exact = text.find(", V", release);
    if (exact != std::string::npos)
        out.detail = text.substr(exact + 3, text.find_first_of("\n ", exact + 3) - exact - 3);
    return out;
}

Version cudnn(int& cuda) {
    const Library library(names_of("libcudnn.so", {"", ".9", ".8"}));
    Version out{0, library.path(), library.reason()};
    cuda = 0;
    if (auto* version = library.find<size_t()>("cudnnGetVersion"))
        out.number = static_cast<int>(version());
    if (auto* built_for = library.find<size_t()>("cudnnGetCudartVersion"))
        cuda = static_cast<int>(built_for());
    return out;
}

Version nccl() {
    return ask_number(Library(names_of("libnccl.so", {"", ".2"})), "ncclGetVersion");
}

}  // namespace env_cuda
