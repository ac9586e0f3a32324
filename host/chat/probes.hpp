// Conversations that tell chat templates apart.
#pragma once
#include <vector>

#include "chat/conversation.hpp"

namespace afs {

// The first is one user message with nothing special about it.
const std::vector<Messages>& template_probes();

}  // namespace afs
