// What a suite's result looks like: for people, for machines, for CI, and as a certificate.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "conformance/suite/suite.hpp"

namespace afs::conformance {

// plugin: as the user named it, for the lines that run things again. At most 100 columns.
std::string as_text(const SuiteResult& result, const std::string& plugin);
nlohmann::ordered_json as_json(const SuiteResult& result, const std::string& plugin);
std::string as_junit(const SuiteResult& result);
// Who was judged, where, by what, and how it went: no case by case.
nlohmann::ordered_json certificate(const SuiteResult& result);
// How far along its limits each rule went, by op and dtype: what the bounds' constants are fitted
// by.
std::string fit_text(const SuiteResult& result);

// Cut into lines of at most `width`, those behind the first indented.
std::string wrapped(const std::string& text, size_t width, const std::string& indent);

}  // namespace afs::conformance
