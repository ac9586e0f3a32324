// env-system on recorded machines: files of /proc, /sys and /etc in a folder.
#include <catch2/catch.hpp>

#include "support/env_plugin.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using afs::test::EnvPlugin;
using afs::test::find;
using Catch::Contains;

namespace {

struct Recorded {
    test::TempFolder folder;
    std::vector<Finding> run(const std::string& check) const {
        return EnvPlugin("system", {{"root", folder.path().string()}}).run(check);
    }
};

}  // namespace

TEST_CASE("this machine: every finding has a name and a value, every bad one a remedy") {
    const EnvPlugin plugin("system");
    EnvironmentView view;
    view.root = "/tmp";
    for (const std::string& check : plugin.checks->checks()) {
        INFO(check);
        const auto findings = plugin.run(check, view);
        CHECK_FALSE(findings.empty());
        for (const Finding& f : findings) {
            CHECK_FALSE(f.name.empty());
            CHECK_FALSE(f.found.empty());
            if (f.status >= AFS_CHECK_WARN) CHECK_FALSE(f.remedy.empty());
        }
    }
    CHECK_FALSE(plugin.checks->run(999, view).ok());
}

TEST_CASE("memory: the container's limit counts") {
    const Recorded machine;
    machine.folder.write("proc/meminfo", "MemTotal:   16777216 kB\nMemAvailable:  8388608 kB\n");
    CHECK(find(machine.run("memory"), "memory.size")->found == "16.0 GiB");
    const auto available = machine.run("memory");
    CHECK(find(available, "memory.available")->found == "8.0 GiB");
    CHECK(find(available, "memory.available")->momentary);
    machine.folder.write("sys/fs/cgroup/memory.max", "1073741824\n");
    machine.folder.write("sys/fs/cgroup/memory.current", "536870912\n");
    const auto limited = machine.run("memory");
    CHECK(find(limited, "memory.size")->status == AFS_CHECK_WARN);
    CHECK_THAT(find(limited, "memory.size")->found, Contains("this container may use 1.0 GiB"));
    CHECK_THAT(find(limited, "memory.available")->found, Contains("has used 0.5 GiB"));
    machine.folder.write("sys/fs/cgroup/memory.max", "max\n");
    CHECK(find(machine.run("memory"), "memory.size")->status == AFS_CHECK_OK);
}

TEST_CASE("an empty machine and torn files are no crash") {
    const Recorded machine;
    const EnvPlugin plugin("system", {{"root", machine.folder.path().string()}});
    for (const std::string& check : plugin.checks->checks()) CHECK_FALSE(plugin.run(check).empty());
    machine.folder.write("proc/meminfo", "MemTotal");
    machine.folder.write("sys/kernel/mm/transparent_hugepage/enabled", "]always[");
    machine.folder.write("sys/fs/cgroup/cpu.max", "nonsense");
    machine.folder.write("proc/cpuinfo", std::string(3 << 20, 'x'));
    for (const std::string& check : plugin.checks->checks()) CHECK_FALSE(plugin.run(check).empty());
}

TEST_CASE("huge pages: the chosen mode is the one in brackets") {
    const Recorded machine;
    const std::string file = "sys/kernel/mm/transparent_hugepage/enabled";
    machine.folder.write(file, "always [madvise] never\n");
    CHECK(find(machine.run("huge_pages"), "huge_pages.transparent")->found == "madvise");
    machine.folder.write(file, "always madvise [never]\n");
    const auto never = machine.run("huge_pages");
    CHECK(find(never, "huge_pages.transparent")->status == AFS_CHECK_WARN);
    CHECK_THAT(find(never, "huge_pages.transparent")->remedy, Contains("madvise"));
}

TEST_CASE("cores: siblings are one core, and a quota is told") {
    const Recorded machine;
    for (const char* cpu : {"cpu0", "cpu1", "cpu2", "cpu3"})
        machine.folder.write(
            std::string("sys/devices/system/cpu/") + cpu + "/topology/thread_siblings_list",
            std::string(cpu) < "cpu2" ? "0-1\n" : "2-3\n");
    machine.folder.write("sys/devices/system/cpu/cpufreq/x", "");
    machine.folder.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
    const auto found = machine.run("processor");
    CHECK_THAT(find(found, "processor.cores")->found,
               Contains("2 cores, 4 threads") && Contains("limited to 0.5 processors"));
}

TEST_CASE("memory nodes are counted with their processors") {
    const Recorded machine;
    CHECK(find(machine.run("numa"), "numa")->found == "one memory");
    machine.folder.write("sys/devices/system/node/node0/cpulist", "0-7\n");
    machine.folder.write("sys/devices/system/node/possible", "0-1\n");
    CHECK(find(machine.run("numa"), "numa")->found == "1 node");
    machine.folder.write("sys/devices/system/node/node1/cpulist", "8-15\n");
    CHECK_THAT(find(machine.run("numa"), "numa")->found,
               Contains("2 nodes") && Contains("node1: processors 8-15"));
}

TEST_CASE("a container leaves its marks") {
    const Recorded docker, pod, none;
    docker.folder.write(".dockerenv", "");
    pod.folder.write("proc/1/cgroup", "0::/kubepods/besteffort/pod1\n");
    CHECK(find(docker.run("container"), "system.container")->found == "Docker");
    CHECK(find(pod.run("container"), "system.container")->found == "kubepods");
    CHECK(find(none.run("container"), "system.container")->found == "none found");
}

TEST_CASE("folders that may not be written are told with the way out") {
    const test::TempFolder root;
    const EnvPlugin plugin("system");
    EnvironmentView view;
    view.root = root.path().string();
    auto found = plugin.run("disk", view);
    CHECK(find(found, "disk.weights.permission")->found == "writable, not made yet");
    root.write("weights", "a file");
    found = plugin.run("disk", view);
    CHECK(find(found, "disk.weights.permission")->status == AFS_CHECK_FAIL);
    CHECK(find(found, "disk.reports.permission")->status == AFS_CHECK_OK);
    CHECK(find(found, "disk.reports.free")->momentary);
    CHECK_FALSE(find(found, "disk.reports.space")->momentary);
    CHECK_FALSE(std::filesystem::exists(root.path() / "reports"));  // looked at, not made
}
