// From a configuration to an engine that is ready: opens the plugins it names, the checkpoint, the
// tokenizer, makes the plan and, if asked, the engine. The short way for programs that embed AFS:
//
//   auto config  = afs::Config::load();
//   auto runtime = afs::Runtime::open(*config);
//   (*runtime)->engine().submit(...)
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "afs/abi/model.h"
#include "afs/abi/tokenizer.h"
#include "afs/config/config.hpp"
#include "engine/engine.hpp"

namespace afs {

class ChatFormat;  // chat/chat_format.hpp
class ModelArchitecture;
class Tokenizer;
class WeightSet;

struct RuntimeOptions {
    // A config.json: weights are drawn at random in its shape, there is no checkpoint and no
    // tokenizer. Empty: the configuration's model.
    std::string random_weights;
    // Another runtime of the same model, whose weights are taken instead of drawn or read.
    const class Runtime* weights_of = nullptr;
    bool tokenizer = true;
    bool chat = false;   // the chat template too; errors name --chat-template
    bool engine = true;  // false: only the plan; random weights are not even drawn
};

// A step of opening, for "ready in ... ms" lines.
struct Phase {
    std::string name;
    double seconds;
    uint64_t bytes = 0;  // moved in it; 0: nothing to tell
};
// "model 2 ms, weights 51 ms, upload 1340 ms (16.1 GB at 12.0 GB/s)"
std::string phases_text(const std::vector<Phase>& phases);

class Runtime {
public:
    virtual ~Runtime() = default;
    // NO_MEMORY: what was needed and free; anything else: a plugin or model could not be loaded,
    // with the chain of reasons.
    static Result<std::unique_ptr<Runtime>> open(const Config& config,
                                                 const RuntimeOptions& options = {});

    virtual Engine& engine() = 0;        // only if it was asked for
    virtual Tokenizer* tokenizer() = 0;  // nullptr: none was asked for
    virtual const Plan& plan() const = 0;
    virtual const WeightSet& weights() const = 0;
    virtual const afs_model_info& model() const = 0;
    virtual const afs_tokenizer_info& tokenizer_info() const = 0;
    virtual const std::vector<int32_t>& stop_ids() const = 0;  // of checkpoint and tokenizer
    virtual SamplingParams sampling() const = 0;          // config over checkpoint over default
    virtual const ChatFormat* chat() const = 0;           // nullptr: none was asked for
    virtual const std::string& model_name() const = 0;    // last part of its path
    virtual const std::string& model_origin() const = 0;  // path, and which key gave it
    virtual const std::string& model_plugin() const = 0;
    virtual const std::string& dtype() const = 0;  // of the activations: "bf16"
    virtual const std::vector<Phase>& phases() const = 0;
    // IO: a checkpoint's file that kernels read where it is mapped was changed meanwhile, and what
    // was computed since may be wrong.
    virtual Status check_weights_unchanged() const = 0;
};

}  // namespace afs
