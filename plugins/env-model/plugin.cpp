// env-model: the active configuration against the checkpoint's files, and these against each other.
#include <optional>

#include "afs/plugin/env.hpp"
#include "checks.hpp"

namespace env_model {
namespace {

constexpr struct {
    const char* name;
    Findings (*run)(const Look& look);
} kChecks[] = {{"config", check_config},         {"dotenv", check_dotenv},
               {"checkpoint", check_checkpoint}, {"shapes", check_shapes},
               {"tokenizer", check_tokenizer},   {"template", check_template},
               {"generation", check_generation}};

class ModelChecks final : public afs::EnvironmentCheck {
    // Read with the first check, for all that follow.
    std::optional<ActiveModel> model_;
    Vocabulary vocabulary_;

public:
    static afs::Result<std::unique_ptr<afs::EnvironmentCheck>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::EnvironmentCheck>(std::make_unique<ModelChecks>());
    }
    std::vector<std::string> checks() override {
        std::vector<std::string> names;
        for (const auto& check : kChecks) names.emplace_back(check.name);
        return names;
    }
    afs::Result<Findings> run(uint32_t check, const afs::EnvironmentView& view) override {
        if (check >= std::size(kChecks)) return afs::not_found("no check has this number");
        if (!model_) {
            model_.emplace(find_model(view.config_json));
            vocabulary_ = read_vocabulary(*model_);
        }
        return kChecks[check].run(Look{view, *model_, vocabulary_});
    }
};

}  // namespace
}  // namespace env_model

AFS_ENV_PLUGIN(env_model::ModelChecks, "model", "0.1", "Apache-2.0");
