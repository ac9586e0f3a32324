// What a diagnosis says, as parts of a report, as JSON, and as lines for a terminal.
#pragma once
#include <string>
#include <vector>

#include "doctor/diagnosis.hpp"
#include "report/report.hpp"

namespace afs {

report::Mark mark_of(int32_t check_status);

// One table for each env plugin, momentary findings in a section of their own.
void write_findings(const Diagnosis& diagnosis, report::Report& out);
// Kinds of plugins with what can be used here and what cannot, and why.
report::Table capabilities(const Diagnosis& diagnosis);
// certificates: by the hash of a plugin's file.
report::Table plugin_table(const Diagnosis& diagnosis,
                           const std::map<std::string, report::Cell>& certificates);

// Findings of one plugin, or with but=true of all others, as JSON.
std::string findings_json(const Diagnosis& diagnosis, const std::string& plugin, bool but);
// The same with what a configuration's values are and where they came from.
std::string config_json(const Diagnosis& diagnosis);

struct FindingsText {
    bool colours = false;  // for a terminal
    bool brief = false;    // warnings and failures alone
};

// At most 100 columns.
std::string findings_text(const Diagnosis& diagnosis, const FindingsText& how);

}  // namespace afs
