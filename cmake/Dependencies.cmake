# Third-party libraries. packages/core.txt and packages/test.txt are the Debian packages that provide them.
find_package(fmt REQUIRED)
find_package(Boost REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
find_package(SUNDIALS REQUIRED COMPONENTS cvode)
pkg_check_modules(FFTW3 REQUIRED IMPORTED_TARGET fftw3)
pkg_check_modules(HIGHWAY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(LIBSBML REQUIRED IMPORTED_TARGET libsbml)

# Serial HDF5, by its own pkg-config file: an MPI build on the same machine must not be picked up.
set(HDF5_PREFER_PARALLEL OFF)
pkg_check_modules(HDF5_SERIAL REQUIRED IMPORTED_TARGET hdf5-serial)

if(MESO_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(MESO_BENCH)
  find_package(benchmark REQUIRED)
endif()
