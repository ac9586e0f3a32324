// How a Hugging Face-compatible hub is reached, from the variables that its ecosystem uses:
//   HF_ENDPOINT             https://huggingface.co when unset
//   HF_TOKEN                else HUGGING_FACE_HUB_TOKEN, else the file HF_TOKEN_PATH, else
//                           HF_HOME/token (~/.cache/huggingface/token); none where
//                           HF_HUB_DISABLE_IMPLICIT_TOKEN is set and HF_TOKEN is not
//   HF_HUB_OFFLINE          1, true, yes, on: no connection is made
//   HF_HUB_DOWNLOAD_TIMEOUT seconds without a byte until a connection counts as dead
//   CURL_CA_BUNDLE          certificates to trust, else REQUESTS_CA_BUNDLE; SSL_CERT_FILE is
//   OpenSSL's
#pragma once
#include <functional>
#include <string>

#include "afs/status.hpp"

namespace afs::hub {

struct Settings {
    std::string endpoint;      // no slash at its end
    std::string token;         // empty: none; never printed
    std::string token_origin;  // "environment HF_TOKEN", or the file
    bool offline = false;
    long stall_seconds = 30;
    std::string ca_file;
};

// The value of a variable; nullptr: unset.
using Environment = std::function<const char*(const char*)>;

// INVALID: an endpoint that is no http or https address, or a token that no header can carry.
Result<Settings> read_settings(const Environment& environment);

}  // namespace afs::hub
