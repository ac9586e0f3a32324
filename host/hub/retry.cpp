#include "hub/retry.hpp"

#include <algorithm>
#include <random>
#include <thread>

#include "hub/http/url.hpp"
#include "hub/refusal.hpp"

namespace afs::hub {
namespace {

using std::chrono::milliseconds;

// Between three and five quarters, so that many clients do not come back at once.
milliseconds spread(milliseconds time) {
    thread_local std::minstd_rand random(std::random_device{}());
    return time * std::uniform_int_distribution<int>(75, 125)(random) / 100;
}

}  // namespace

void Pace::pause(milliseconds time) {
    const std::lock_guard lock(mutex_);
    resume_ = std::max(resume_, Clock::now() + time);
}

long Pace::seconds_left() const {
    const std::lock_guard lock(mutex_);
    const auto left = std::chrono::ceil<std::chrono::seconds>(resume_ - Clock::now()).count();
    return std::max<long>(0, left);
}

void Pace::set_trouble(const std::string& why) {
    const std::lock_guard lock(mutex_);
    trouble_ = why;
}

std::string Pace::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

Status Pace::wait(milliseconds time) {
    const auto own_end = Clock::now() + time;
    for (;;) {
        if (cancelled()) return Status(Code::cancelled, "interrupted");
        auto end = own_end;
        {
            const std::lock_guard lock(mutex_);
            end = std::max(end, resume_);
        }
        const auto left = end - Clock::now();
        if (left <= left.zero()) return {};
        std::this_thread::sleep_for(std::min<Clock::duration>(left, milliseconds(50)));
    }
}

Status Retry::again(const Status& why, long retry_after, bool progressed) {
    if (progressed) failures_ = 0;
    ++failures_;
    ++all_;
    if (failures_ >= policy_.tries || all_ >= policy_.most_tries)
        return Status(why.code(),
                      why.message() + "; gave up after " +
                          std::to_string(failures_ >= policy_.tries ? failures_ : all_) + " tries",
                      why.where(), why.native_code());
    pace_.set_trouble(why.message());
    const milliseconds doubled =
        std::min(policy_.longest_wait, policy_.first_wait * (1 << std::min(failures_ - 1, 16)));
    if (retry_after < 0) return pace_.wait(spread(doubled));
    if (retry_after > policy_.longest_asked.count())
        return Status(why.code(), why.message() + "; that is longer than the " +
                                      std::to_string(policy_.longest_asked.count()) +
                                      " s that a fetch waits: run it again then");
    pace_.pause(std::chrono::seconds(retry_after));
    return pace_.wait(milliseconds(0));
}

Result<HttpResponse> Retry::ask(const std::function<Result<HttpResponse>()>& send) {
    for (;;) {
        AFS_TRY(pace_.wait(milliseconds(0)));
        auto response = send();
        Status why;
        if (!response) {
            if (!is_transient(response.status())) return response;
            why = response.status();
        } else {
            if (!may_pass(response->status)) {
                pace_.set_trouble("");
                return response;
            }
            const std::string text = shown(response->error_text);
            why = Status(Code::io, "'" + without_credentials(response->url) +
                                       "' answers with status " + std::to_string(response->status) +
                                       (text.empty() ? "" : ": " + text));
        }
        AFS_TRY(again(why, response ? response->retry_after : -1, false));
    }
}

}  // namespace afs::hub
