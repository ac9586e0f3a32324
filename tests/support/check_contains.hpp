// A message says what it must.
#pragma once
#include <catch2/catch.hpp>
#include <string>

inline void check_contains(const std::string& message, const std::string& part) {
    CAPTURE(message, part);
    CHECK(message.find(part) != std::string::npos);
}
