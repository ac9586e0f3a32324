// One GGUF file: what a right one gives, and every mistake its message.
#include <catch2/catch.hpp>
#include <functional>

#include "afs/abi/tensor.h"
#include "afs/weights/gguf.hpp"
#include "support/check_contains.hpp"
#include "support/gguf_file.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using namespace afs::test;

namespace {

std::string refusal(const std::string& bytes) {
    const TempFolder folder;
    const auto file = GgufFile::open(folder.write("f.gguf", bytes));
    return file ? "accepted" : file.status().message();
}

GgufBuilder small() {
    GgufBuilder b;
    b.text("general.architecture", "llama").u32("llama.block_count", 2);
    b.tensor({"a", 0, {2, 3}, std::string(24, 'a')});
    b.tensor({"b", 8, {1, 64}, std::string(68, 'b')});
    b.tensor({"c", 1, {5}, std::string(10, 'c')});
    return b;
}

}  // namespace

TEST_CASE("versions 2 and 3: metadata, tensors, padding") {
    for (const uint32_t version : {2u, 3u})
        for (const size_t alignment : {size_t{32}, size_t{64}, size_t{1}}) {
            CAPTURE(version, alignment);
            GgufBuilder b = small();
            b.version = version;
            b.alignment = alignment;
            if (alignment != 32) b.u32("general.alignment", static_cast<uint32_t>(alignment));
            const TempFolder folder;
            const auto file = GgufFile::open(folder.write("f.gguf", b.bytes()));
            INFO(file.status().message());
            REQUIRE(file.ok());
            const GgufFile& f = *file;
            CHECK(f.version() == version);
            CHECK(f.metadata()[0].key == "general.architecture");
            CHECK(f.find("general.architecture")->text() == "llama");
            CHECK(f.find("llama.block_count")->integer() == 2);
            CHECK(f.find("llama.nothing") == nullptr);
            REQUIRE(f.tensors().size() == 3);
            const FileTensor &a = f.tensors()[0], &q = f.tensors()[1];
            CHECK(a.name == "a");
            CHECK(a.shape == std::vector<int64_t>{2, 3});
            CHECK(a.dtype == AFS_F32);
            CHECK(std::string(static_cast<const char*>(a.data), a.bytes) == std::string(24, 'a'));
            CHECK(q.dtype == AFS_Q8_0);
            CHECK(q.dtype_text == "Q8_0");
            CHECK(std::string(static_cast<const char*>(q.data), q.bytes) == std::string(68, 'b'));
            CHECK(f.tensors()[2].bytes == 10);
        }
}

TEST_CASE("tensors in another order than their data, and a file that is longer") {
    GgufBuilder b;
    b.tensor({"late", 0, {8}, std::string(32, 'x'), 32});
    b.tensor({"early", 0, {8}, std::string(32, 'y'), 0});
    const TempFolder folder;
    const auto file = GgufFile::open(folder.write("f.gguf", b.bytes() + std::string(100, 'z')));
    INFO(file.status().message());
    REQUIRE(file.ok());
    CHECK(file->tensors()[0].name == "early");
    CHECK(*static_cast<const char*>(file->tensors()[1].data) == 'y');
}

TEST_CASE("values of every type, nested arrays included") {
    GgufBuilder b;
    b.raw("u8", GgufBuilder::kU8, le(uint8_t{200})).raw("i8", GgufBuilder::kI8, le(int8_t{-7}));
    b.raw("u16", GgufBuilder::kU16, le(uint16_t{60000}));
    b.raw("i16", GgufBuilder::kI16, le(int16_t{-300}));
    b.raw("i32", GgufBuilder::kI32, le(int32_t{-70000}));
    b.raw("u64", GgufBuilder::kU64, le(UINT64_MAX)).raw("i64", GgufBuilder::kI64, le(INT64_MIN));
    b.raw("f64", GgufBuilder::kF64, le(0.25)).f32("f32", -1.5f).flag("yes", true);
    b.array("numbers", GgufBuilder::kI16, std::vector<int16_t>{1, -2})
        .texts("texts", {"x", "", "yz"});
    const std::string inner = le(uint32_t{GgufBuilder::kU8}) + le(uint64_t{2}) + "\x05\x06",
                      empty = le(uint32_t{GgufBuilder::kText}) + le(uint64_t{0});
    b.raw("nested", GgufBuilder::kArray,
          le(uint32_t{GgufBuilder::kArray}) + le(uint64_t{2}) + inner + empty);
    const TempFolder folder;
    const auto file = GgufFile::open(folder.write("f.gguf", b.bytes()));
    INFO(file.status().message());
    REQUIRE(file.ok());
    const auto value = [&](const char* key) { return *file->find(key); };
    CHECK(value("u8").integer() == 200);
    CHECK(value("i8").integer() == -7);
    CHECK(value("u16").integer() == 60000);
    CHECK(value("i16").integer() == -300);
    CHECK(value("i32").integer() == -70000);
    CHECK_FALSE(value("u64").integer());  // beyond int64
    CHECK(value("u64").number() == 0x1p64);
    CHECK(value("i64").integer() == INT64_MIN);
    CHECK(value("f64").number() == 0.25);
    CHECK(value("f32").number() == -1.5);
    CHECK_FALSE(value("f32").integer());
    CHECK(value("i8").number() == -7);
    CHECK(value("yes").flag() == true);
    CHECK_FALSE(value("u8").flag());
    CHECK_FALSE(value("yes").text());
    CHECK(value("numbers").items()[1].integer() == -2);
    CHECK(value("texts").texts() == std::vector<std::string_view>{"x", "", "yz"});
    CHECK(value("numbers").texts().empty());
    CHECK(value("u8").items().empty());
    const auto nested = value("nested").items();
    REQUIRE(nested.size() == 2);
    CHECK(nested[0].items()[1].integer() == 6);
    CHECK(nested[1].count == 0);
}

