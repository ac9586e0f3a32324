// The owner of cuda:0 through the contract's table: memory, streams, events, capture, errors.
#include <cstring>
#include <thread>

#include "conformance/cases/families.hpp"
#include "conformance/run/run_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

TEST_CASE("device: what it says of itself") {
    if (!gpu()) return;
    afs_device_info info = make<afs_device_info>();
    REQUIRE(gpu()->device().info(info).ok());
    std::printf("%s: %s, %.1f GiB, %.1f available\n", info.domain, info.name,
                static_cast<double>(info.total) / (1 << 30),
                static_cast<double>(info.available) / (1 << 30));
    CHECK(std::string(info.domain) == "cuda:0");
    CHECK(std::strlen(info.name) > 0);
    CHECK((info.flags & AFS_DEV_CAPTURE) != 0);
    CHECK((info.flags & (AFS_DEV_HOST_READS | AFS_DEV_SYNCHRONOUS)) == 0);
    CHECK(info.available > 0);
    CHECK(info.available <= info.total);
}

TEST_CASE("device: too much memory says needed and available, and leaves nothing behind") {
    if (!gpu()) return;
    Device& device = gpu()->device();
    const auto made = device.alloc(AFS_MEM_DEVICE, uint64_t{1} << 50);
    REQUIRE_FALSE(made.ok());
    CHECK(made.status().code() == Code::no_memory);
    CHECK(made.status().native_code() == 2);  // cudaErrorMemoryAllocation
    CHECK_THAT(made.status().message(), Catch::Contains("needed 1073741824 MiB, available"));
    const auto after = device.alloc(AFS_MEM_DEVICE, 100);
    REQUIRE(after.ok());
    CHECK(reinterpret_cast<uintptr_t>(*after) % 256 == 0);
    device.release(AFS_MEM_DEVICE, *after);
    const auto none = device.alloc(AFS_MEM_DEVICE, 0);
    REQUIRE(none.ok());
    device.release(AFS_MEM_DEVICE, *none);
}

TEST_CASE("device: copies through pinned memory on a stream, from another thread") {
    if (!gpu()) return;
    Device& device = gpu()->device();
    constexpr uint64_t kBytes = 3 << 20;
    std::vector<uint8_t> seen;
    std::thread([&] {
        const auto stream = device.stream_create();
        const auto on_device = device.alloc(AFS_MEM_DEVICE, kBytes);
        const auto other = device.alloc(AFS_MEM_DEVICE, kBytes);
        const auto pinned = device.alloc(AFS_MEM_PINNED, kBytes);
        const auto event = device.event_create();
        if (!stream || !on_device || !other || !pinned || !event) return;
        auto* bytes = static_cast<uint8_t*>(*pinned);
        for (uint64_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
        const std::vector<uint8_t> sent(bytes, bytes + kBytes);
        bool good = device.event_sync(*event).ok();  // never recorded: at once
        good &= device.copy(*stream, AFS_COPY_H2D, *on_device, bytes, kBytes).ok();
        good &= device.event_record(*event, *stream).ok() && device.event_sync(*event).ok();
        std::memset(bytes, 0, kBytes);
        good &= device.copy(*stream, AFS_COPY_D2D, *other, *on_device, kBytes).ok();
        good &= device.fill(*stream, *on_device, 0xee, kBytes).ok();
        good &= device.copy(*stream, AFS_COPY_D2H, bytes, *other, kBytes).ok();
        good &= device.stream_sync(*stream).ok();
        if (good && std::equal(sent.begin(), sent.end(), bytes)) seen = sent;
        device.event_destroy(*event);
        device.release(AFS_MEM_PINNED, *pinned);
        device.release(AFS_MEM_DEVICE, *other);
        device.release(AFS_MEM_DEVICE, *on_device);
        device.stream_destroy(*stream);
    }).join();
    CHECK(seen.size() == kBytes);
}

TEST_CASE("device: a captured fill is replayed, an abandoned capture leaves no error") {
    if (!gpu()) return;
    Device& device = gpu()->device();
    const afs_stream stream = *device.stream_create();
    void* const memory = *device.alloc(AFS_MEM_DEVICE, 64);
    std::vector<uint8_t> seen(64);
    const auto look = [&] {
        REQUIRE(device.copy(stream, AFS_COPY_D2H, seen.data(), memory, 64).ok());
        REQUIRE(device.stream_sync(stream).ok());
        return seen[63];
    };
    REQUIRE(device.fill(stream, memory, 1, 64).ok());
    REQUIRE(device.capture_begin(stream).ok());
    REQUIRE(device.fill(stream, memory, 2, 64).ok());
    const auto captured = device.capture_end(stream, false);
    REQUIRE(captured.ok());
    REQUIRE(*captured);
    CHECK(look() == 1);
    REQUIRE(device.replay(*captured, stream).ok());
    CHECK(look() == 2);

    REQUIRE(device.capture_begin(stream).ok());
    REQUIRE(device.fill(stream, memory, 3, 64).ok());
    const auto abandoned = device.capture_end(stream, true);
    REQUIRE(abandoned.ok());
    CHECK_FALSE(*abandoned);
    CHECK(look() == 2);

    REQUIRE(device.capture_begin(stream).ok());
    CHECK_FALSE(device.stream_sync(stream).ok());  // invalidates the capture
    const auto broken = device.capture_end(stream, false);
    CHECK_FALSE(broken.ok());
    CHECK(broken.status().code() == Code::device);
    CHECK(broken.status().native_code() != 0);
    CHECK_THAT(broken.status().message(), Catch::Contains("cudaStreamEndCapture failed"));
    REQUIRE(device.replay(*captured, stream).ok());
    CHECK(look() == 2);
    device.capture_destroy(*captured);
    device.release(AFS_MEM_DEVICE, memory);
    device.stream_destroy(stream);
}

TEST_CASE("device: the read ceiling is one of a memory, not of a cache") {
    if (!gpu()) return;
    const auto ceiling = gpu()->device().read_ceiling();
    REQUIRE(ceiling.ok());
    std::printf("read ceiling: %.1f GB/s\n", *ceiling / 1e9);
    CHECK(*ceiling > 50e9);
    CHECK(*ceiling < 20e12);
}

TEST_CASE("query: what it declares and what it leaves to others") {
    if (!gpu()) return;
    const auto verdict = [](const OpCase& c) {
        OneNode node(c);
        afs_verdict v = make<afs_verdict>();
        REQUIRE(gpu()->backend->query(node.query(), v).ok());
        return v;
    };
    const auto linear = [](int32_t t, int32_t w) {
        OpCase c("linear/1");
        c.act(Array(t, {2, 3})).weight(Array(w, {4, 3})).result(t, {2, 4});
        return c.on(StepData::plain(2));
    };
    CHECK(verdict(linear(AFS_BF16, AFS_BF16)).supported);
    CHECK(verdict(linear(AFS_BF16, AFS_BF16)).acc_dtype == AFS_F32);
    CHECK(verdict(linear(AFS_F32, AFS_F16)).supported);
    CHECK_THAT(verdict(linear(AFS_F64, AFS_F32)).reason,
               Catch::Contains("x: expected fp32, bf16 or fp16, found fp64"));
    OpCase other_class = linear(AFS_F32, AFS_F32);
    other_class.step_class = 7;
    CHECK_THAT(verdict(other_class).reason, Catch::Contains("class 7"));
    OpCase unknown = linear(AFS_F32, AFS_F32);
    unknown.op = "conv/1";
    CHECK_THAT(verdict(unknown).reason, Catch::Contains("no op conv/1"));
}
