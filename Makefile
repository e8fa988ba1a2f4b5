# The commands of Mesoscope. `make demo` and `make test` are all that a fresh Debian 12 needs (besides make itself).
#
#   make            build the program (build/apps/meso/meso)
#   make demo       install what is missing, build, and run "closures of the Schlögl model"
#   make torch      the plugin of systems with learned levels (build/systems/libmesoscope_torch.so); `make demo-torch` runs one of their studies
#   make test       install what is missing, build everything, run the tests (labels unit, truth, law, cli, mpi, python)
#   make truth      the slow checks too; writes systems/<family>/<name>/reference/measured.json
#   make sanitize   the fast tests under the address, undefined-behaviour and thread sanitizers
#   make fuzz       fuzz targets under libFuzzer of clang: FUZZ_SECONDS each (60), or RUNS inputs; TARGETS="formula sbml"
#   make bench      benchmarks: reactions per second and the like; the same figures as JSON in build/bench/<name>_bench.json
#   make picture    docs/verdict-map.svg, the picture of the README
#   make python     the Python module (build/python; PYTHONPATH=build/python), for Debian's /usr/bin/python3
#   make install    program, libraries and headers (CMake package Mesoscope) and, if it was built, the Python module, into PREFIX (/usr/local)
#   make clean      remove the build folder and the demos' results
#
# Set JOBS, BUILD or BUILD_TYPE on the command line to change them: make test JOBS=8
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
JOBS ?= $(shell nproc)
BUILD ?= build
BUILD_TYPE ?= Release
PREFIX ?= /usr/local
MESO := $(BUILD)/apps/meso/meso
STUDIES := systems/reactions/schlogl/studies
LEARNED := systems/generative/score-fokker-planck/studies/learned.toml

.PHONY: all demo demo-torch torch picture python install test truth sanitize fuzz bench clean core-packages torch-packages python-packages test-packages
.DEFAULT_GOAL := all

core-packages:
	@packages/install.sh packages/core.txt

torch-packages:
	@packages/install.sh packages/core.txt packages/torch.txt

python-packages:
	@packages/install.sh packages/core.txt packages/python.txt

test-packages:
	@packages/install.sh packages/core.txt packages/mpi.txt packages/torch.txt packages/python.txt packages/test.txt

