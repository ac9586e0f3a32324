#include "runtime/logging.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace afs {

void set_up_logging(bool verbose) {
    auto logger =
        std::make_shared<spdlog::logger>("afs", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("afs-host: %l: %v");
    logger->set_level(verbose ? spdlog::level::debug : spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace afs
