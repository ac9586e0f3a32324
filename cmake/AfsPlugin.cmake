# afs_add_plugin(NAME olmo2 KIND model SOURCES plugin.cpp ... [LIBS nlohmann_json::nlohmann_json])
# makes afs-<kind>-<name>.so: hidden visibility, one exported symbol, afs::abi and the named private
# libraries only. In this tree it goes to plugins/ in the build folder; in a project that found the
# installed package, to that project's own build folder. SELF_TEST: to plugins/self-test, where no
# scan finds it.
if(TARGET afs_compile)
    # Every plugin that a user gets; tests that run the program depend on it.
    add_custom_target(afs_plugins)
endif()

function(afs_add_plugin)
    cmake_parse_arguments(P "SELF_TEST" "NAME;KIND" "SOURCES;LIBS" ${ARGN})
    set(target afs-${P_KIND}-${P_NAME})
    set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.exports)
    add_library(${target} MODULE ${P_SOURCES})
    target_link_libraries(${target} PRIVATE afs::abi ${P_LIBS})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    set_target_properties(${target} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden)
    target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
    if(NOT AFS_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    if(NOT TARGET afs_compile)
        set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
        return()
    endif()
    target_link_libraries(${target} PRIVATE afs_compile)
    afs_unity(${target})
    set(folder)
    if(P_SELF_TEST)
        set(folder /self-test)
    endif()
    set_target_properties(${target} PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins${folder})
    if(NOT P_NAME MATCHES "^test-")
        add_dependencies(afs_plugins ${target})
        set_property(GLOBAL APPEND PROPERTY AFS_PLUGINS ${target})
        install(TARGETS ${target}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/afs/plugins${folder})
    endif()
endfunction()
