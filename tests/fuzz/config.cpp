// Every configuration a user or a checkpoint brings. The first byte chooses which file the rest is:
// e: the engine's configuration, d: .env, h: a checkpoint's config.json and, behind a NUL byte, its
// generation_config.json, i: an index of shards, t: tokenizer_config.json.
#include "afs/config/config.hpp"
#include "afs/utf8.hpp"
#include "afs/weights/checkpoint.hpp"
#include "allocations.hpp"
#include "core/weights/make_file.hpp"
#include "families.hpp"
#include "input_file.hpp"
#include "require.hpp"

using namespace afs::fuzz;

namespace {

struct Folders {
    InputFile input;
    InputFolder engine, dotenv, shards, texts;
    Folders() {
        engine.link("afs.json", input);
        dotenv.link(".env", input);
        dotenv.write("afs.json", "{}");
        texts.link("tokenizer_config.json", input);
        shards.link("model.safetensors.index.json", input);
        shards.write("config.json", "{}");
        shards.write("a.safetensors", afs::test::safetensors({{"a", "F32", "[1]", "aaaa"}}));
        shards.write("b.safetensors", afs::test::safetensors({{"b", "F32", "[1]", "bbbb"}}));
    }
};

void use(const afs::Config& config) {
    for (const bool origins : {false, true})
        require(config.render(origins).size() >= 2, "a configuration that renders as nothing");
    (void)config.model_path().ok();
    (void)config.pins();
    for (const std::string& name : config.named_plugins()) (void)config.plugin(name);
    for (const auto& [key, setting] : config.settings())
        require(!setting.origin.empty(), "'" + key + "' comes from nowhere");
    for (const char* name : {"base", "test"})
        if (const auto variant = config.variant(name); !variant.ok())
            require_clean(variant.status());
}

bool is_text(const afs::json::Value& value) {
    bool all = afs::utf8_valid_until(value.string, 0) == value.string.size();
    for (const afs::json::Value& item : value.items) all = all && is_text(item);
    return all;
}

void load_engine(const InputFolder& folder) {
    afs::ConfigRequest request;
    request.file = folder.path() + "/afs.json";
    request.working_folder = folder.path();
    request.environment.emplace();
    const auto config = afs::Config::load(request);
    if (!config.ok()) return require_clean(config.status());
    use(*config);
    for (const auto& [key, setting] : config->settings())
        if (!is_text(setting.value)) return;  // a path of other bytes: not to be written in JSON
    // What it prints loads again to the same.
    request.file = folder.path() + "/rendered.json";
    folder.write("rendered.json", config->render());
    const auto again = afs::Config::load(request);
    require(again.ok(), "what it renders does not load: " + again.status().message());
    require(again->render() == config->render(), "what it renders loads to something else");
}

void build_model(const std::string& text) {
    const size_t end = text.find('\0');
    const std::string config = text.substr(0, end);
    const std::string generation = end == std::string::npos ? "" : text.substr(end + 1);
    build_families(config, end == std::string::npos ? nullptr : generation.c_str(), false);
}

template <class T>
void require_clean(const afs::Result<T>& result) {
    if (!result.ok()) afs::fuzz::require_clean(result.status());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Folders folders;
    if (size == 0) return 0;
    folders.input.set(data + 1, size - 1);
    const AllocationLimit limit;
    switch (data[0]) {
        case 'e': load_engine(folders.engine); break;
        case 'd': load_engine(folders.dotenv); break;
        case 'h': build_model({reinterpret_cast<const char*>(data) + 1, size - 1}); break;
        case 'i': require_clean(afs::Checkpoint::open(folders.shards.path())); break;
        case 't': require_clean(afs::Checkpoint::open_texts(folders.texts.path())); break;
        default: return -1;  // no seed for it
    }
    return 0;
}
