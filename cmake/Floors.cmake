# The floors of the building and the only edges that may exist between them.
#
#   meso_add_floor(stat SOURCES ... USES base num rng [LIBS fmt::fmt] [TESTS ...] [TRUTH ...] [SLOW ...])
#   meso_add_kit(kinetics SOURCES ... USES ...)          a floor under src/kits
#   meso_add_system(schlogl SOURCES ... USES kinetics TESTS ... STUDIES ...)
#
# TESTS run in every `make test` (label `unit`); TRUTH are statistical and convergence tests that also do (label
# `truth`); SLOW are run by `make truth` only (label `slow`). USES names lower floors; anything else stops the
# configuration. The same table is checked against the #include lines by tests/floors_test.

set(MESO_FLOOR_base 0)
set(MESO_FLOOR_num 1)
set(MESO_FLOOR_rng 1)
set(MESO_FLOOR_stat 2)
set(MESO_FLOOR_model 3)
set(MESO_FLOOR_kits 4)
set(MESO_FLOOR_exec 4)
set(MESO_FLOOR_io 4)
set(MESO_FLOOR_study 5)
set(MESO_FLOOR_report 6)
set(MESO_FLOOR_systems 6)
set(MESO_FLOOR_apps 7)
set(MESO_FLOOR_python 8)

# What each floor may name in USES (transitively closed by CMake's PUBLIC links).
set(MESO_EDGES_base "")
set(MESO_EDGES_num base)
set(MESO_EDGES_rng base)
set(MESO_EDGES_stat base num rng)
set(MESO_EDGES_model base num rng stat)
set(MESO_EDGES_kits base num rng stat model kits)
set(MESO_EDGES_exec base num rng stat model)
set(MESO_EDGES_io base num rng stat model)
set(MESO_EDGES_study base num rng stat model exec io)
set(MESO_EDGES_report base num stat model io study)
set(MESO_EDGES_systems base num rng stat model kits)
set(MESO_EDGES_apps base num rng stat model kits exec io study report systems)
set(MESO_EDGES_python base num rng stat model kits exec io study report systems apps)

