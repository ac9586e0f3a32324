// Conformance certificates that lie among the reports, by the hash of the plugin that was judged.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "report/report.hpp"

namespace afs {

// SHA-256 of a plugin's file -> "conformant, full, 2026-01-31". A plugin that was built again since
// has another hash and so no certificate.
std::map<std::string, report::Cell> find_certificates(const std::filesystem::path& reports);

}  // namespace afs
