// Preloaded into a program (LD_PRELOAD): lets one allocation, or one call that opens, looks at or
// reads a file, fail. Counting begins with main, so that what the system's loader does before it
// does not shift the numbers.
//   AFS_FAULT=alloc:N    the N-th allocation fails, from 1 on; "alloc:N+": and all that follow
//   AFS_FAULT=read:N     the same for open, read, stat, mmap of files, and the like
//   AFS_FAULT_COUNTS=F   at the end "alloc N read N" is written to file F
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* __libc_malloc(size_t);
EXPORT void* __libc_calloc(size_t, size_t);
EXPORT void* __libc_realloc(void*, size_t);
EXPORT void* __libc_memalign(size_t, size_t);

namespace {

struct Kind {
    std::atomic<long> seen{0};
    long first = 0;       // the one that fails; 0: none
    bool onward = false;  // and all behind it
};
Kind allocations, reads;
std::atomic<bool> counting{false};
thread_local bool inside = false;  // the library's own calls do not count

bool fails(Kind& kind, int error) {
    if (!counting.load(std::memory_order_relaxed) || inside) return false;
    const long n = kind.seen.fetch_add(1) + 1;
    if (kind.first == 0 || n < kind.first || (n > kind.first && !kind.onward)) return false;
    errno = error;
    return true;
}

// The function of this name behind this library.
template <class Function>
Function next(const char* name) {
    inside = true;
    void* found = dlsym(RTLD_NEXT, name);
    inside = false;
    if (!found) _exit(99);
    return reinterpret_cast<Function>(found);
}

void read_environment() {
    const char* fault = std::getenv("AFS_FAULT");
    if (!fault) return;
    Kind& kind = std::strncmp(fault, "read:", 5) == 0 ? reads : allocations;
    const char* number = std::strchr(fault, ':');
    char* end = nullptr;
    kind.first = number ? std::strtol(number + 1, &end, 10) : 0;
    kind.onward = end && *end == '+';
}

void write_counts() {
    counting = false;
    const char* path = std::getenv("AFS_FAULT_COUNTS");
    if (!path) return;
    if (FILE* file = std::fopen(path, "w")) {
        std::fprintf(file, "alloc %ld read %ld\n", allocations.seen.load(), reads.seen.load());
        std::fclose(file);
    }
}

using Main = int (*)(int, char**, char**);
Main program_main = nullptr;

int counted_main(int argc, char** argv, char** envp) {
    read_environment();
    std::atexit(write_counts);
    counting = true;
    return program_main(argc, argv, envp);
}

mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

}  // namespace

EXPORT int __libc_start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(),
                             void (*rtld_fini)(), void* stack_end) {
    program_main = main;
    using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
    return next<Start>("__libc_start_main")(counted_main, argc, argv, init, fini, rtld_fini,
                                            stack_end);
}

// Memory. `operator new` ends here too.
EXPORT void* malloc(size_t size) {
    return fails(allocations, ENOMEM) ? nullptr : __libc_malloc(size);
}
EXPORT void* calloc(size_t n, size_t size) {
    return fails(allocations, ENOMEM) ? nullptr : __libc_calloc(n, size);
}
EXPORT void* realloc(void* old, size_t size) {
    return fails(allocations, ENOMEM) ? nullptr : __libc_realloc(old, size);
}
EXPORT void* aligned_alloc(size_t alignment, size_t size) {
    return fails(allocations, ENOMEM) ? nullptr : __libc_memalign(alignment, size);
}
EXPORT int posix_memalign(void** out, size_t alignment, size_t size) {
    if (fails(allocations, ENOMEM)) return ENOMEM;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
EXPORT void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) {
    static const auto call = next<void* (*)(void*, size_t, int, int, int, off_t)>("mmap");
    return fails(file < 0 ? allocations : reads, ENOMEM)
               ? MAP_FAILED
               : call(at, size, protection, flags, file, offset);
}
EXPORT void* mmap64(void* at, size_t size, int protection, int flags, int file, off_t offset) {
    return mmap(at, size, protection, flags, file, offset);
}

