// One safetensors file: read exactly, and refused with a reason wherever it lies about itself.
#include "afs/weights/safetensors.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "afs/abi/tensor.h"
#include "make_file.hpp"
#include "support/check_contains.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using namespace afs::test;

namespace {

std::string refusal(const std::string& bytes) {
    const TempFolder folder;
    const auto file = SafetensorsFile::open(folder.write("x.safetensors", bytes));
    return file ? "accepted" : file.status().message();
}

const std::string kSmall = safetensors(
    "{\"__metadata__\": {\"format\": \"pt\"},"
    " \"b\": {\"dtype\": \"BF16\", \"shape\": [3], \"data_offsets\": [8, 14]},"
    " \"a\": {\"dtype\": \"F32\", \"shape\": [2, 1], \"data_offsets\": [0, 8]}}   ",
    floats({1.5f, -2.0f}) + std::string("\x80\x3f\x00\x40\x40\x40", 6));

}  // namespace

TEST_CASE("tensors, their bytes and the metadata") {
    const TempFolder folder;
    const auto file = SafetensorsFile::open(folder.write("x.safetensors", kSmall));
    INFO(file.status().message());
    REQUIRE(file.ok());
    REQUIRE(file->tensors().size() == 2);
    const FileTensor &a = file->tensors()[0], &b = file->tensors()[1];
    CHECK(a.name == "a");
    CHECK(a.dtype == AFS_F32);
    CHECK(a.shape == std::vector<int64_t>{2, 1});
    CHECK(a.bytes == 8);
    CHECK(std::memcmp(a.data, floats({1.5f, -2.0f}).data(), 8) == 0);
    CHECK(b.dtype == AFS_BF16);
    CHECK(b.dtype_text == "BF16");
    CHECK(std::memcmp(b.data, "\x80\x3f\x00\x40\x40\x40", 6) == 0);
    CHECK(file->metadata().at("format") == "pt");
}

TEST_CASE("scalars, empty tensors and types that no kernel takes are read") {
    const TempFolder folder;
    const auto file = SafetensorsFile::open(
        folder.write("x", safetensors({{"none", "F16", "[0, 5]", ""},
                                       {"scalar", "F64", "[]", std::string(8, '\0')},
                                       {"ids", "I64", "[1]", std::string(8, '\0')},
                                       {"small", "F8_E4M3", "[3]", std::string(3, '\0')},
                                       {"end", "BOOL", "[0]", ""}})));
    INFO(file.status().message());
    REQUIRE(file.ok());
    CHECK(file->tensors().size() == 5);
    for (const FileTensor& tensor : file->tensors()) {
        if (tensor.name == "ids" || tensor.name == "small") CHECK(tensor.dtype == AFS_DTYPE_NONE);
        if (tensor.name == "scalar") CHECK(tensor.dtype == AFS_F64);
    }
    CHECK(refusal(safetensors("{}", "")) == "accepted");
}

TEST_CASE("every truncation and every lengthening is refused") {
    for (size_t n = 0; n < kSmall.size(); ++n) {
        INFO("first " << n << " of " << kSmall.size() << " bytes");
        REQUIRE(refusal(kSmall.substr(0, n)) != "accepted");
    }
    REQUIRE(refusal(kSmall) == "accepted");
    check_contains(refusal(kSmall + "x"), "its tensors take 14 bytes, the file holds 15");
    check_contains(refusal(kSmall.substr(0, 5)), "file has 5 bytes, the header's length needs 8");
    check_contains(refusal(kSmall.substr(0, 30)), "header needs");
}

TEST_CASE("any one byte changed gives a file or a reason, never a crash") {
    const TempFolder folder;
    size_t refused = 0;
    for (size_t i = 0; i < kSmall.size() - 14; ++i)
        for (const char byte : {'\0', '9', '"', '\xff', '['}) {
            std::string bytes = kSmall;
            bytes[i] = byte;
            const auto file = SafetensorsFile::open(folder.write("x", bytes));
            refused += !file;
            if (!file) REQUIRE_FALSE(file.status().message().empty());
        }
    CHECK(refused > 500);
}

