# build-info.json beside bin/: what this build used, for `afs-host doctor`. A folder adds its own
# with set_property(GLOBAL APPEND PROPERTY AFS_BUILD_USED "name=version").
execute_process(COMMAND ${CMAKE_MAKE_PROGRAM} --version
    OUTPUT_VARIABLE AFS_NINJA_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
get_property(used GLOBAL PROPERTY AFS_BUILD_USED)
set(lines)
foreach(entry
        "${CMAKE_CXX_COMPILER_ID} C++ compiler=${CMAKE_CXX_COMPILER_VERSION}"
        "CMake=${CMAKE_VERSION}" "${CMAKE_GENERATOR}=${AFS_NINJA_VERSION}"
        "build type=${CMAKE_BUILD_TYPE}" "sanitizers=${AFS_SANITIZE}"
        "Boost=${Boost_VERSION_STRING}" "nlohmann-json=${nlohmann_json_VERSION}"
        "spdlog=${spdlog_VERSION}" "PCRE2=${PCRE2_VERSION}" ${used})
    string(REGEX MATCH "^([^=]*)=(.*)$" _ "${entry}")
    if(CMAKE_MATCH_2)
        list(APPEND lines "  \"${CMAKE_MATCH_1}\": \"${CMAKE_MATCH_2}\"")
    endif()
endforeach()
list(JOIN lines ",\n" lines)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/build-info.json CONTENT "{\n${lines}\n}\n")
install(FILES ${PROJECT_BINARY_DIR}/build-info.json DESTINATION ${CMAKE_INSTALL_DATADIR}/afs)
