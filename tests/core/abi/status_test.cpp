// Status and Result: failures keep code, text and place; early returns do what they say.
#include "afs/status.hpp"

#include <catch2/catch.hpp>
#include <vector>

using afs::Code;
using afs::Result;
using afs::Status;

TEST_CASE("success is one null pointer") {
    const Status status;
    CHECK(status.ok());
    CHECK(static_cast<bool>(status));
    CHECK(status.code() == Code::ok);
    CHECK(status.message().empty());
    CHECK(status.where().empty());
    CHECK(status.native_code() == 0);
    CHECK(sizeof(Status) == sizeof(std::shared_ptr<int>));
    CHECK(status.context("reading").ok());
}

TEST_CASE("a failure keeps what it was made of, through copies and context") {
    const Status status(Code::device, "launch failed", "cuda.run", 700);
    const Status copy = status;
    const Status outer = copy.context("cannot decode");
    CHECK_FALSE(outer.ok());
    CHECK(outer.code() == Code::device);
    CHECK(outer.native_code() == 700);
    CHECK(outer.where() == "cuda.run");
    CHECK(outer.message() == "cannot decode: launch failed");
    CHECK(status.message() == "launch failed");
    CHECK(afs::invalid("x").code() == Code::invalid);
    CHECK(afs::unsupported("x").code() == Code::unsupported);
    CHECK(afs::not_found("x").code() == Code::not_found);
}

TEST_CASE("codes are the contract's") {
    CHECK(static_cast<afs_status>(Code::ok) == AFS_OK);
    CHECK(static_cast<afs_status>(Code::cancelled) == AFS_E_CANCELLED);
    CHECK(static_cast<afs_status>(Code::version) == AFS_E_VERSION);
}

namespace {

struct Base {
    virtual ~Base() = default;
};
struct Derived : Base {};

Result<std::unique_ptr<Base>> make_derived(bool good) {
    if (!good) return afs::invalid("no");
    return std::make_unique<Derived>();
}

Status step(int& calls, bool good) {
    ++calls;
    return good ? Status() : afs::not_found("gone");
}

Status two_steps(int& calls, bool first) {
    AFS_TRY(step(calls, first));
    if (calls < 10)
        AFS_TRY(step(calls, true));
    else
        return afs::invalid("too often");
    return {};
}

Result<int> length(const Result<std::string>& text) {
    AFS_ASSIGN(const std::string kept, text);
    AFS_ASSIGN(auto owned, make_derived(true));
    return owned ? static_cast<int>(kept.size()) : -1;
}

}  // namespace

TEST_CASE("results hold a value or a reason") {
    Result<std::vector<int>> list = std::vector<int>{1, 2};
    REQUIRE(list.ok());
    list->push_back(3);
    CHECK((*list).size() == 3);
    CHECK(list.status().ok());
    const std::vector<int> taken = *std::move(list);
    CHECK(taken.size() == 3);
    const Result<std::string> converted = "text";
    CHECK(*converted == "text");
    CHECK(make_derived(true).ok());
    CHECK(make_derived(false).status().message() == "no");
    // Success without a value is a bug of the maker, and is reported as one.
    const Result<int> nothing = Status();
    CHECK_FALSE(nothing.ok());
    CHECK(nothing.status().code() == Code::internal);
}

TEST_CASE("AFS_TRY and AFS_ASSIGN return at the first failure") {
    int calls = 0;
    CHECK(two_steps(calls, true).ok());
    CHECK(calls == 2);
    calls = 0;
    CHECK(two_steps(calls, false).code() == Code::not_found);
    CHECK(calls == 1);
    calls = 10;
    CHECK(two_steps(calls, true).code() == Code::invalid);
    CHECK(*length(std::string("four")) == 4);
    CHECK(length(afs::invalid("bad")).status().message() == "bad");
}
