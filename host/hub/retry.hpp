// When to ask again: waits twice as long after each failure, as long as a hub asks to, and gives up
// after some failures in a row without progress.
#pragma once
#include <chrono>
#include <functional>
#include <mutex>
#include <string>

#include "afs/status.hpp"
#include "hub/http/http_client.hpp"

namespace afs::hub {

struct RetryPolicy {
    int tries = 6;         // in a row without a byte of progress
    int most_tries = 500;  // of one file, whatever the progress
    std::chrono::milliseconds first_wait{1000}, longest_wait{60000};
    std::chrono::seconds longest_asked{600};  // a hub that asks to wait longer is an error
};

// What all transfers share: an interrupt, and the pause that a hub asked for.
class Pace {
public:
    explicit Pace(std::function<bool()> cancelled) : cancelled_(std::move(cancelled)) {}

    bool cancelled() const { return cancelled_(); }
    void pause(std::chrono::milliseconds time);  // nobody asks before it is over
    // CANCELLED: an interrupt came first. `time` from now, and until a pause is over.
    Status wait(std::chrono::milliseconds time);
    long seconds_left() const;  // of the pause; 0: none
    // Why something is tried again; empty: nothing is.
    void set_trouble(const std::string& why);
    std::string trouble() const;

private:
    using Clock = std::chrono::steady_clock;
    std::function<bool()> cancelled_;
    mutable std::mutex mutex_;
    Clock::time_point resume_{};
    std::string trouble_;
};

class Retry {
public:
    Retry(const RetryPolicy& policy, Pace& pace) : policy_(policy), pace_(pace) {}

    // After a failure that may pass: waits; a failure of its own means to give up. retry_after:
    // seconds, -1: nothing was said.
    Status again(const Status& why, long retry_after, bool progressed);

    // Sends until there is an answer that will not be another at the next try.
    Result<HttpResponse> ask(const std::function<Result<HttpResponse>()>& send);

private:
    const RetryPolicy& policy_;
    Pace& pace_;
    int failures_ = 0, all_ = 0;
};

}  // namespace afs::hub
