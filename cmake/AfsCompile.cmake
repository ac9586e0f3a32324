# Language level, warnings and sanitizers: target afs_compile, linked PRIVATE by every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(AFS_CCACHE ccache)
if(AFS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${AFS_CCACHE})
endif()

add_library(afs_compile INTERFACE)
# Of C and C++ alone: a plugin's other compilers have flags of their own.
function(afs_compile_options)
    target_compile_options(afs_compile INTERFACE "$<$<COMPILE_LANGUAGE:C,CXX>:${ARGN}>")
endfunction()
afs_compile_options(-Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${AFS_WERROR}>:-Werror>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # g++ 12 warns about "text" + std::string wrongly
if(AFS_SANITIZE)
    afs_compile_options(-fsanitize=${AFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(afs_compile INTERFACE -fsanitize=${AFS_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND AFS_SANITIZE MATCHES "address")
        # As g++ does, for tests: no clang before 22 says it.
        target_compile_definitions(afs_compile INTERFACE __SANITIZE_ADDRESS__=1)
        # Functions of a driver that is found at run time are called by types of our own.
        afs_compile_options(-fno-sanitize=function)
    endif()
else()
    afs_compile_options($<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
        -fstack-protector-strong)
    target_link_options(afs_compile INTERFACE -Wl,-z,relro,-z,now)
endif()

# With CMAKE_UNITY_BUILD (presets release and asan) a folder is compiled as one file: library headers
# are most of the work, and are read once a folder. Names in its unnamed namespaces are therefore
# unique in a folder, as presets without it do not notice. An entry, plugin.cpp, stands alone.
function(afs_unity target)
    set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
    get_target_property(sources ${target} SOURCES)
    get_target_property(base ${target} SOURCE_DIR)
    foreach(source ${sources})
        get_filename_component(path ${source} ABSOLUTE BASE_DIR ${base})
        get_filename_component(folder ${path} DIRECTORY)
        if(NOT path MATCHES "/plugin\\.cpp$")
            file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${folder})
            string(MAKE_C_IDENTIFIER "${folder}" group)
            set_source_files_properties(${path} TARGET_DIRECTORY ${target}
                PROPERTIES UNITY_GROUP ${group})
        endif()
    endforeach()
endfunction()
