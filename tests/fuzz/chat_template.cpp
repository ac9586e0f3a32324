// The input is a checkpoint's chat template: held against those of both model plugins.
#include "allocations.hpp"
#include "chat/recognise.hpp"
#include "require.hpp"

namespace llama3 {
afs::ChatTemplates* chat();
}
namespace olmo2 {
afs::ChatTemplates* chat();
}
using namespace afs::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const AllocationLimit limit;
    for (afs::ChatTemplates* family : {llama3::chat(), olmo2::chat()}) {
        const auto found =
            afs::recognise_template(*family, text, "<|begin_of_text|>", "<|eot_id|>");
        if (!found.ok()) require_clean(found.status());
    }
    return 0;
}
