// Llama 3.0 to 3.2 and every model of their shape: configuration, weight table and graph.
#pragma once
#include "afs/chat.hpp"
#include "afs/graph_builder.hpp"
#include "afs/plugin/decoder/config.hpp"

namespace llama3 {

// 0 or 100; never fails on foreign text.
int score(const afs_model_source& source);
afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source);
void declare_weights(afs::GraphBuilder& g, const afs::DecoderConfig& c);
void build_graph(afs::GraphBuilder& g, const afs::DecoderConfig& c);
afs::ChatTemplates* chat();

}  // namespace llama3