// Files.
EXPORT int open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    static const auto call = next<int (*)(const char*, int, ...)>("open");
    return fails(reads, EIO) ? -1 : call(path, flags, mode);
}
EXPORT int open64(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open(path, flags, mode);
}
EXPORT int openat(int folder, const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    static const auto call = next<int (*)(int, const char*, int, ...)>("openat");
    return fails(reads, EIO) ? -1 : call(folder, path, flags, mode);
}
EXPORT FILE* fopen(const char* path, const char* mode) {
    static const auto call = next<FILE* (*)(const char*, const char*)>("fopen");
    return fails(reads, EIO) ? nullptr : call(path, mode);
}
EXPORT FILE* fopen64(const char* path, const char* mode) {
    return fopen(path, mode);
}
EXPORT DIR* opendir(const char* path) {
    static const auto call = next<DIR* (*)(const char*)>("opendir");
    return fails(reads, EIO) ? nullptr : call(path);
}
EXPORT ssize_t read(int file, void* to, size_t size) {
    static const auto call = next<ssize_t (*)(int, void*, size_t)>("read");
    return fails(reads, EIO) ? -1 : call(file, to, size);
}
EXPORT ssize_t pread64(int file, void* to, size_t size, off_t at) {
    static const auto call = next<ssize_t (*)(int, void*, size_t, off_t)>("pread64");
    return fails(reads, EIO) ? -1 : call(file, to, size, at);
}
EXPORT size_t fread(void* to, size_t size, size_t n, FILE* file) {
    static const auto call = next<size_t (*)(void*, size_t, size_t, FILE*)>("fread");
    if (!fails(reads, EIO)) return call(to, size, n, file);
    file->_flags |= 0x20;  // what ferror looks at
    return 0;
}
EXPORT ssize_t pread(int file, void* to, size_t size, off_t at) {
    return pread64(file, to, size, at);
}
EXPORT ssize_t readlink(const char* path, char* to, size_t size) {
    static const auto call = next<ssize_t (*)(const char*, char*, size_t)>("readlink");
    return fails(reads, EIO) ? -1 : call(path, to, size);
}
EXPORT int fstat(int file, struct stat* out) {
    static const auto call = next<int (*)(int, struct stat*)>("fstat");
    return fails(reads, EIO) ? -1 : call(file, out);
}
EXPORT int stat(const char* path, struct stat* out) {
    static const auto call = next<int (*)(const char*, struct stat*)>("stat");
    return fails(reads, EIO) ? -1 : call(path, out);
}
EXPORT int lstat(const char* path, struct stat* out) {
    static const auto call = next<int (*)(const char*, struct stat*)>("lstat");
    return fails(reads, EIO) ? -1 : call(path, out);
}
// What the above are called where the compiler checks sizes (_FORTIFY_SOURCE).
EXPORT ssize_t __read_chk(int file, void* to, size_t size, size_t) {
    return read(file, to, size);
}
EXPORT ssize_t __pread64_chk(int file, void* to, size_t size, off_t at, size_t) {
    return pread64(file, to, size, at);
}
EXPORT size_t __fread_chk(void* to, size_t, size_t size, size_t n, FILE* file) {
    return fread(to, size, n, file);
}
EXPORT int __open_2(const char* path, int flags) {
    return open(path, flags);
}
EXPORT int __open64_2(const char* path, int flags) {
    return open(path, flags);
}
EXPORT ssize_t __readlink_chk(const char* path, char* to, size_t size, size_t) {
    return readlink(path, to, size);
}
#if defined(__x86_64__)  // the same struct under another name
EXPORT int fstat64(int file, struct stat64* out) {
    return fstat(file, reinterpret_cast<struct stat*>(out));
}
EXPORT int stat64(const char* path, struct stat64* out) {
    return stat(path, reinterpret_cast<struct stat*>(out));
}
EXPORT int lstat64(const char* path, struct stat64* out) {
    return lstat(path, reinterpret_cast<struct stat*>(out));
}
#endif
