// Results of a run so far, a line each, so that one that was cut off goes on where it ended.
#pragma once
#include <fstream>
#include <map>
#include <string>

#include "afs/status.hpp"
#include "conformance/report/case_result.hpp"

namespace afs::conformance {

class Journal {
public:
    // identity: of the plugin and the suite; a journal of another is refused. path empty: none.
    static Result<Journal> open(const std::string& path, const std::string& identity);
    const std::map<std::string, CaseResult>& known() const { return known_; }
    void add(const CaseResult& result);

private:
    std::ofstream file_;
    std::map<std::string, CaseResult> known_;
};

}  // namespace afs::conformance
