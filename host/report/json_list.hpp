// Lists of JSON reports.
#pragma once
#include <nlohmann/json.hpp>

namespace afs {

/// What `form` makes of each of `values`, in their order; `[]` of none. A list from the start: the
/// library's `null` that becomes one crashes in its destructor where there is no memory for it.
template <class Values, class Form>
nlohmann::ordered_json json_list(const Values& values, const Form& form) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& value : values) list.push_back(form(value));
    return list;
}

/// The same of pairs, as an object of the first by what `form` makes of the second.
template <class Pairs, class Form>
nlohmann::ordered_json json_object(const Pairs& pairs, const Form& form) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& [key, value] : pairs) object[key] = form(value);
    return object;
}

}  // namespace afs
