// open_kernels and its proxies: refusals, errors as values, options, growth of tables.
#include <catch2/catch.hpp>

#include <cstring>
#include <fstream>

#include "afs/graph_builder.hpp"
#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

using Catch::Contains;

namespace {

afs::Result<std::shared_ptr<afs::KernelBackend>> open_test(
    const std::string& name, const std::map<std::string, std::string>& options = {}) {
    const std::string path = AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-" + name + ".so";
    auto file = afs::load_plugin(path, "kernels");
    if (!file.ok()) return file.status();
    afs::OpenRequest request;
    request.name = "mine";
    request.options = options;
    return afs::open_kernels(*file, request);
}

// One rms_norm node, x [n_tokens, 4].
struct OneNorm {
    afs::GraphBuilder builder{AFS_F32};
    afs_limits limits = afs::make<afs_limits>();
    afs_query query = afs::make<afs_query>();
    OneNorm() {
        builder.weight({"embed.weight", "e", {8, 4}});
        builder.weight({"norm.weight", "n", {4}});
        const auto x = builder.embed("embed");
        afs_rms_norm_params params = afs::make<afs_rms_norm_params>();
        params.eps = 0.0f;
        builder.output(builder.rms_norm("norm", x, params));
        query.graph = *builder.finish();
        for (uint32_t v = 0; v < query.graph->n_values; ++v)
            const_cast<afs_value*>(query.graph->values[v])->dtype = AFS_F32;
        query.node = 1;
        query.limits = &limits;
    }
};

afs_tensor tensor(float* data, int64_t rows, int64_t columns) {
    afs_tensor t{};
    t.data = data;
    t.dtype = AFS_F32;
    t.rank = rows ? 2 : 1;
    for (int64_t& d : t.dims) d = 1;
    if (rows) t.dims[0] = rows, t.dims[1] = columns, t.strides[0] = columns, t.strides[1] = 1;
    if (!rows) t.dims[0] = columns, t.strides[0] = 1;
    return t;
}

void check_norm(afs::KernelBackend& backend) {
    OneNorm graph;
    afs_verdict verdict = afs::make<afs_verdict>();
    REQUIRE(backend.query(graph.query, verdict).ok());
    REQUIRE(verdict.supported);
    CHECK((verdict.flags & AFS_DETERMINISTIC));
    graph.query.node = 0;
    afs_verdict no = afs::make<afs_verdict>();
    REQUIRE(backend.query(graph.query, no).ok());
    CHECK_FALSE(no.supported);
    CHECK_THAT(no.reason, Contains("rms_norm/1"));
    graph.query.node = 1;
    auto op = backend.prepare(graph.query);
    REQUIRE(op.ok());
    float x[] = {3, 3, 3, 3, 1, 1, 1, 1}, w[] = {1, 2, 3, 4}, y[8] = {};
    const afs_tensor inputs[] = {tensor(x, 2, 4), tensor(w, 0, 4)}, out = tensor(y, 2, 4);
    afs_run run = afs::make<afs_run>();
    run.n_inputs = 2;
    run.inputs = inputs;
    run.output = &out;
    REQUIRE((*op)->run(run).ok());
    const float expected[] = {1, 2, 3, 4, 1, 2, 3, 4};
    CHECK(std::memcmp(y, expected, sizeof y) == 0);
}

}  // namespace

TEST_CASE("the single-op plugin in plain C runs through the proxies") {
    const auto backend = open_test("rms-c");
    REQUIRE(backend.ok());
    check_norm(**backend);
}

