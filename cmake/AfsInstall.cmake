# cmake --install and cpack: what a plugin's author needs without this tree. The program, its
# plugins, the contract's headers, configurations, the bundled models, and find_package(afs).
include(CMakePackageConfigHelpers)
set(afs_cmake ${CMAKE_INSTALL_LIBDIR}/cmake/afs)
set(afs_share ${CMAKE_INSTALL_DATADIR}/afs)

install(TARGETS afs_abi EXPORT afsTargets)
install(EXPORT afsTargets NAMESPACE afs:: DESTINATION ${afs_cmake})
# A plugin sees the contract and its veneer; the folders are the host's own.
install(DIRECTORY core/include/afs DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN *.h PATTERN *.hpp
    PATTERN bound EXCLUDE PATTERN config EXCLUDE PATTERN graph EXCLUDE PATTERN jinja EXCLUDE
    PATTERN weights EXCLUDE PATTERN json.hpp EXCLUDE PATTERN check.hpp EXCLUDE
    PATTERN version.hpp EXCLUDE PATTERN parallel.hpp EXCLUDE)
install(DIRECTORY configs DESTINATION ${afs_share} FILES_MATCHING PATTERN *.json)
install(DIRECTORY weights/olmo2-tiny weights/llama3-tiny DESTINATION ${afs_share}/weights)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN *.md)

configure_package_config_file(cmake/afsConfig.cmake.in ${PROJECT_BINARY_DIR}/afsConfig.cmake
    INSTALL_DESTINATION ${afs_cmake} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/afsConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/afsConfig.cmake ${PROJECT_BINARY_DIR}/afsConfigVersion.cmake
    cmake/AfsPlugin.cmake cmake/plugin.exports DESTINATION ${afs_cmake})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME afs)
set(CPACK_PACKAGE_VENDOR "Attention-From-Scratch")
set(CPACK_PACKAGE_CONTACT "Attention-From-Scratch maintainers <maintainers@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "g++, cmake")
include(CPack)
