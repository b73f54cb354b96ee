# What the .deb consists of, and how CPack makes it. script/package writes the documents before it runs CPack.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(PULSE_DOCUMENTS ${CMAKE_BINARY_DIR}/packaging/documents)

install(TARGETS pulse RUNTIME DESTINATION bin)
install(FILES ${PULSE_DOCUMENTS}/pulse.1.gz DESTINATION share/man/man1)
install(FILES ${PULSE_DOCUMENTS}/pulse.bash DESTINATION share/bash-completion/completions RENAME pulse)
install(FILES ${PULSE_DOCUMENTS}/_pulse DESTINATION share/zsh/vendor-completions)
install(FILES ${PULSE_DOCUMENTS}/changelog.gz DESTINATION share/doc/pulse)
install(FILES ${PULSE_DOCUMENTS}/sbom.cdx.json DESTINATION share/doc/pulse)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/copyright DESTINATION share/doc/pulse)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/lintian-overrides DESTINATION share/lintian/overrides RENAME pulse)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/debian/sysusers.conf DESTINATION lib/sysusers.d RENAME pulse.conf)
install(FILES systemd/pulse.service systemd/pulse.socket systemd/pulse-admin.socket DESTINATION /lib/systemd/system)
install(FILES etc/pulse.toml DESTINATION /etc/pulse)
# It will hold passwords.
install(FILES etc/environment DESTINATION /etc/pulse PERMISSIONS OWNER_READ OWNER_WRITE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pulse)
set(CPACK_PACKAGE_VENDOR "The Pulse project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "PostgreSQL change streams for applications")
set(CPACK_PACKAGE_DESCRIPTION
    "Pulse reads the write-ahead log of PostgreSQL by logical replication, stores\nevery insert, update and delete durably, and delivers each at least once and\nin commit order through named, resumable cursors.")
set(CPACK_PACKAGE_CONTACT "${PULSE_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
# CPack strips, and keeps what it strips, when it makes the package with debug information.
set(CPACK_STRIP_FILES OFF)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${PULSE_DEBIAN_ARCHITECTURE})
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
      ${CMAKE_SYSROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE} ${CMAKE_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  set(CPACK_OBJCOPY_EXECUTABLE ${CMAKE_OBJCOPY})
  set(CPACK_READELF_EXECUTABLE ${CMAKE_READELF})
endif()
# The library packages are found by dpkg-shlibdeps; what makes the user is not linked to.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_LIST_DIR}/debian/conffiles ${CMAKE_CURRENT_LIST_DIR}/debian/postinst
    ${CMAKE_CURRENT_LIST_DIR}/debian/prerm ${CMAKE_CURRENT_LIST_DIR}/debian/postrm)
include(CPack)
