// A recorded run as JSON, the form that `generate --json` writes.
#include "doctor/recorded_run.hpp"

namespace afs {
namespace {

using json::Kind;
using json::Value;

std::string text_in(const Value& object, const char* key) {
    const Value* value = object.find(key);
    return value ? value->string : "";
}

double number(const Value& object, const char* key) {
    const Value* value = object.find(key);
    return value ? value->as_number().value_or(0) : 0;
}

Result<std::vector<int32_t>> ids(const Value& object, const char* key, const std::string& name) {
    std::vector<int32_t> out;
    const Value* list = object.find(key);
    if (!list) return out;
    for (const Value& item : list->items) {
        const auto id = item.as_int64();
        if (!id || *id < 0 || *id > INT32_MAX)
            return invalid("'" + name + "': \"" + key + "\" must be a list of token ids, found " +
                           json::dump(item));
        out.push_back(static_cast<int32_t>(*id));
    }
    return out;
}

Value list_of(const std::vector<int32_t>& numbers) {
    Value out = Value::array();
    for (const int32_t id : numbers) out.add(Value::of(int64_t{id}));
    return out;
}

void read_logprobs(const Value& record, RecordedRun& out) {
    const Value* list = record.find("logprobs");
    if (!list) return;
    for (const Value& item : list->items) {
        out.logprobs.push_back(number(item, "logprob"));
        out.top.emplace_back();
        if (const Value* top = item.find("top"))
            for (const Value& one : top->items)
                out.top.back().emplace_back(static_cast<int32_t>(number(one, "id")),
                                            number(one, "logprob"));
    }
}

Value logprobs_of(const RecordedRun& run) {
    Value out = Value::array();
    for (size_t i = 0; i < run.logprobs.size() && i < run.ids.size(); ++i) {
        Value top = Value::array();
        for (const auto& [id, logprob] : run.top[i])
            top.add(Value::object()
                        .add("id", Value::of(int64_t{id}))
                        .add("logprob", Value::of(logprob)));
        out.add(Value::object()
                    .add("id", Value::of(int64_t{run.ids[i]}))
                    .add("logprob", Value::of(run.logprobs[i]))
                    .add("top", std::move(top)));
    }
    return out;
}

}  // namespace

Result<RecordedRun> read_record(const Value& record, const std::string& name) {
    const Value* config = record.find("config");
    if (!config || !config->is(Kind::object))
        return invalid("'" + name +
                       "' is no recorded run: expected a \"config\" object; write one with "
                       "afs-host generate --json --prompt TEXT > FILE");
    RecordedRun out;
    out.config = json::dump(*config);
    out.prompt = text_in(record, "prompt");
    AFS_ASSIGN(out.prompt_ids, ids(record, "prompt_ids", name));
    AFS_ASSIGN(out.ids, ids(record, "ids", name));
    if (const Value* stops = record.find("stop"))
        for (const Value& stop : stops->items) out.stop.push_back(stop.string);
    const double most = number(record, "max_tokens");
    if (!(most >= 0 && most <= 1u << 30))
        return invalid("'" + name + "': \"max_tokens\" must be from 0 to 1073741824");
    out.max_tokens = static_cast<uint32_t>(most);
    const Value* ignore = record.find("ignore_stop");
    out.ignore_stop = ignore && ignore->boolean;
    out.model = text_in(record, "model");
    out.dtype = text_in(record, "dtype");
    out.plan = text_in(record, "plan");
    out.text = text_in(record, "text");
    out.finish = text_in(record, "finish");
    out.load_seconds = number(record, "load_seconds");
    out.prefill_seconds = number(record, "prefill_seconds");
    out.decode_seconds = number(record, "decode_seconds");
    read_logprobs(record, out);
    if (const Value* plugins = record.find("plugins"))
        for (const Value& plugin : plugins->items)
            out.plugins.push_back(
                {text_in(plugin, "name"), text_in(plugin, "version"), text_in(plugin, "sha256")});
    return out;
}

Value write_record(const RecordedRun& run) {
    Value stop = Value::array(), plugins = Value::array();
    for (const std::string& one : run.stop) stop.add(Value::of(one));
    for (const UsedPlugin& plugin : run.plugins)
        plugins.add(Value::object()
                        .add("name", Value::of(plugin.name))
                        .add("version", Value::of(plugin.version))
                        .add("sha256", Value::of(plugin.sha256)));
    auto config = json::parse(run.config);
    Value out = Value::object()
                    .add("model", Value::of(run.model))
                    .add("plan", Value::of(run.plan))
                    .add("dtype", Value::of(run.dtype))
                    .add("prompt", Value::of(run.prompt))
                    .add("prompt_ids", list_of(run.prompt_ids))
                    .add("text", Value::of(run.text))
                    .add("ids", list_of(run.ids))
                    .add("finish", Value::of(run.finish))
                    .add("max_tokens", Value::of(uint64_t{run.max_tokens}))
                    .add("stop", std::move(stop))
                    .add("ignore_stop", Value::of(run.ignore_stop))
                    .add("load_seconds", Value::of(run.load_seconds))
                    .add("prefill_seconds", Value::of(run.prefill_seconds))
                    .add("decode_seconds", Value::of(run.decode_seconds))
                    .add("plugins", std::move(plugins))
                    .add("config", config ? std::move(*config) : Value::object());
    if (!run.logprobs.empty()) out.add("logprobs", logprobs_of(run));
    return out;
}

}  // namespace afs
