// Recorded runs, run again and compared.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "doctor/recorded_run.hpp"
#include "report/report.hpp"

namespace afs {

// One record (`generate --json`), or those of a sanity summary (test_summary.json).
Result<std::vector<RecordedRun>> read_records(const std::string& text, const std::string& name);

struct Replayed {
    bool same = false;  // the same ids
    report::Section section;
};

// What then and now were: ids, plan, plugins by hash, settings. Only ids decide.
Replayed compare_runs(const RecordedRun& then, const Result<RecordedRun>& now);

}  // namespace afs
