// Reads one JSON object of configuration for model plugins: Hugging Face's config.json, or a GGUF
// file's metadata. The headers of afs::abi that need more than std begin here: a plugin that
// includes one (in one .cpp: it is slow to compile) links nlohmann_json::nlohmann_json privately.
// C++17.
//
// The first mistake is kept; ask status() after reading.
#pragma once
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "afs/status.hpp"

namespace afs {

// Throws what nlohmann throws, and for depth over 64 or a key given twice.
inline nlohmann::json parse_json(const char* text) {
    using Json = nlohmann::json;
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > 64) throw std::runtime_error("nested deeper than 64 levels");
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key &&
            !keys.back().insert(parsed.get<std::string>()).second)
            throw std::runtime_error("key '" + parsed.get<std::string>() + "' is given twice");
        return true;
    };
    return Json::parse(text, watch);
}

class JsonConfig {
public:
    using Json = nlohmann::json;

    // file: the name that messages use.
    JsonConfig(const char* text, std::string file) : file_(std::move(file)) {
        try {
            json_ = parse_json(text);
            if (!json_.is_object())
                fail("is " + std::string(json_.type_name()) + ", not an object");
        } catch (const std::bad_alloc&) {
            throw;  // no mistake of the text
        } catch (const std::exception& thrown) {
            fail(thrown.what());
        }
        if (!json_.is_object()) json_ = Json::object();
    }

    const Status& status() const { return status_; }

    // The key's value; NULL where it is absent or null.
    const Json* get(const std::string& key) const { return member(json_, key); }

    // A whole number in [1, most].
    int64_t count(const std::string& key, int64_t most) { return count_in(json_, key, key, most); }
    int64_t count(const std::string& key, int64_t most, int64_t otherwise) {
        return get(key) ? count(key, most) : otherwise;
    }
    // A finite number above 0, as fp32 too.
    double positive(const std::string& key) { return positive_in(json_, key, key); }
    double number(const std::string& key, double least, double most) {
        const Json* value = get(key);
        if (value && value->is_number() && value->get<double>() >= least &&
            value->get<double>() <= most)
            return value->get<double>();
        expected(key, value, "a number from " + Json(least).dump() + " to " + Json(most).dump());
        return least;
    }
    bool flag(const std::string& key, bool otherwise) {
        const Json* value = get(key);
        if (!value) return otherwise;
        if (value->is_boolean()) return value->get<bool>();
        expected(key, value, "true or false");
        return otherwise;
    }
    // The key may only be absent, null, or one of `neutral`; why says what it would mean.
    void refuse(const std::string& key, const std::vector<Json>& neutral, const std::string& why) {
        const Json* value = get(key);
        if (!value) return;
        for (const Json& harmless : neutral)
            if (*value == harmless) return;
        expected(key, value, (neutral.empty() ? "nothing" : neutral.front().dump()) + ": " + why);
    }
    // Token ids in [0, vocab_size): a number, a list or nothing; no id twice.
    void ids(const std::string& key, int64_t vocab_size, std::vector<int32_t>& to) {
        const Json* value = get(key);
        if (!value) return;
        for (const Json& id : value->is_array() ? *value : Json::array({*value})) {
            if (!id.is_number_integer() || id < 0 || id >= vocab_size)
                return expected(key, value,
                                "token ids below vocab_size " + std::to_string(vocab_size));
            const auto found = id.get<int32_t>();
            bool known = false;
            for (const int32_t other : to) known |= other == found;
            if (!known) to.push_back(found);
        }
    }

    void expected(const std::string& key, const Json* found, const std::string& what) {
        if (found)
            fail(key + " is " + shown(found) + ", expected " + what);
        else
            fail(key + " is missing, expected " + what);
    }
    void fail(const std::string& message) {
        if (status_.ok()) status_ = invalid("cannot use " + file_ + ": " + message);
    }

protected:
    static const Json* member(const Json& of, const std::string& key) {
        const auto it = of.find(key);
        return it == of.end() || it->is_null() ? nullptr : &*it;
    }
    static std::string shown(const Json* value) {
        if (!value) return "absent";
        const std::string text = value->dump(-1, ' ', false, Json::error_handler_t::replace);
        return text.size() <= 80 ? text : text.substr(0, 77) + "...";
    }
    const Json* object(const std::string& key) {
        const Json* value = get(key);
        if (!value || value->is_object()) return value;
        expected(key, value, "an object");
        return nullptr;
    }
    int64_t count_in(const Json& of, const std::string& key, const std::string& name,
                     int64_t most) {
        const Json* value = member(of, key);
        if (value && value->is_number_integer() && *value >= 1 && *value <= most)
            return value->get<int64_t>();
        expected(name, value, "a whole number from 1 to " + std::to_string(most));
        return 1;
    }
    double positive_in(const Json& of, const std::string& key, const std::string& name) {
        const Json* value = member(of, key);
        if (value && value->is_number() && value->get<float>() > 0 &&
            std::isfinite(value->get<float>()))
            return value->get<double>();
        expected(name, value, "a number above 0");
        return 1;
    }
    Json json_ = Json::object();

private:
    std::string file_;
    Status status_;
};

}  // namespace afs
