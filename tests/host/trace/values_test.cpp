// Values by tag over a whole prompt, in chunks of any size, and the files they are written to.
#include "trace/values.hpp"

#include <fstream>

#include "afs/weights/safetensors.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/temp_folder.hpp"
#include "trace/tensor_file.hpp"

using namespace afs_test;
using Catch::Matchers::Contains;

TEST_CASE("values do not depend on the size of the steps or on the memory") {
    const std::vector<int32_t> ids = some_ids(21, 4);
    Setup setup;
    const Model model = make_model(setup);
    const auto tags = afs::matching_tags(*model.plan, "all");
    CHECK(afs::matching_tags(*model.plan, "L*.attn.q").size() == 2);
    CHECK(afs::matching_tags(*model.plan, "L*.attn.kv").empty());  // not an activation
    const auto engine = make_engine(model);
    const auto whole = must(afs::trace_values(*engine, tags, ids, 0));
    CHECK(whole.size() == tags.size());
    CHECK(whole.at("L1.mlp.down").dims == std::vector<int64_t>{21, whole.at("embed").width()});
    CHECK(whole.at("logits").dims[0] == 21);
    for (const uint32_t chunk : {1u, 5u}) {
        const auto cut = must(afs::trace_values(*engine, tags, ids, chunk));
        for (const std::string& tag : tags) {
            CAPTURE(tag, chunk);
            CHECK(cut.at(tag).dims == whole.at(tag).dims);
            CHECK(cut.at(tag).data == whole.at(tag).data);
        }
    }
    setup.kernels = {"test-fakedev"};
    const auto elsewhere = must(afs::trace_values(*make_engine(make_model(setup)), tags, ids, 1));
    CHECK(elsewhere.at("logits").dims == whole.at("logits").dims);
}

TEST_CASE("what a program never forms is left out, the engine goes on") {
    Setup setup;
    setup.kernels = {"test-toy"};
    const Model model = make_model(setup);
    const auto engine = make_engine(model);
    const auto values =
        must(afs::trace_values(*engine, afs::matching_tags(*model.plan, "all"), some_ids(5, 1), 0));
    CHECK(values.count("logits") == 1);
    CHECK_FALSE(engine->logits(some_ids(5, 1), 0).status().code() == afs::Code::unsupported);
}

TEST_CASE("written files hold the values") {
    const afs::test::TempFolder folder;
    afs::TracedValues values;
    values["a"] = {{2, 3}, {1, 2, 3, 4, 5, 6}};
    const std::string npy = (folder.path() / "a.npy").string(),
                      many = (folder.path() / "all.safetensors").string();
    must(afs::write_tensors(npy, values));
    std::ifstream in(npy, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    CHECK(bytes.substr(1, 5) == "NUMPY");
    CHECK(bytes.size() == 128 + 6 * sizeof(float));
    CHECK_THAT(bytes, Contains("'<f4'") && Contains("(2,3,)"));
    CHECK(*reinterpret_cast<const float*>(bytes.data() + 128 + 4) == 2.0f);
    values["b"] = {{1}, {7}};
    must(afs::write_tensors(many, values));
    const auto file = must(afs::SafetensorsFile::open(many));
    REQUIRE(file.tensors().size() == 2);
    CHECK(file.tensors()[0].shape == std::vector<int64_t>{2, 3});
    CHECK(static_cast<const float*>(file.tensors()[1].data)[0] == 7.0f);
    CHECK_THAT(afs::write_tensors(npy, values).message(), Contains("one value, found 2"));
    CHECK_THAT(afs::write_tensors("x.txt", values).message(), Contains(".safetensors"));
    CHECK(afs::write_tensors("/nowhere/x.npy", {{"a", values["a"]}}).code() == afs::Code::io);
    CHECK_FALSE(afs::write_tensors(npy, {}).ok());
}