TEST_CASE("the single-op plugin built by clang++ runs in this host") {
    if (!std::ifstream(AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-rms.so")) {
        WARN("skipped: no clang++ on this machine");
        return;
    }
    const auto backend = open_test("rms");
    REQUIRE(backend.ok());
    check_norm(**backend);
    CHECK((*backend)->graph() == nullptr);
    CHECK((*backend)->weights() == nullptr);
    CHECK((*backend)->device() == nullptr);
}

TEST_CASE("probe and open refuse with their reasons") {
    const struct {
        const char *plugin, *text;
        afs::Code code;
    } cases[] = {
        {"probe-declines", "its probe says no: needs a machine with 3 legs",
         afs::Code::unsupported},
        {"open-throws", "it threw an exception across the contract", afs::Code::internal},
        {"open-fails", "xxxxxxxx", afs::Code::no_memory},
    };
    for (const auto& c : cases) {
        const auto opened = open_test(c.plugin);
        REQUIRE_FALSE(opened.ok());
        CHECK_THAT(opened.status().message(),
                   Contains(c.text) && Contains(std::string("afs-kernels-test-") + c.plugin));
        CHECK(opened.status().code() == c.code);
    }
}

TEST_CASE("what a plugin throws or returns amiss is an error with its name") {
    OneNorm graph;
    afs_verdict verdict = afs::make<afs_verdict>();
    const auto thrower = open_test("query-throws");
    REQUIRE(thrower.ok());
    const afs::Status query = (*thrower)->query(graph.query, verdict);
    CHECK(query.code() == afs::Code::internal);
    CHECK(query.where() == "mine.query");
    CHECK_THAT(query.message(), Contains("threw an exception"));
    const auto preparer = open_test("prepare-throws");
    REQUIRE(preparer.ok());
    const auto op = (*preparer)->prepare(graph.query);
    REQUIRE_FALSE(op.ok());
    CHECK(op.status().where() == "mine.prepare");
}

TEST_CASE("options reach the plugin") {
    const auto backend = open_test("toy", {{"kinds", "layers"}});
    REQUIRE(backend.ok());
    REQUIRE((*backend)->graph() != nullptr);
    OneNorm graph;
    const uint8_t available[] = {1, 1};
    afs_claims claims = afs::make<afs_claims>();
    REQUIRE((*backend)->graph()->claim(graph.query, available, claims).ok());
    CHECK(claims.n_sets == 1);
    CHECK(claims.set_of_node[1] == 0);
}

TEST_CASE("a plugin's device is called through its table, and its memory is its own") {
    const auto backend = open_test("fakedev", {{"fail_alloc", "3"}});
    REQUIRE(backend.ok());
    afs::Device* device = (*backend)->device();
    REQUIRE(device != nullptr);
    afs_device_info info = afs::make<afs_device_info>();
    REQUIRE(device->info(info).ok());
    CHECK(std::string(info.domain) == "fake:0");
    CHECK(info.flags == AFS_DEV_CAPTURE);
    auto memory = device->alloc(AFS_MEM_DEVICE, 16);
    auto stream = device->stream_create();
    auto event = device->event_create();
    REQUIRE((memory.ok() && stream.ok() && event.ok()));
    const char text[16] = "fifteen letters";
    char back[16] = {}, replayed[16] = {};
    REQUIRE(device->copy(*stream, AFS_COPY_H2D, *memory, text, 16).ok());
    REQUIRE(device->copy(*stream, AFS_COPY_D2H, back, *memory, 16).ok());
    REQUIRE(device->event_record(*event, *stream).ok());
    REQUIRE(device->event_sync(*event).ok());
    CHECK(std::string(back) == text);
    REQUIRE(device->capture_begin(*stream).ok());
    REQUIRE(device->copy(*stream, AFS_COPY_D2H, replayed, *memory, 16).ok());
    auto capture = device->capture_end(*stream, false);
    REQUIRE(capture.ok());
    REQUIRE(device->stream_sync(*stream).ok());
    CHECK(replayed[0] == '\0');  // recorded, not run
    REQUIRE(device->replay(*capture, *stream).ok());
    REQUIRE(device->stream_sync(*stream).ok());
    CHECK(std::string(replayed) == text);
    device->capture_destroy(*capture);
    REQUIRE(device->capture_begin(*stream).ok());
    const auto abandoned = device->capture_end(*stream, true);
    REQUIRE(abandoned.ok());
    CHECK(*abandoned == nullptr);
    const auto ceiling = device->read_ceiling();
    CHECK(ceiling.status().code() == afs::Code::unsupported);
    const auto pinned = device->alloc(AFS_MEM_PINNED, 8);
    REQUIRE(pinned.ok());
    const auto refused = device->alloc(AFS_MEM_DEVICE, 1024);
    CHECK(refused.status().code() == afs::Code::no_memory);
    CHECK_THAT(refused.status().message(), Contains("needed 1024"));
    device->release(AFS_MEM_PINNED, *pinned);
    device->event_destroy(*event);
    device->stream_destroy(*stream);
    device->release(AFS_MEM_DEVICE, *memory);
}

TEST_CASE("an op outlives the handle of its backend") {
    auto backend = open_test("rms-c");
    REQUIRE(backend.ok());
    OneNorm graph;
    auto op = (*backend)->prepare(graph.query);
    REQUIRE(op.ok());
    backend->reset();
    float x[] = {2, 2, 2, 2}, w[] = {1, 1, 1, 1}, y[4] = {};
    const afs_tensor inputs[] = {tensor(x, 1, 4), tensor(w, 0, 4)}, out = tensor(y, 1, 4);
    afs_run run = afs::make<afs_run>();
    run.n_inputs = 2;
    run.inputs = inputs;
    run.output = &out;
    REQUIRE((*op)->run(run).ok());
    CHECK(y[3] == 1.0f);
}
