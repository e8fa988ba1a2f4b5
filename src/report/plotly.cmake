# Plotly for the report: the npm package named in assets/package.json, by version and checksum, unpacked into the build
# folder. Sets MESO_PLOTLY_JS. With MESO_DOWNLOADS on a folder that survives, a fresh build folder needs no network.
set(MESO_DOWNLOADS "${CMAKE_BINARY_DIR}/downloads" CACHE PATH "Where fetched packages are kept; point several builds to one folder to work offline")

set(package_json "${CMAKE_CURRENT_SOURCE_DIR}/assets/package.json")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${package_json}")
file(READ "${package_json}" description)
set(package plotly.js-cartesian-dist-min)
string(JSON version GET "${description}" dependencies ${package})
string(JSON checksum GET "${description}" mesoscope sha512)
string(JSON member GET "${description}" mesoscope file)
set(archive "${MESO_DOWNLOADS}/${package}-${version}.tgz")

set(seen "")
if(EXISTS "${archive}")
  file(SHA512 "${archive}" seen)
endif()
if(NOT seen STREQUAL checksum)
  set(by_hand "On a machine with a network: npm pack ${package}@${version}; put ${package}-${version}.tgz into ${MESO_DOWNLOADS} "
              "(or say -DMESO_DOWNLOADS=FOLDER) and configure again.")
  string(REPLACE ";" "" by_hand "${by_hand}")
  find_program(MESO_NPM npm)
  if(NOT MESO_NPM)
    message(FATAL_ERROR "The report page needs ${package} ${version}, and npm, which fetches it, was not found.\n"
                        "Install it (Debian: apt-get install npm). ${by_hand}")
  endif()
  message(STATUS "Fetching ${package} ${version} with npm")
  file(MAKE_DIRECTORY "${MESO_DOWNLOADS}")
  execute_process(COMMAND "${MESO_NPM}" pack --silent --pack-destination "${MESO_DOWNLOADS}" ${package}@${version}
                  WORKING_DIRECTORY "${MESO_DOWNLOADS}" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE why TIMEOUT 300)
  if(failed OR NOT EXISTS "${archive}")
    message(FATAL_ERROR "npm could not fetch ${package} ${version}: ${failed} ${why}\n${by_hand}")
  endif()
  file(SHA512 "${archive}" seen)
  if(NOT seen STREQUAL checksum)
    file(REMOVE "${archive}")
    message(FATAL_ERROR "${package} ${version} is not the file this version of Mesoscope was built with.\n"
                        "  SHA-512 expected ${checksum}\n  SHA-512 found    ${seen}\n"
                        "Do not use it; to move to another version change src/report/assets/package.json.")
  endif()
endif()

set(MESO_PLOTLY_JS "${CMAKE_CURRENT_BINARY_DIR}/plotly-${version}/${member}")
if(NOT EXISTS "${MESO_PLOTLY_JS}")
  file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${CMAKE_CURRENT_BINARY_DIR}/plotly-${version}" PATTERNS "${member}" "package/LICENSE")
endif()
