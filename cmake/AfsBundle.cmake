# Preset device: a build folder that runs on another Linux of the same processor family. What that
# machine may lack is linked statically or copied into lib/ beside bin/ and plugins/.
set(Boost_USE_STATIC_LIBS ON)
set(CMAKE_BUILD_RPATH "$ORIGIN/../lib")
add_link_options(-s)

foreach(name spdlog fmt pcre2-8 sentencepiece)
    find_library(AFS_BUNDLE_${name} NAMES ${name})
    if(NOT AFS_BUNDLE_${name})
        if(name STREQUAL "sentencepiece")  # its plugin is not built either
            continue()
        endif()
        message(FATAL_ERROR "cannot bundle lib${name}: not found")
    endif()
    get_filename_component(real ${AFS_BUNDLE_${name}} REALPATH)
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${real} OUTPUT_VARIABLE header)
    string(REGEX MATCH "SONAME +([^ \n]+)" _ "${header}")
    configure_file(${real} ${PROJECT_BINARY_DIR}/lib/${CMAKE_MATCH_1} COPYONLY)
endforeach()
