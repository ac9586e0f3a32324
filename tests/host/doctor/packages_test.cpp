// Files to packages, through dpkg's database.
#include <catch2/catch.hpp>

#include "doctor/packages.hpp"
#include "support/temp_folder.hpp"

TEST_CASE("a file's package and its version") {
    const afs::test::TempFolder dpkg;
    dpkg.write("status",
               "Package: libone1\nStatus: install ok installed\nVersion: 1.2-3\n\n"
               "Package: two\nVersion: 4:5.6\n");
    dpkg.write("info/libone1:amd64.list", "/.\n/usr/lib/x86_64-linux-gnu/libone.so.1.2\n");
    dpkg.write("info/two.list", "/lib/libtwo.so\n/usr/bin/two\n");
    dpkg.write("info/two.md5sums", "/usr/bin/two\n");
    dpkg.write("info/three.list", "/usr/lib/libthree.so\n");
    const auto found =
        afs::packages_of({"/usr/lib/x86_64-linux-gnu/libone.so.1.2", "/usr/lib/libtwo.so",
                          "/usr/lib/libthree.so", "/usr/lib/libnone.so", ""},
                         dpkg.path());
    CHECK(found == std::map<std::string, std::string>{
                       {"/usr/lib/x86_64-linux-gnu/libone.so.1.2", "libone1 1.2-3"},
                       {"/usr/lib/libtwo.so", "two 4:5.6"},
                       {"/usr/lib/libthree.so", "three"}});
    CHECK(afs::packages_of({"/usr/lib/libtwo.so"}, "/no/such/folder").empty());
}
