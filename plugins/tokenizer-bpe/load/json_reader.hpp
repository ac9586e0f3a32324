// JSON files with a depth limit and without duplicate keys. The two big parts of a tokenizer.json,
// model.vocab and model.merges, stream into callbacks and never become a document.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "afs/status.hpp"

namespace afs::bpe {

struct BulkParts {
    std::function<Status(const std::string& token, uint64_t id)> vocab_entry;
    std::function<Status(const std::string& left, const std::string& right)> merge;
    bool saw_vocab = false, saw_merges = false;
    bool whole_file_is_vocab = false;  // vocab.json
};

Result<std::string> read_file(const std::string& path);
bool file_exists(const std::string& path);

// The document, in which parts that streamed are null. Messages name the path.
Result<nlohmann::json> read_json(const std::string& path, BulkParts* bulk = nullptr);

// "a number", "text", … for messages.
std::string kind_of(const nlohmann::json& value);

// Typed members of an object; the message names what it belongs to. A missing or null member gives
// the default.
Result<bool> bool_member(const nlohmann::json& object, const char* key, bool otherwise,
                         const std::string& where);
Result<std::string> string_member(const nlohmann::json& object, const char* key,
                                  const std::string& where);
Status expect_keys(const nlohmann::json& object, std::initializer_list<const char*> known,
                   const std::string& where);

}  // namespace afs::bpe
