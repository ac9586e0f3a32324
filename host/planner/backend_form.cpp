#include "planner/backend_form.hpp"

namespace afs {

nlohmann::ordered_json backend_form(const Backend& backend) {
    return {{"name", backend.name},
            {"plugin", backend.plugin},
            {"version", backend.version},
            {"path", backend.path},
            {"sha256", backend.sha256}};
}

}  // namespace afs
