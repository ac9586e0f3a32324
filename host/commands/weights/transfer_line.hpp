// The line of a transfer on a terminal: bar, amount, rate and the time that is left. Nothing where
// standard error is no terminal.
#pragma once
#include <chrono>
#include <deque>
#include <string>

#include "hub/fetch.hpp"

namespace afs {

class TransferLine {
public:
    explicit TransferLine(std::string label);
    ~TransferLine() { clear(); }
    TransferLine(const TransferLine&) = delete;
    TransferLine& operator=(const TransferLine&) = delete;

    void show(const hub::FetchSnapshot& now);
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    struct Sample {
        Clock::time_point time;
        uint64_t received;
    };
    double rate(const hub::FetchSnapshot& now, Clock::time_point time);

    std::string label_;
    std::deque<Sample> samples_;  // of the last seconds
    Clock::time_point drawn_{};
    bool terminal_, visible_ = false;
};

// "1 h 02 min", "3 min 20 s", "12 s"
std::string duration_text(double seconds);

// What the line says, without colour and line end: at most 98 columns.
std::string transfer_text(const std::string& label, const hub::FetchSnapshot& now, double rate);

}  // namespace afs