add_library(meso_options INTERFACE)
target_include_directories(meso_options INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>" "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>")
# Bits: no fused multiply-add behind our back, no fast math (docs/architecture.md, "Reproducibility").
target_compile_features(meso_options INTERFACE cxx_std_20)
target_compile_options(meso_options INTERFACE -ffp-contract=off "$<BUILD_INTERFACE:-Wall;-Wextra;-Wno-maybe-uninitialized;-Wno-missing-field-initializers>")
find_package(Threads REQUIRED)
target_link_libraries(meso_options INTERFACE Threads::Threads)
if(MESO_SANITIZE)
  target_compile_options(meso_options INTERFACE -fsanitize=${MESO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(meso_options INTERFACE -fsanitize=${MESO_SANITIZE})
endif()

# Which row of the table a target belongs to: kits/kinetics and meso_kit_kinetics are both `kits`.
function(_meso_row name out)
  string(REGEX REPLACE "^kits/.*" "kits" row "${name}")
  if(NOT DEFINED MESO_FLOOR_${row})
    message(FATAL_ERROR "unknown floor '${name}' (see cmake/Floors.cmake)")
  endif()
  set(${out} ${row} PARENT_SCOPE)
endfunction()

function(_meso_check_edge from to)
  _meso_row(${from} from_row)
  _meso_row(${to} to_row)
  if(from STREQUAL to OR NOT to_row IN_LIST MESO_EDGES_${from_row})
    message(FATAL_ERROR "'${from}' (floor ${MESO_FLOOR_${from_row}}) may not use '${to}' (floor ${MESO_FLOOR_${to_row}}): "
                        "floors only look down. Allowed: ${MESO_EDGES_${from_row}}")
  endif()
endfunction()

function(_meso_target_name name out)
  string(REPLACE "/" "_" id "meso_${name}")
  string(REPLACE "-" "_" id "${id}")
  set(${out} ${id} PARENT_SCOPE)
endfunction()

# The libraries go into programs and into the Python module alike. Position independent code of hidden symbols is what a program's own code is: calls
# bind directly and inlining is free; thread-local storage needs its model named, or every access were a call.
function(_meso_position_independent target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE -ftls-model=initial-exec)
endfunction()

# What `make sanitize` builds: the programs of the labels unit and law.
add_custom_target(meso_fast_tests)

# Tests beside the code they test; one program per floor, kit or system and label.
function(meso_add_tests target label)
  cmake_parse_arguments(T "" "" "SOURCES;USES" ${ARGN})
  if(NOT MESO_TESTS OR NOT T_SOURCES)
    return()
  endif()
  set(program ${target}_${label}_tests)
  add_executable(${program} ${T_SOURCES})
  target_compile_options(${program} PRIVATE -Wno-dangling-else)  # GoogleTest macros after a bare if
  target_link_libraries(${program} PRIVATE ${target} ${T_USES} meso_testing GTest::gtest_main)
  target_compile_definitions(${program} PRIVATE MESO_SOURCE_DIR="${PROJECT_SOURCE_DIR}" MESO_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  if(label MATCHES "^(unit|law)$")
    add_dependencies(meso_fast_tests ${program})
  endif()
  set(timeout 900)
  if(label STREQUAL slow)
    set(timeout 3600)  # on a busy machine the longest take more than a quarter of an hour
  endif()
  gtest_discover_tests(${program} PROPERTIES LABELS ${label} TIMEOUT ${timeout} DISCOVERY_TIMEOUT 60)
endfunction()

function(_meso_library name)
  cmake_parse_arguments(F "PLUGIN" "ROW" "SOURCES;USES;LIBS;PRIVATE_LIBS;TESTS;TRUTH;SLOW;TEST_USES" ${ARGN})
  _meso_target_name(${name} target)
  set(linked)
  foreach(used IN LISTS F_USES)
    set(found ${used})
    if(NOT DEFINED MESO_FLOOR_${used})
      set(found kits/${used})
    endif()
    if(F_ROW)
      _meso_check_edge(${F_ROW} ${found})
    else()
      _meso_check_edge(${name} ${found})
    endif()
    _meso_target_name(${found} used_target)
    list(APPEND linked ${used_target})
  endforeach()
  if(F_SOURCES)
    add_library(${target} STATIC ${F_SOURCES})
    _meso_position_independent(${target})
    target_link_libraries(${target} PUBLIC meso_options ${linked} ${F_LIBS} PRIVATE ${F_PRIVATE_LIBS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE meso_options ${linked} ${F_LIBS})
  endif()
  if(NOT F_PLUGIN)  # what only a plugin links is not installed by itself
    set_property(GLOBAL APPEND PROPERTY MESO_LIBRARIES ${target})
  endif()
  # Tests may use the engine: a truth about a level is a truth about what the engine gives.
  set(test_targets)
  foreach(used IN LISTS F_TEST_USES)
    if(NOT DEFINED MESO_FLOOR_${used})
      set(used kits/${used})
    endif()
    _meso_target_name(${used} used_target)
    list(APPEND test_targets ${used_target})
  endforeach()
  meso_add_tests(${target} unit SOURCES ${F_TESTS} USES ${test_targets})
  meso_add_tests(${target} truth SOURCES ${F_TRUTH} USES ${test_targets})
  meso_add_tests(${target} slow SOURCES ${F_SLOW} USES ${test_targets})
endfunction()

function(meso_add_floor name)
  _meso_library(${name} ${ARGN})
endfunction()

function(meso_add_kit name)
  _meso_library(kits/${name} ${ARGN})
endfunction()

# One system, one folder: the whole cost of one more system outside its own code is this call in that folder.
#
# NEEDS torch puts it into the plugin of that name. The program says TITLE and PAPER (slug;title;date) of it without loading the plugin; a test
# holds them against what the system says itself. Where the plugin is not built the card is all there is of it.
function(meso_add_system name)
  set(plugin)
  cmake_parse_arguments(S "" "NEEDS;TITLE" "SOURCES;USES;TESTS;TRUTH;SLOW;STUDIES;LIBS;PAPER" ${ARGN})
  if(S_NEEDS)
    if(NOT S_NEEDS STREQUAL "torch")
      message(FATAL_ERROR "meso_add_system(${name}): there is no plugin '${S_NEEDS}'; known: torch")
    endif()
    get_filename_component(family "${CMAKE_CURRENT_SOURCE_DIR}" DIRECTORY)
    get_filename_component(family "${family}" NAME)
    list(TRANSFORM S_PAPER REPLACE "(.+)" "\"\\1\"")
    list(JOIN S_PAPER ", " paper)
    set_property(GLOBAL APPEND PROPERTY MESO_CARDS "{\"${name}\", \"${S_TITLE}\", \"${family}\", \"${S_NEEDS}\", {${paper}}}")
    if(NOT MESO_TORCH)
      return()
    endif()
    set_property(GLOBAL APPEND PROPERTY MESO_TORCH_SYSTEMS ${name})
    set(plugin PLUGIN)
  else()
    set_property(GLOBAL APPEND PROPERTY MESO_SYSTEMS ${name})
  endif()
  _meso_library(system-${name} ${plugin} ROW systems SOURCES ${S_SOURCES} USES model ${S_USES} LIBS ${S_LIBS}
                TESTS ${S_TESTS} TRUTH ${S_TRUTH} SLOW ${S_SLOW} TEST_USES exec study)
  foreach(study IN LISTS S_STUDIES)
    set_property(GLOBAL APPEND PROPERTY MESO_STUDIES "${CMAKE_CURRENT_SOURCE_DIR}/${study}")
  endforeach()
endfunction()
