#include "conformance/report/case_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace afs::conformance {
namespace {

constexpr const char* kEndings[] = {"passed", "failed",        "declined", "refused",
                                    "threw",  "leaked",        "crashed",  "exited",
                                    "hung",   "out of memory", "skipped"};

// JSON has no infinity.
nlohmann::ordered_json number(double value) {
    if (std::isfinite(value)) return value;
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
double number_of(const nlohmann::json& json, const char* key) {
    const auto it = json.find(key);
    if (it == json.end()) return 0;
    if (it->is_number()) return it->get<double>();
    return *it == "nan" ? NAN : *it == "inf" ? INFINITY : -INFINITY;
}

}  // namespace

const char* ending_name(Ending ending) {
    return kEndings[static_cast<size_t>(ending)];
}

nlohmann::ordered_json as_json(const CaseResult& r) {
    nlohmann::ordered_json json = {{"id", r.id},
                                   {"group", r.group},
                                   {"op", r.op},
                                   {"ending", ending_name(r.ending)},
                                   {"seconds", r.seconds}};
    const auto text = [&](const char* key, const std::string& value) {
        if (!value.empty()) json[key] = value;
    };
    text("rules", r.rules), text("text", r.text), text("looks_like", r.looks_like);
    text("arithmetic", r.arithmetic), text("stage", r.stage), text("waiver", r.waiver);
    text("smallest", r.smallest), text("element", r.element);
    if (r.device_lost) json["device_lost"] = true;
    if (!r.element.empty())
        json["got"] = number(r.got), json["want"] = number(r.want), json["ulps"] = number(r.ulps);
    for (const auto& [key, value] :
         {std::pair("h", r.h), std::pair("s", r.s), std::pair("b", r.b), std::pair("nmse", r.nmse)})
        if (value != 0) json[key] = number(value);
    return json;
}

CaseResult result_from(const nlohmann::json& json) {
    CaseResult r;
    const auto text = [&](const char* key) {  // of another kind: none
        const auto it = json.find(key);
        return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    r.id = text("id"), r.group = text("group"), r.op = text("op");
    const std::string ending = text("ending");
    for (size_t i = 0; i < std::size(kEndings); ++i)
        if (ending == kEndings[i]) r.ending = static_cast<Ending>(i);
    r.rules = text("rules"), r.text = text("text"), r.looks_like = text("looks_like");
    r.arithmetic = text("arithmetic"), r.stage = text("stage"), r.waiver = text("waiver");
    r.smallest = text("smallest"), r.element = text("element");
    r.got = number_of(json, "got"), r.want = number_of(json, "want");
    r.ulps = number_of(json, "ulps"), r.seconds = number_of(json, "seconds");
    r.h = number_of(json, "h"), r.s = number_of(json, "s"), r.b = number_of(json, "b");
    r.nmse = number_of(json, "nmse");
    const auto lost = json.find("device_lost");
    r.device_lost = lost != json.end() && lost->is_boolean() && lost->get<bool>();
    return r;
}

}  // namespace afs::conformance
