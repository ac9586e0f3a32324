// The contract has one layout: what C sees, C++ sees, and the first 8 bytes are as they are for
// ever.
#include "layout.h"

#include <catch2/catch.hpp>

#include "afs/abi/all.h"

#define SIZE(type)                                                                                 \
    { #type, sizeof(type) }
#define AT(type, member)                                                                           \
    { #type "." #member, offsetof(type, member) }

static const layout_fact kFacts[] = {
#include "layout_facts.inc"
};

TEST_CASE("C and C++ agree on every size and offset") {
    REQUIRE(n_layout_facts_c == sizeof kFacts / sizeof kFacts[0]);
    for (size_t i = 0; i < n_layout_facts_c; ++i) {
        INFO(kFacts[i].name);
        CHECK(std::string(kFacts[i].name) == layout_facts_c[i].name);
        CHECK(kFacts[i].bytes == layout_facts_c[i].bytes);
    }
}

TEST_CASE("the descriptor's first 8 bytes are fixed for ever") {
    STATIC_REQUIRE(offsetof(afs_plugin, struct_size) == 0);
    STATIC_REQUIRE(sizeof(afs_plugin::struct_size) == 4);
    STATIC_REQUIRE(offsetof(afs_plugin, abi_major) == 4);
    STATIC_REQUIRE(sizeof(afs_plugin::abi_major) == 2);
    STATIC_REQUIRE(offsetof(afs_plugin, abi_minor) == 6);
    STATIC_REQUIRE(sizeof(afs_plugin::abi_minor) == 2);
    STATIC_REQUIRE(offsetof(afs_plugin, kind) == 8);
}

TEST_CASE("GROWABLE structs begin with their size") {
    STATIC_REQUIRE(offsetof(afs_error, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_host, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_open_args, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_value, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_node, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_weight, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_kv_group, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_graph, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_step, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_kv_layout, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_model, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_model_info, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_model_source, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_chat, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_chat_template, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_message, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_conversation, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_query, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_verdict, struct_size) == 0);
    STATIC_REQUIRE(offsetof(afs_run, struct_size) == 0);
}

TEST_CASE("FIXED structs keep the sizes that arrays of them rely on") {
    STATIC_REQUIRE(sizeof(afs_tensor) == 88);
    STATIC_REQUIRE(sizeof(afs_row) == 40);
    STATIC_REQUIRE(sizeof(afs_kv) == 24);
    STATIC_REQUIRE(sizeof(afs_text) == 16);
    STATIC_REQUIRE(sizeof(afs_chat_part) == 24);
}
