// The record of a machine and what is staged on it, as one report.
#pragma once
#include <string>

#include "afs/config/config.hpp"
#include "doctor/diagnosis.hpp"
#include "doctor/sanity.hpp"
#include "report/report.hpp"

namespace afs {

// sanity: nullptr where it was not run. reports: the folder in which manifests of fetched weights
// lie. On an unchanged machine all but `made` and the momentary sections is the same each time.
report::Report environment_report(const Diagnosis& diagnosis, const Result<Config>& config,
                                  const Sanity* sanity, const std::filesystem::path& reports);

}  // namespace afs
