// Filters, tests and methods of values.
#pragma once
#include <map>
#include <string>

#include "afs/jinja/value.hpp"
#include "afs/status.hpp"

namespace afs::jinja {

// Arguments behind the operand: by position, and by name.
struct Arguments {
    List values;
    std::map<std::string, Value> named;
};

Result<Value> apply_filter(const std::string& name, const Value& operand, const Arguments& with);
Result<bool> apply_test(const std::string& name, const Value& operand, const Arguments& with);
Result<Value> call_method(const Value& object, const std::string& name, const Arguments& with);

// As Python's str(); UNSUPPORTED for lists and dicts.
Result<std::string> to_text(const Value& value);
Result<bool> contains(const Value& container, const Value& item);

}  // namespace afs::jinja
