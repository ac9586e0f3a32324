#include "runtime/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "runtime/shown_text.hpp"

namespace afs {
namespace {

// %*: the message as a terminal may have it; it may quote files and plugins.
class ShownMessage final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const std::string shown =
            shown_text(std::string_view(message.payload.data(), message.payload.size()));
        out.append(shown.data(), shown.data() + shown.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<ShownMessage>();
    }
};

}  // namespace

void set_up_logging(bool verbose) {
    auto logger =
        std::make_shared<spdlog::logger>("afs", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto format = std::make_unique<spdlog::pattern_formatter>();
    format->add_flag<ShownMessage>('*').set_pattern("afs-host: %l: %*");
    logger->set_formatter(std::move(format));
    logger->set_level(verbose ? spdlog::level::debug : spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace afs
