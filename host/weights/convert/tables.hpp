// configs/conversion.json: names that the two forms of a checkpoint spell differently.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/status.hpp"

namespace afs::convert {

struct Family {
    std::string architecture;  // GGUF's
    std::string model_type;
    std::vector<std::string> architectures;
};

struct PreTokenizer {
    std::string name;  // tokenizer.ggml.pre
    std::string pattern;
    bool single_digits = false, ignore_merges = false;
};

struct Tables {
    std::vector<Family> families;
    std::string banded_rope_type;
    std::vector<PreTokenizer> pre_tokenizers;
    std::vector<std::string> probes;  // texts by which two tokenizers are told apart

    Family of_architecture(
        const std::string& name) const;  // the name itself where it is not listed
    Family of_model_type(const std::string& name) const;
    const PreTokenizer* pre_tokenizer(const std::string& name) const;  // nullptr: not known
};

Result<Tables> read_tables(const std::filesystem::path& file);

}  // namespace afs::convert
