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
else()
    afs_compile_options($<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
        -fstack-protector-strong)
    target_link_options(afs_compile INTERFACE -Wl,-z,relro,-z,now)
endif()
