#include "loader/file_checks.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "afs/abi/base.h"

namespace afs {
namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "name this processor's ELF machine number"
#endif

std::string machine_name(uint16_t machine) {
    switch (machine) {
        case EM_X86_64: return "x86-64";
        case EM_AARCH64: return "arm64";
        case EM_386: return "32-bit x86";
        case EM_ARM: return "32-bit arm";
        case EM_PPC64: return "ppc64";
        case EM_RISCV: return "risc-v";
        default: return "machine " + std::to_string(machine);
    }
}

Status check_mode(const std::string& path, uint64_t& size) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) {
        const int error = errno;
        return Status(error == ENOENT || error == ENOTDIR ? Code::not_found : Code::io,
                      std::strerror(error), {}, error);
    }
    if (S_ISDIR(info.st_mode)) return invalid("it is a folder, expected a shared library");
    if (!S_ISREG(info.st_mode)) return invalid("it is no regular file");
    if (info.st_mode & S_IWOTH)
        return invalid(
            "everybody may write to it, so anybody could have put code there; run: chmod o-w '" +
            path + "'");
    size = static_cast<uint64_t>(info.st_size);
    return {};
}

// A segment past the end of the file would be a bus error inside dlopen.
Status check_segments(std::ifstream& file, const Elf64_Ehdr& header, uint64_t size) {
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size ||
        header.e_phnum * sizeof(Elf64_Phdr) > size - header.e_phoff)
        return invalid("its ELF program headers lie outside the file: damaged or cut short");
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    file.seekg(static_cast<std::streamoff>(header.e_phoff));
    file.read(reinterpret_cast<char*>(segments.data()),
              static_cast<std::streamsize>(segments.size() * sizeof(Elf64_Phdr)));
    if (!file) return Status(Code::io, "cannot read its ELF program headers");
    for (const Elf64_Phdr& s : segments)
        if (s.p_type == PT_LOAD && (s.p_offset > size || s.p_filesz > size - s.p_offset))
            return invalid("it is cut short: has " + std::to_string(size) +
                           " bytes, a segment needs " + std::to_string(s.p_offset + s.p_filesz) +
                           "; copy or build it again");
    return {};
}

}  // namespace

Status check_library_file(const std::string& path) {
    uint64_t size = 0;
    AFS_TRY(check_mode(path, size));
    std::ifstream file(path, std::ios::binary);
    if (!file) return Status(Code::io, std::string("cannot read it: ") + std::strerror(errno));
    Elf64_Ehdr header{};
    file.read(reinterpret_cast<char*>(&header), sizeof header);
    const auto n_read = static_cast<size_t>(file.gcount());
    if (n_read < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return invalid("it is no shared library: does not begin with an ELF header");
    if (n_read < sizeof header)
        return invalid("it is cut short: has " + std::to_string(size) +
                       " bytes, an ELF header needs " + std::to_string(sizeof header));
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != kMachine)
        return invalid("it is made for " + machine_name(header.e_machine) + ", this machine is " +
                       machine_name(kMachine) + "; build it for this processor");
    if (header.e_type != ET_DYN)
        return invalid("it is an ELF file but no shared library; link it with -shared");
    return check_segments(file, header, size);
}

}  // namespace afs
