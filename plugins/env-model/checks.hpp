// The checks of this plugin, one topic a file. They read files and change none.
#pragma once
#include <vector>

#include "active_model.hpp"
#include "afs/env.hpp"
#include "vocabulary.hpp"

namespace env_model {

using Findings = std::vector<afs::Finding>;

struct Look {
    const afs::EnvironmentView& view;
    const ActiveModel& model;
    const Vocabulary& vocabulary;
};

Findings check_config(const Look& look);
Findings check_dotenv(const Look& look);
Findings check_checkpoint(const Look& look);
Findings check_shapes(const Look& look);
Findings check_tokenizer(const Look& look);
Findings check_template(const Look& look);
Findings check_generation(const Look& look);

}  // namespace env_model
