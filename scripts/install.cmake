# cmake --install: program, plugins, man page, systemd unit.
target_compile_definitions(proxenos PRIVATE PX_PLUGINS_DIR="${CMAKE_INSTALL_FULL_DATADIR}/proxenos/plugins")
install(TARGETS proxenos RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY plugins/ DESTINATION ${CMAKE_INSTALL_DATADIR}/proxenos/plugins
    PATTERN "tests" EXCLUDE PATTERN "node_modules" EXCLUDE PATTERN "web" EXCLUDE)
install(FILES docs/reference/proxenos.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES scripts/proxenos.service DESTINATION lib/systemd/system)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