TEST_CASE("mistakes in the header") {
    check_contains(refusal(""), "expected \"GGUF\" first, found ''");
    check_contains(refusal("PK\x03\x04" + std::string(60, 'x')), "found 'PK\?\?'");
    check_contains(refusal("GGUF\x03"), "the header needs 24 bytes, the file has 5");
    GgufBuilder b = small();
    b.version = 1;
    check_contains(refusal(b.bytes()), "expected version 2 or 3, found 1; convert the model again");
    b.version = 4;
    check_contains(refusal(b.bytes()), "expected version 2 or 3, found 4");
    b.version = 0x03000000;
    check_contains(refusal(b.bytes()), "it is big-endian");
    b = small();
    b.n_pairs = uint64_t{1} << 60;
    check_contains(refusal(b.bytes()),
                   "says 1152921504606846976 metadata pairs, which need at "
                   "least 14 bytes each");
    b = small();
    b.n_tensors = UINT64_MAX;
    check_contains(refusal(b.bytes()), "says 18446744073709551615 tensors, which need at least 33");
    GgufBuilder many = small();
    many.n_tensors = 70000;
    check_contains(refusal(many.bytes() + std::string(70000 * 33, '\0')),
                   "says 70000 tensors, at most 65536 are read");
}

TEST_CASE("mistakes in the metadata") {
    const auto with = [](const std::function<void(GgufBuilder&)>& change) {
        GgufBuilder b = small();
        change(b);
        return refusal(b.bytes());
    };
    const auto value = [&with](uint32_t type, const std::string& bytes) {
        return with([&](GgufBuilder& b) { b.raw("k", type, bytes); });
    };
    check_contains(with([](GgufBuilder& b) { b.u32("llama.block_count", 2); }),
                   "metadata key 'llama.block_count' is given twice");
    check_contains(with([](GgufBuilder& b) { b.u32("", 2); }), "must be printable ASCII of 1 to");
    check_contains(with([](GgufBuilder& b) { b.u32("a\nb", 2); }), "found 'a?b'");
    check_contains(with([](GgufBuilder& b) { b.u32(std::string(65536, 'x'), 2); }),
                   "1 to 65535 bytes");
    check_contains(value(13, "x"), "'k': expected a value type from 0 to 12, found 13");
    check_contains(value(GgufBuilder::kBool, "\x02"), "expected a boolean of 0 or 1, found 2");
    check_contains(value(GgufBuilder::kText, le(uint64_t{1} << 40)),
                   "'k': a text of 1099511627776 bytes, the file has");
    const auto array = [](uint32_t type, uint64_t count) { return le(type) + le(count); };
    check_contains(value(GgufBuilder::kArray, array(99, 1)),
                   "array items: expected a value type from 0 to 12, found 99");
    check_contains(value(GgufBuilder::kArray, array(GgufBuilder::kText, uint64_t{1} << 50)),
                   "an array of 1125899906842624 text items needs at least 8 bytes each");
    check_contains(value(GgufBuilder::kArray, array(GgufBuilder::kU64, UINT64_MAX)),
                   "uint64 items needs at least 8 bytes each, the file has");
    check_contains(value(GgufBuilder::kArray, array(GgufBuilder::kBool, 2) + "\x01\x07"),
                   "item 1 is a boolean of 7");
    check_contains(value(GgufBuilder::kArray,
                         array(GgufBuilder::kText, 2) + gguf_text("x") + le(uint64_t{1} << 30)),
                   "item 1: a text of 1073741824 bytes");
    std::string deep;
    for (int level = 0; level < 100000; ++level) deep += array(GgufBuilder::kArray, 1);
    check_contains(value(GgufBuilder::kArray, deep), "arrays nested deeper than 4 levels");
    for (const uint32_t wrong : {0u, 48u, 3u})
        check_contains(with([&](GgufBuilder& b) { b.u32("general.alignment", wrong); }),
                       "general.alignment must be a power of two of type uint32, found " +
                           std::to_string(wrong));
    check_contains(with([](GgufBuilder& b) { b.text("general.alignment", "32"); }), "found text");
    check_contains(with([](GgufBuilder& b) { b.u32("general.quantization_version", 1); }),
                   "expected general.quantization_version 2, found 1");
}

