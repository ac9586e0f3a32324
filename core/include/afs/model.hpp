// The abstract class of a model family; see afs/abi/model.h for what each field means. C++17.
#pragma once
#include "afs/abi/model.h"
#include "afs/status.hpp"

namespace afs {

class ChatTemplates;  // afs/chat.hpp

class ModelArchitecture {
public:
    virtual ~ModelArchitecture() = default;
    // 0: not mine, 100: exactly mine.
    virtual int score(const afs_model_source& source) = 0;
    // The graph and what info points to are this object's, until it dies or builds again.
    virtual Result<const afs_graph*> build(const afs_model_source& source,
                                           afs_model_info& info) = 0;
    // afs.chat/1: this object's own; nullptr: the family has no chat templates.
    virtual ChatTemplates* chat() { return nullptr; }
};

}  // namespace afs