TEST_CASE("headers that lie") {
    const std::string f = "{\"dtype\": \"F32\", \"shape\": ";
    const auto one = [&](const std::string& shape, const std::string& offsets, size_t bytes) {
        return safetensors("{\"t\": " + f + shape + ", \"data_offsets\": " + offsets + "}}",
                           std::string(bytes, '\0'));
    };
    struct Row {
        std::string bytes, reason;
    };
    const Row rows[] = {
        {u64(0), "header of 'x'"},
        {u64(100'000'001) + "{}", "at most 100000000"},
        {u64(UINT64_MAX) + "{}", "at most 100000000"},
        {u64(3) + "{}", "file has 10 bytes, header needs 11"},
        {safetensors("[]", ""), "header must be an object"},
        {safetensors(" {}", ""), "header must be an object"},
        {safetensors(std::string("{}\0\0", 4), ""), "NUL"},
        {safetensors("{\"t\": 1}", ""), "'t'"},
        {safetensors("{\"t\": {}}", ""), "expected an object of dtype, shape and data_offsets"},
        {one("[1], \"x\": 1", "[0, 4]", 4), "expected an object of dtype"},
        {one("[1]", "[0, 8]", 8), "shape [1] of F32 takes 4 bytes, data_offsets hold 8"},
        {one("[2]", "[0, 4]", 4), "takes 8 bytes, data_offsets hold 4"},
        {one("[-1]", "[0, 4]", 4), "expected a shape"},
        {one("[1.0]", "[0, 4]", 4), "expected a shape"},
        {one("1", "[0, 4]", 4), "expected a shape"},
        {one("[9223372036854775807]", "[0, 4]", 4), "expected a shape"},
        {one("[4294967296, 4294967296]", "[0, 0]", 0), "expected a shape"},
        {one("[0, 4294967296, 4294967296]", "[0, 0]", 0), "expected a shape"},
        {one("[18446744073709551615]", "[0, 4]", 4), "expected a shape"},
        {one("[1]", "[0, 5]", 4), "inside 4 bytes of data"},
        {one("[1]", "[4, 0]", 4), "inside 4 bytes of data"},
        {one("[1]", "[-4, 0]", 4), "inside 4 bytes of data"},
        {one("[1]", "[0]", 4), "inside 4 bytes of data"},
        {one("[1]", "[0, 4, 8]", 4), "inside 4 bytes of data"},
        {one("[1]", "[0, 4.0]", 4), "inside 4 bytes of data"},
        {one("[1]", "[0, 18446744073709551615]", 4), "inside 4 bytes of data"},
        {one("[1]", "[4, 8]", 8), "expected its data at offset 0"},
        {one("[1]", "[0, 4]", 8), "its tensors take 4 bytes, the file holds 8"},
        {safetensors("{\"t\": {\"dtype\": \"F31\", \"shape\": [], \"data_offsets\": [0,4]}}",
                     "1234"),
         "found \"F31\""},
        {safetensors("{\"t\": {\"dtype\": 1, \"shape\": [], \"data_offsets\": [0,4]}}", "1234"),
         "expected dtype"},
        {safetensors("{\"t\": " + f + "[1], \"data_offsets\": [0,4]}, \"t\": " + f +
                         "[1], \"data_offsets\": [4,8]}}",
                     std::string(8, '\0')),
         "'t' appears twice"},
        {safetensors("{\"a\": " + f + "[2], \"data_offsets\": [0,8]}, \"b\": " + f +
                         "[2], \"data_offsets\": [4,12]}}",
                     std::string(12, '\0')),
         "tensor 'b' of '"},
        {safetensors("{\"a\": " + f + "[1], \"data_offsets\": [0,4]}, \"b\": " + f +
                         "[1], \"data_offsets\": [8,12]}}",
                     std::string(12, '\0')),
         "expected its data at offset 4"},
        {safetensors("{\"a\": " + f + "[1], \"data_offsets\": [0,4]}, \"b\": " + f +
                         "[1], \"data_offsets\": [0,4]}}",
                     std::string(4, '\0')),
         "expected its data at offset"},
        {safetensors("{\"__metadata__\": {\"a\": 1}}", ""), "__metadata__"},
        {safetensors("{\"__metadata__\": []}", ""), "__metadata__"},
        {safetensors("{\"t\": " + std::string(100'000, '['), ""), "nested deeper"},
        {"<html>404 not found</html>", "header of"},
        {"version https://git-lfs.github.com/spec/v1\n", "is it another format?"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.bytes.substr(0, 200));
        check_contains(refusal(row.bytes),
                       row.reason == "header of 'x'" ? "header of" : row.reason);
    }
}

TEST_CASE("a header of many values is refused before it takes much memory") {
    std::string header = "{\"t\": {\"dtype\": \"F32\", \"shape\": [";
    for (int i = 0; i < 3'000'000; ++i) header += "1,";
    const std::string bytes = safetensors(header + "1], \"data_offsets\": [0, 4]}}", "1234");
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    check_contains(refusal(bytes), "more than 400000 values");
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss <
          (256 << 10));  // KiB; the tree alone would take 350 MB
}

TEST_CASE("things that are no regular file") {
    const TempFolder folder;
    const auto message = [](const std::filesystem::path& path) {
        return MappedFile::open(path).status().message();
    };
    check_contains(message(folder.path() / "none"), "No such file");
    check_contains(message(folder.path()), "found a folder");
    REQUIRE(mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
    check_contains(message(folder.path() / "pipe"), "expected a regular file");
    const auto empty = MappedFile::open(folder.write("empty", ""));
    REQUIRE(empty.ok());
    CHECK((*empty)->size() == 0);
    CHECK(read_text_file(folder.write("text", "abc"), 3).ok());
    check_contains(read_text_file(folder.write("text", "abcd"), 3).status().message(), "4 bytes");
}
