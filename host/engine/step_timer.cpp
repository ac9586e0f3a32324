#include "engine/step_timer.hpp"

#include <algorithm>
#include <cmath>

namespace afs {
namespace {

// A launch takes the host up to this long. The device gets other work of that length first, so that
// it is never idle between two units because the host was slower.
constexpr double kLaunchSeconds = 12e-6;
constexpr uint64_t kBallastBytes = uint64_t{64} << 20;
constexpr int kMostFills = 2000;

}  // namespace

StepTimer::StepTimer(const std::vector<std::unique_ptr<Domain>>& domains) {
    for (const auto& domain : domains) {
        Place place;
        place.domain = domain.get();
        if (!domain->synchronous()) {
            // Timers that there are but that fail are an error at the first step, not another
            // clock.
            const Status timers = Event::create_timer(domain->shared_device()).status();
            place.way = timers.code() == Code::unsupported ? Way::waiting : Way::timers;
        }
        places_.push_back(std::move(place));
    }
}

Status StepTimer::measure_ballast(Place& place) {
    Domain& domain = *place.domain;
    place.measured = true;
    auto ballast = Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, kBallastBytes);
    if (!ballast) return {};  // no room: times then hold what the host was late
    AFS_ASSIGN(Event from, Event::create_timer(domain.shared_device()));
    AFS_ASSIGN(Event to, Event::create_timer(domain.shared_device()));
    constexpr int kFills = 4;
    for (int i = 0; i <= kFills; ++i) {
        if (i == 1) AFS_TRY(from.record(domain.stream()));
        AFS_TRY(domain.device().fill(domain.stream(), ballast->data(), 0, kBallastBytes));
    }
    AFS_TRY(to.record(domain.stream()));
    AFS_TRY(domain.sync());
    AFS_ASSIGN(const double seconds, domain.device().elapsed(from.get(), to.get()));
    place.ballast_seconds = seconds / kFills;
    place.ballast = std::move(*ballast);
    return {};
}

Status StepTimer::head_start(Place& place, size_t n_units) {
    if (!place.measured) AFS_TRY(measure_ballast(place));
    if (place.ballast_seconds <= 0) return {};
    const double fills =
        std::ceil(kLaunchSeconds * static_cast<double>(n_units) / place.ballast_seconds);
    Domain& domain = *place.domain;
    for (int i = 0; i < static_cast<int>(std::min<double>(fills, kMostFills)); ++i)
        AFS_TRY(domain.device().fill(domain.stream(), place.ballast.data(), 0, kBallastBytes));
    return {};
}

Status StepTimer::begin(size_t n_units, const std::vector<uint32_t>& memories) {
    marks_.assign(n_units, {});
    device_clock_ = true;
    for (const uint32_t m : memories) {
        Place& place = places_[m];
        device_clock_ = device_clock_ && place.way == Way::timers;
        if (place.way != Way::timers) continue;
        while (place.from.size() < n_units) {
            AFS_ASSIGN(Event from, Event::create_timer(place.domain->shared_device()));
            AFS_ASSIGN(Event to, Event::create_timer(place.domain->shared_device()));
            place.from.push_back(std::move(from));
            place.to.push_back(std::move(to));
        }
        AFS_TRY(head_start(place, n_units));
    }
    return {};
}

Status StepTimer::before(size_t unit, uint32_t memory) {
    Place& place = places_[memory];
    marks_[unit] = {memory, true, 0};
    if (place.way == Way::timers) return place.from[unit].record(place.domain->stream());
    if (place.way == Way::waiting) AFS_TRY(place.domain->sync());
    started_ = Clock::now();
    return {};
}

Status StepTimer::after(size_t unit, uint32_t memory) {
    Place& place = places_[memory];
    if (place.way == Way::timers) return place.to[unit].record(place.domain->stream());
    if (place.way == Way::waiting) AFS_TRY(place.domain->sync());
    marks_[unit].seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    return {};
}

Result<std::vector<double>> StepTimer::finish() {
    for (Place& place : places_)
        if (place.way == Way::timers) AFS_TRY(place.domain->sync());
    std::vector<double> seconds;
    for (size_t u = 0; u < marks_.size(); ++u) {
        const Mark& mark = marks_[u];
        seconds.push_back(mark.seconds);
        if (!mark.ran || places_[mark.memory].way != Way::timers) continue;
        Place& place = places_[mark.memory];
        AFS_ASSIGN(seconds.back(),
                   place.domain->device().elapsed(place.from[u].get(), place.to[u].get()));
    }
    return seconds;
}

}  // namespace afs
