#include "compare/saved_run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"  // read_text_file

namespace afs {
namespace {

using PlainJson = nlohmann::json;

constexpr double kLeastSeconds = 1e-9, kMostSeconds = 1e6;

// What is missing or of another kind reads as nothing.
std::string text_at(const PlainJson& in, const char* key) {
    const auto it = in.find(key);
    return it != in.end() && it->is_string() ? it->get<std::string>() : "";
}
uint32_t number_at(const PlainJson& in, const char* key) {
    const auto it = in.find(key);
    const uint64_t n = it != in.end() && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
    return n <= UINT32_MAX ? static_cast<uint32_t>(n) : 0;
}
double real_at(const PlainJson& in, const char* key) {
    const auto it = in.find(key);
    return it != in.end() && it->is_number() ? it->get<double>() : 0;
}
PlainJson list_at(const PlainJson& in, const char* key) {
    const auto it = in.find(key);
    return it != in.end() && it->is_array() ? *it : PlainJson::array();
}

struct Run {
    std::string path;
    PlainJson json;
};

// Through the strict reader first: depth, duplicate keys and UTF-8 are its business.
Result<Run> read_run(const std::string& path) {
    AFS_ASSIGN(const std::string text, read_text_file(path));
    AFS_TRY(json::parse(text, {path}).status());
    const PlainJson root = PlainJson::parse(text, nullptr, false);
    constexpr std::array<const char*, 3> kParts = {"timing", "base", "settings"};
    const bool run = root.is_object() && text_at(root, "afs") == "run" &&
                     std::all_of(kParts.begin(), kParts.end(), [&](const char* part) {
                         return root.contains(part) && root[part].is_object();
                     });
    if (!run)
        return invalid("'" + path +
                       "' is no saved run that was right and timed; afs-host compare --save FILE "
                       "makes one");
    return Run{path, root};
}

SideFacts side_of(const PlainJson& run, const char* name) {
    const PlainJson& base = run["base"];
    SideFacts side;
    side.name = name;
    side.kernels = text_at(base, "kernels");
    side.plan = text_at(base, "plan");
    side.dtype = text_at(base, "dtype");
    side.n_launches = number_at(base, "launches");
    side.n_copies = number_at(base, "copies");
    side.n_fallback = number_at(base, "fallback_nodes");
    for (const PlainJson& plugin : list_at(base, "plugins")) {
        Backend backend;
        backend.name = text_at(plugin, "name");
        backend.plugin = text_at(plugin, "plugin");
        backend.version = text_at(plugin, "version");
        backend.path = text_at(plugin, "path");
        backend.sha256 = text_at(plugin, "sha256");
        side.backends.push_back(std::move(backend));
    }
    return side;
}

bool decides_kernels(const std::string& key) {
    for (const char* prefix :
         {"kernels", "fallback", "pin.", "plugins.", "sampling.", "chat.", "tokenizer.", "models.",
          "compare", "checks", "plugin_path", "allow_copies", "named_but_unused", "model.path"})
        if (key.rfind(prefix, 0) == 0) return true;
    return false;
}

std::vector<std::string> unfair(const PlainJson& a, const PlainJson& b) {
    std::vector<std::string> found;
    const auto check = [&](const std::string& what, const PlainJson& x, const PlainJson& y) {
        if (x != y) found.push_back(what + ": " + x.dump() + " against " + y.dump());
    };
    for (const char* key : {"model", "model_origin", "machine", "tokens"})
        check(key, a.value(key, PlainJson()), b.value(key, PlainJson()));
    check("dtype", a["base"].value("dtype", PlainJson()), b["base"].value("dtype", PlainJson()));
    for (const char* key : {"prompt", "generate"})
        check(std::string("timed ") + key, a["timing"].value(key, PlainJson()),
              b["timing"].value(key, PlainJson()));
    PlainJson keys = a["settings"];
    keys.update(b["settings"]);
    for (const auto& [key, value] : keys.items())
        if (!decides_kernels(key))
            check(key, a["settings"].value(key, PlainJson("unset")),
                  b["settings"].value(key, PlainJson("unset")));
    return found;
}

// What to save both with where their lengths differ: those of the slower one, for which the other
// has time too.
std::string same_lengths(const PlainJson& a, const PlainJson& b) {
    std::string flags;
    bool differ = false;
    for (const auto& [flag, key] :
         {std::pair(" --pp ", "prompt"), std::pair(" --tg ", "generate")}) {
        const uint32_t x = number_at(a["timing"], key), y = number_at(b["timing"], key);
        differ = differ || x != y;
        flags += flag + std::to_string(std::min(x, y));
    }
    return differ ? ": without --pp and --tg a run's lengths are chosen by its speed, so save both "
                    "with" +
                        flags
                  : "";
}

Result<std::vector<double>> seconds_of(const Run& run, size_t side, const char* key) {
    const auto refuse = [&](const std::string& what) {
        return invalid("saved run '" + run.path + "': " + what + "; save it again");
    };
    const PlainJson sides = list_at(run.json["timing"], "sides");
    if (side >= sides.size() || !sides[side].contains(key) || !sides[side][key].is_array() ||
        sides[side][key].empty())
        return refuse(std::string("it has no ") + key);
    const bool times = std::string_view(key).ends_with("_seconds");
    std::vector<double> values;
    for (const PlainJson& each : sides[side][key]) {
        if (!each.is_number()) return refuse(std::string(key) + " is no list of numbers");
        values.push_back(each.get<double>());
        if (times && !(values.back() >= kLeastSeconds && values.back() <= kMostSeconds))
            return refuse(std::string(key) + " has " + each.dump() +
                          ", expected a time that a step can take");
    }
    return values;
}

Result<SpeedVerdict> verdict(const Run& a, const Run& b, const std::string& what, const char* sizes,
                             const char* key, const char* change_key) {
    SpeedVerdict v;
    const uint32_t n = number_at(a.json["timing"], sizes);
    v.what = what + std::to_string(n);
    AFS_ASSIGN(std::vector<double> base, seconds_of(a, 0, key));
    AFS_ASSIGN(std::vector<double> test, seconds_of(b, 0, key));
    v.base_rate = 2.0 * n / median(base);
    v.test_rate = 2.0 * n / median(test);
    for (std::vector<double>* each : {&base, &test})
        for (double& x : *each) x = std::log(x);
    v.change = unpaired(base, test);
    for (const Run* run : {&a, &b}) {
        AFS_ASSIGN(const std::vector<double> again, seconds_of(*run, 1, change_key));
        const Interval noise = paired(again);
        v.floor = std::max({v.floor, std::abs(noise.low), std::abs(noise.high)});
    }
    decide(v);
    return v;
}

void attribute(const PlainJson& a, const PlainJson& b, Comparison& made) {
    std::vector<Attribution> rows;
    const auto add = [&](const PlainJson& run, bool test) {
        for (const PlainJson& row : list_at(run, "attribution")) {
            const std::string tags = text_at(row, "tags"), op = text_at(row, "op");
            auto it = std::find_if(rows.begin(), rows.end(), [&](const Attribution& r) {
                return r.tags == tags && r.op == op;
            });
            if (it == rows.end()) {
                rows.emplace_back();
                it = rows.end() - 1;
                it->tags = tags, it->op = op;
            }
            (test ? it->test_on : it->base_on) = text_at(row, "base_on");
            (test ? it->test_seconds : it->base_seconds) = real_at(row, "base_seconds");
        }
    };
    add(a, false);
    add(b, true);
    double change = 0;
    for (const Attribution& r : rows) change += r.test_seconds - r.base_seconds;
    for (Attribution& r : rows)
        if (change != 0) r.share = (r.test_seconds - r.base_seconds) / change;
    std::stable_sort(rows.begin(), rows.end(), [](const Attribution& x, const Attribution& y) {
        return std::abs(x.test_seconds - x.base_seconds) >
               std::abs(y.test_seconds - y.base_seconds);
    });
    made.attribution = std::move(rows);
}

}  // namespace

bool is_saved_run(const std::string& path) {
    const auto text = read_text_file(path);
    const PlainJson root = text ? PlainJson::parse(*text, nullptr, false, true) : PlainJson();
    return root.is_object() && root.contains("afs");
}

Result<Comparison> compare_saved(const std::string& base_path, const std::string& test_path) {
    AFS_ASSIGN(const Run base_run, read_run(base_path));
    AFS_ASSIGN(const Run test_run, read_run(test_path));
    const PlainJson &a = base_run.json, &b = test_run.json;
    if (const auto found = unfair(a, b); !found.empty()) {
        std::string message = "this is no A/B: the runs differ in more than their kernels:";
        for (const std::string& each : found) message += "\n  " + each;
        return invalid(message + "\nmeasure both alike and compare again" + same_lengths(a, b));
    }
    Comparison made;
    made.from_saved = true;
    made.made = report::time_text();
    made.model = text_at(a, "model");
    made.model_origin = text_at(a, "model_origin");
    made.machine = text_at(a, "machine");
    made.n_tokens = number_at(a, "tokens");
    made.base = side_of(a, "base");
    made.test = side_of(b, "test");
    made.same_kernels = made.base.plan == made.test.plan;
    if (text_at(a["settings"], "kernels") != text_at(b["settings"], "kernels"))
        made.changed = {"kernels: " + text_at(a["settings"], "kernels") + " against " +
                        text_at(b["settings"], "kernels")};
    Timing timing;
    timing.prompt = number_at(a["timing"], "prompt");
    timing.generate = number_at(a["timing"], "generate");
    for (const auto& [run, name] : {std::pair(&base_run, "base"), std::pair(&test_run, "test")}) {
        SideTimes side;
        side.name = name;
        AFS_ASSIGN(side.prompt.seconds, seconds_of(*run, 0, "prompt_seconds"));
        AFS_ASSIGN(side.token.seconds, seconds_of(*run, 0, "token_seconds"));
        timing.sides.push_back(std::move(side));
    }
    made.timing = std::move(timing);
    AFS_ASSIGN(SpeedVerdict tokens,
               verdict(base_run, test_run, "tg", "generate", "token_seconds", "token_change"));
    AFS_ASSIGN(SpeedVerdict prompt,
               verdict(base_run, test_run, "pp", "prompt", "prompt_seconds", "prompt_change"));
    made.speed = {std::move(tokens), std::move(prompt)};
    attribute(a, b, made);
    made.notes.push_back("saved runs of " + text_at(a, "made") + " and " + text_at(b, "made") +
                         ": judged each when it was made, not interleaved");
    return made;
}

}  // namespace afs