# The tests stay configured once they are; a first `make demo` does without GoogleTest.
define configure
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(BUILD_TYPE) $(1) > $(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@mv $(BUILD)-configure.log $(BUILD)/configure.log
endef
define compile
	@NINJA_STATUS='[%f/%t, %es] ' nice -n 5 ninja -C $(BUILD) -j $(JOBS) $(1)
endef

all: core-packages
	$(call configure,$(if $(wildcard $(BUILD)/CMakeCache.txt),,-DMESO_TESTS=OFF))
	$(call compile,meso)

demo: all
	@$(MESO) sweep $(STUDIES)/closures.toml -o out/schlogl-closures
	@$(MESO) sweep $(STUDIES)/ssa-against-fsp.toml -o out/schlogl-ssa-against-fsp
	@echo
	@echo "Open in a browser:"
	@echo "  $(CURDIR)/out/schlogl-closures/report/index.html"
	@echo "  $(CURDIR)/out/schlogl-ssa-against-fsp/report/index.html"

torch: torch-packages
	$(call configure,$(if $(wildcard $(BUILD)/CMakeCache.txt),,-DMESO_TESTS=OFF) -DMESO_TORCH=ON)
	$(call compile,meso mesoscope_torch)

demo-torch: torch
	@$(MESO) sweep $(LEARNED) -o out/learned
	@echo
	@echo "Open in a browser:"
	@echo "  $(CURDIR)/out/learned/report/index.html"

# The picture of the README, from the demo's first study.
picture: all
	@$(MESO) sweep $(STUDIES)/closures.toml -o out/schlogl-closures > /dev/null
	@$(MESO) report out/schlogl-closures --verdict-map docs/verdict-map.svg

python: python-packages
	$(call configure,$(if $(wildcard $(BUILD)/CMakeCache.txt),,-DMESO_TESTS=OFF) -DMESO_PYTHON=ON)
	$(call compile,mesoscope_package)
	@echo "Use it with  export PYTHONPATH=$(abspath $(BUILD))/python"

install: all
	$(call compile,meso_installed)
	@cmake --install $(BUILD) --prefix '$(PREFIX)' > $(BUILD)/install.log
	@echo "Installed into $(PREFIX) (the files are listed in $(BUILD)/install_manifest.txt)"

test: test-packages
	$(call configure,-DMESO_TESTS=ON -DMESO_TORCH=ON)
	$(call compile,all)
	@ctest --test-dir $(BUILD) -L '^(unit|truth|law|cli|mpi|python)$$' -j $(JOBS) --output-on-failure --no-tests=error

# The kernels of OpenBLAS that the program asks for (systems/plugin.cpp): slow tests link it themselves.
truth: test-packages
	$(call configure,-DMESO_TESTS=ON -DMESO_TORCH=ON)
	$(call compile,all)
	@rm -rf $(BUILD)/measured && mkdir -p $(BUILD)/measured
	@status=0; \
	 if [[ -z "$${OPENBLAS_CORETYPE:-}" ]] && grep -qm 1 avx2 /proc/cpuinfo; then export OPENBLAS_CORETYPE=Haswell; fi; \
	 MESO_MEASURED='$(abspath $(BUILD))/measured' ctest --test-dir $(BUILD) -L '^(unit|truth|slow)$$' -j $(JOBS) --output-on-failure --no-tests=error || status=$$?; \
	 $(BUILD)/testing/collect_measured $(BUILD)/measured . "$$(git describe --always --dirty 2> /dev/null || echo unknown)"; \
	 exit $$status

# Address space randomisation is off: the thread sanitizer needs its shadow memory where it expects it.
sanitize: test-packages
	@for kind in address,undefined thread; do \
	   folder=$(BUILD)-$${kind%%,*}; \
	   cmake -S . -B $$folder -G Ninja -DCMAKE_BUILD_TYPE=Sanitize -DCMAKE_CXX_FLAGS_SANITIZE=-O1 -DMESO_TESTS=ON -DMESO_SANITIZE=$$kind > /dev/null; \
	   NINJA_STATUS="[$$kind %f/%t, %es] " setarch -R nice -n 5 ninja -C $$folder -j $(JOBS) meso_fast_tests; \
	   echo "== $$kind"; \
	   TSAN_OPTIONS=halt_on_error=1 setarch -R ctest --test-dir $$folder -L '^(unit|law)$$' -j $(JOBS) --output-on-failure --no-tests=error --timeout 1800; \
	 done

# New inputs that reach new code are kept in out/fuzz/<target>, findings too: they go into fuzz/corpus/<target> with their mending.
FUZZ_SECONDS ?= 60
FUZZ_LENGTH ?= 1024
TARGETS ?= formula reaction rules study bionetgen sbml
fuzz:
	@packages/install.sh packages/core.txt packages/fuzz.txt
	@cmake -S . -B $(BUILD)-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DMESO_TESTS=OFF -DMESO_MPI=OFF -DMESO_FUZZ=ON -DMESO_SANITIZE=fuzzer-no-link,address,undefined > /dev/null
	@NINJA_STATUS='[fuzz %f/%t, %es] ' nice -n 5 ninja -C $(BUILD)-fuzz -j $(JOBS) $(addprefix fuzz_,$(TARGETS))
	@for target in $(TARGETS); do \
	   echo "== $$target"; mkdir -p out/fuzz/$$target; \
	   ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=16:suppressions=$(CURDIR)/fuzz/asan.supp LSAN_OPTIONS=suppressions=$(CURDIR)/fuzz/lsan.supp:print_suppressions=0 \
	   nice $(BUILD)-fuzz/fuzz/fuzz_$$target $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(FUZZ_SECONDS)) -entropic=0 -max_len=$(FUZZ_LENGTH) -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
	     -artifact_prefix=out/fuzz/$$target- out/fuzz/$$target fuzz/corpus/$$target > out/fuzz/$$target.log 2>&1 || { tail -n 60 out/fuzz/$$target.log; exit 1; }; \
	   grep -a -E 'stat::(number_of_executed_units|average_exec_per_sec)|cov: [0-9]+' out/fuzz/$$target.log | tail -n 3; \
	 done

bench: test-packages
	$(call configure,-DMESO_BENCH=ON)
	$(call compile,meso_benchmarks)
	@for program in $(BUILD)/bench/*_bench; do echo "== $$(basename $$program)"; $$program --benchmark_counters_tabular=true --benchmark_out=$(BUILD)/bench/$$(basename $$program).json --benchmark_out_format=json; done

clean:
	@rm -rf $(BUILD) out/schlogl-closures out/schlogl-ssa-against-fsp out/learned
