# `make install`: the program, the libraries with their headers as the CMake package Mesoscope, and the Python module where it was built.
#
#   find_package(Mesoscope 0.1 REQUIRED)
#   target_link_libraries(mine PRIVATE Mesoscope::Mesoscope)       # everything; or Mesoscope::study, Mesoscope::kits_kinetics, ...
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/Mesoscope")
set(headers "${CMAKE_INSTALL_INCLUDEDIR}/mesoscope")
get_property(libraries GLOBAL PROPERTY MESO_LIBRARIES)
foreach(library IN LISTS libraries)
  string(REGEX REPLACE "^meso_" "" name "${library}")
  set_target_properties(${library} PROPERTIES EXPORT_NAME "${name}")
endforeach()

add_library(meso_everything INTERFACE)
target_link_libraries(meso_everything INTERFACE ${libraries})
set_target_properties(meso_everything PROPERTIES EXPORT_NAME Mesoscope)
target_include_directories(meso_options INTERFACE "$<INSTALL_INTERFACE:${headers}>")
install(TARGETS ${libraries} meso_options meso_everything EXPORT MesoscopeTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}/mesoscope")
install(EXPORT MesoscopeTargets NAMESPACE Mesoscope:: DESTINATION "${package}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/MesoscopeConfig.cmake.in" "${PROJECT_BINARY_DIR}/MesoscopeConfig.cmake" INSTALL_DESTINATION "${package}")
# Names may still change between minor versions.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/MesoscopeConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/MesoscopeConfig.cmake" "${PROJECT_BINARY_DIR}/MesoscopeConfigVersion.cmake" "${CMAKE_CURRENT_LIST_DIR}/Dependencies.cmake" DESTINATION "${package}")

set(no_tests PATTERN "*_fixture.h" EXCLUDE PATTERN "*test_support.h" EXCLUDE)
install(DIRECTORY src/ DESTINATION "${headers}" FILES_MATCHING PATTERN "*.h" ${no_tests} PATTERN "assets" EXCLUDE)
install(DIRECTORY systems DESTINATION "${headers}" FILES_MATCHING PATTERN "*.h" ${no_tests} PATTERN "studies" EXCLUDE PATTERN "reference" EXCLUDE)
install(DIRECTORY apps/common apps/models DESTINATION "${headers}/apps" FILES_MATCHING PATTERN "*.h" ${no_tests})
install(FILES "${PROJECT_BINARY_DIR}/src/base/base/version.h" DESTINATION "${headers}/base")

install(TARGETS meso RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(MESO_TORCH)
  install(TARGETS mesoscope_torch LIBRARY DESTINATION lib/mesoscope)  # where systems/plugin.cpp looks
endif()
install(FILES LICENSE NOTICE THIRD_PARTY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# What an installation needs built: not the tests.
add_custom_target(meso_installed)
add_dependencies(meso_installed meso ${libraries})
if(MESO_TORCH)
  add_dependencies(meso_installed mesoscope_torch)
endif()
if(TARGET mesoscope_python)
  # Debian's Python looks for packages in /usr/lib/python3 and /usr/local/lib/python3.11; elsewhere PYTHONPATH says where they are.
  set(MESO_PYTHON_DIR "lib/python${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}/dist-packages" CACHE STRING "Where the Python module is installed, under the prefix")
  install(TARGETS mesoscope_python LIBRARY DESTINATION "${MESO_PYTHON_DIR}/mesoscope")
  install(DIRECTORY python/mesoscope DESTINATION "${MESO_PYTHON_DIR}" FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
  add_dependencies(meso_installed mesoscope_package)
endif()
