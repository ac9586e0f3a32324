// Operations of a prompt, counted by hand.
#include "bench/work.hpp"

#include "host/engine/model_fixture.hpp"

using namespace afs_test;

TEST_CASE("work: operations of a prompt: products once a token, the head once, causal attention") {
    Setup setup;  // hidden 48, 4 heads of 12 over 2, ffn 80, 2 layers, 97 ids
    for (const std::string family : {"olmo2", "llama3"}) {
        setup.family = family;
        const Model model = make_model(setup);
        const double layer = 48 * 48 + 2 * 24 * 48 + 48 * 48 + 3 * 80 * 48;
        for (const double n : {1.0, 512.0})
            CHECK(afs::prompt_flops(*model.plan, static_cast<uint64_t>(n)) ==
                  2 * (2 * layer * n + 97 * 48) + 2 * 2 * 48 * n * n);
    }
}
