# Third-party libraries that ours link (an installation reads this file too). packages/core.txt and packages/test.txt are the Debian packages that provide them.
find_package(fmt REQUIRED)
find_package(Boost REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
find_package(SUNDIALS REQUIRED COMPONENTS cvode)
pkg_check_modules(FFTW3 REQUIRED IMPORTED_TARGET fftw3)
pkg_check_modules(HIGHWAY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(LIBSBML REQUIRED IMPORTED_TARGET libsbml)

# Serial HDF5, by its own pkg-config file: an MPI build on the same machine must not be picked up.
set(HDF5_PREFER_PARALLEL OFF)
pkg_check_modules(HDF5_SERIAL REQUIRED IMPORTED_TARGET hdf5-serial)

# Ranks: with MPI where it is found, unless it is asked for (then it must be there) or forbidden.
set(MESO_MPI AUTO CACHE STRING "Runs over several processes by MPI: AUTO (if found), ON, OFF")
set_property(CACHE MESO_MPI PROPERTY STRINGS AUTO ON OFF)
set(MESO_WITH_MPI OFF)
if(MESO_MPI STREQUAL AUTO)
  find_package(MPI QUIET COMPONENTS C)
  set(MESO_WITH_MPI ${MPI_C_FOUND})
elseif(MESO_MPI)
  find_package(MPI REQUIRED COMPONENTS C)
  set(MESO_WITH_MPI ON)
endif()

# libtorch for the plugin (packages/torch.txt), as a system library: its headers warn. What its package says of itself asks for C++14 and names include
# folders of its own, so that we take the libraries and folders and leave the rest. An installation's libraries do without it.
if(MESO_TORCH)
  find_package(Torch REQUIRED)
  add_library(meso_libtorch INTERFACE)
  target_link_libraries(meso_libtorch INTERFACE "$<TARGET_FILE:torch>" "$<TARGET_FILE:torch_cpu>" "$<TARGET_FILE:c10>")
  target_include_directories(meso_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_compile_options(meso_libtorch INTERFACE ${TORCH_CXX_FLAGS})
endif()
if(MESO_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(MESO_BENCH)
  find_package(benchmark REQUIRED)
endif()
