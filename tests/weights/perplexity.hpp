// Perplexity of texts that lie in weights/, through an opened runtime.
#pragma once
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "afs/tokenizer.hpp"
#include "runtime/runtime.hpp"

namespace afs::test {

// Blocks of weights/<file> between lines that hold <|endoftext|>.
inline std::vector<std::string> documents(const std::string& file, size_t n) {
    std::string path = AFS_SOURCE_DIR "/weights/";
    std::ifstream in(path.append(file));
    std::vector<std::string> all;
    std::string text;
    for (std::string line; all.size() < n && std::getline(in, line);) {
        if (line == "<|endoftext|>") {
            while (!text.empty() && text.back() == '\n') text.pop_back();
            all.push_back(text);
            text.clear();
        } else {
            text += line + "\n";
        }
    }
    return all;
}

struct Sum {
    double nll = 0;  // natural log
    size_t tokens = 0;
    double perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }
};

// Every document alone, each token given all before it.
inline Sum score(Runtime& runtime, const std::vector<std::string>& texts) {
    Sum sum;
    for (const std::string& text : texts) {
        std::vector<int32_t> ids;
        REQUIRE(runtime.tokenizer()->encode(text, AFS_ENCODE_ADD_SPECIAL, ids).ok());
        if (ids.size() < 2) continue;
        Request request;
        request.prompt = ids;
        request.max_new_tokens = 0;
        request.prompt_logprobs = true;
        request.n_vocab = static_cast<int32_t>(runtime.tokenizer_info().n_vocab);
        REQUIRE(runtime.engine().submit(request).ok());
        while (!runtime.engine().idle()) {
            auto events = runtime.engine().step();
            REQUIRE(events.ok());
            for (const TokenEvent& event : *events)
                for (const float logprob : event.prompt_logprobs) {
                    sum.nll -= logprob;
                    ++sum.tokens;
                }
        }
    }
    return sum;
}

}  // namespace afs::test
