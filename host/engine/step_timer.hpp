// Times the units of one step: the host's clock in a synchronous memory, timers of the device in an
// asynchronous one. Where a device has none, the host waits for each unit and times that.
#pragma once
#include <chrono>
#include <vector>

#include "engine/domain.hpp"

namespace afs {

class StepTimer {
public:
    explicit StepTimer(const std::vector<std::unique_ptr<Domain>>& domains);

    // Before the first unit. memories: those that the step's units run in.
    Status begin(size_t n_units, const std::vector<uint32_t>& memories);
    Status before(size_t unit, uint32_t memory);
    Status after(size_t unit, uint32_t memory);
    // Seconds of each unit; below 0: it was not run. Waits for the step.
    Result<std::vector<double>> finish();
    bool device_clock() const { return device_clock_; }  // of the last step, for all its memories

private:
    using Clock = std::chrono::steady_clock;
    enum class Way { host, waiting, timers };
    struct Place {
        Domain* domain = nullptr;
        Way way = Way::host;
        Buffer ballast;              // what the head start fills
        double ballast_seconds = 0;  // one fill of it
        bool measured = false;
        std::vector<Event> from, to;  // [units]
    };
    struct Mark {
        uint32_t memory = 0;
        bool ran = false;
        double seconds = -1;  // of the host's clock
    };
    Status measure_ballast(Place& place);
    Status head_start(Place& place, size_t n_units);

    std::vector<Place> places_;  // [memories]
    std::vector<Mark> marks_;    // [units]
    Clock::time_point started_{};
    bool device_clock_ = false;
};

}  // namespace afs