TEST_CASE("mistakes in the tensors") {
    const auto with = [](GgufBuilder::Tensor tensor) {
        GgufBuilder b = small();
        b.tensor(std::move(tensor));
        return refusal(b.bytes());
    };
    const std::string data(24, 'x');
    check_contains(with({"a", 0, {6}, data}), "tensor 'a' of '");
    check_contains(with({"a", 0, {6}, data}), "it is listed twice");
    check_contains(with({"", 0, {6}, data}), "the name of tensor 3 of 4 must be printable ASCII");
    check_contains(with({std::string(65, 'n'), 0, {6}, data}), "of 1 to 64 bytes");
    check_contains(with({"x", 0, {}, data}), "expected 1 to 4 sizes, found 0");
    check_contains(with({"x", 0, {1, 1, 1, 1, 6}, data}), "expected 1 to 4 sizes, found 5");
    check_contains(with({"x", 0, {6, 0}, data}), "expected sizes from 1");
    check_contains(with({"x", 0, {-1}, data}), "found [-1]");
    check_contains(with({"x", 0, {1 << 30, 1 << 30}, data}), "found [1073741824, 1073741824]");
    check_contains(with({"x", 2, {2, 48}, data}),
                   "rows of Q4_0 are whole blocks of 32 elements, found shape [2, 48]");
    check_contains(with({"x", 14, {2, 128}, data}), "rows of Q6_K are whole blocks of 256");
    check_contains(with({"x", 10, {256}, data}),
                   "expected type F32, F16, BF16, F64, Q8_0, Q5_0, Q5_1, Q4_0, Q4_1, Q4_K, Q5_K or "
                   "Q6_K, found Q2_K");
    check_contains(with({"x", 20, {32}, data}), "found IQ4_NL");
    check_contains(with({"x", 26, {6}, data}), "found I32");
    check_contains(with({"x", 99, {6}, data}), "found 99, which no ggml type has");
    check_contains(with({"x", 0, {6}, data, 0}), "expected its data at offset 32, where the one");
    check_contains(with({"x", 0, {6}, data, 4096}), "found offset 4096");
    check_contains(with({"x", 0, {6}, data, UINT64_MAX - 8}), "found offset 18446744073709551607");
    check_contains(with({"x", 0, {100}, data}), "F32 of shape [100] needs 400 bytes at offset 160");
}

TEST_CASE("a file cut at any byte is refused, and says so") {
    const std::string whole = small().bytes();
    const TempFolder folder;
    // The last tensor has 10 bytes of its 32; the padding may be missing.
    for (size_t n = 0; n < whole.size() - 22; ++n) {
        CAPTURE(n);
        const auto file = GgufFile::open(folder.write("f.gguf", whole.substr(0, n)));
        REQUIRE_FALSE(file.ok());
        CHECK(file.status().message().find("f.gguf") != std::string::npos);
    }
    CHECK(refusal(whole.substr(0, whole.size() - 22)) == "accepted");
}

TEST_CASE("random damage never reads beyond the file") {
    const std::string whole = small().bytes();
    const TempFolder folder;
    uint64_t state = 1;
    const auto draw = [&state](uint64_t n) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return (state >> 33) % n;
    };
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = whole;
        for (uint64_t i = 0, n = 1 + draw(4); i < n; ++i)
            bytes[draw(bytes.size())] = static_cast<char>(draw(3) ? draw(256) : 0xff);
        const auto file = GgufFile::open(folder.write("f.gguf", bytes));
        if (!file.ok()) continue;
        const uint8_t *begin = file->file()->data(), *end = begin + file->file()->size();
        for (const FileTensor& tensor : file->tensors()) {
            const auto* data = static_cast<const uint8_t*>(tensor.data);
            REQUIRE((data >= begin && data + tensor.bytes <= end));
        }
        for (const GgufPair& pair : file->metadata())
            REQUIRE(pair.value.data + pair.value.bytes <= end);
    }
}
