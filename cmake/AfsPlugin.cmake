# afs_add_plugin(NAME olmo2 KIND model SOURCES plugin.cpp ... [LIBS nlohmann_json::nlohmann_json])
# makes plugins/afs-<kind>-<name>.so in the build folder: hidden visibility, one exported symbol,
# afs::abi and the named private libraries only.
# Every plugin that a user gets; tests that run the program depend on it.
add_custom_target(afs_plugins)

function(afs_add_plugin)
    cmake_parse_arguments(P "" "NAME;KIND" "SOURCES;LIBS" ${ARGN})
    set(target afs-${P_KIND}-${P_NAME})
    add_library(${target} MODULE ${P_SOURCES})
    target_link_libraries(${target} PRIVATE afs::abi afs_compile ${P_LIBS})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    set_target_properties(${target} PROPERTIES
        PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins)
    set(exports ${PROJECT_SOURCE_DIR}/cmake/plugin.exports)
    target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
    if(NOT AFS_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
    if(NOT P_NAME MATCHES "^test-")
        add_dependencies(afs_plugins ${target})
        install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/afs/plugins)
    endif()
endfunction()
