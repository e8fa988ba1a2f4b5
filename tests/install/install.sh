#!/usr/bin/env bash
# Installs the build, and uses what was installed as others do: a CMake project that finds the package, the program, the Python module.
#
#   install.sh SOURCE BUILD VERSION PYTHON-or-""
set -euo pipefail
source_tree="$1" build="$2" version="$3" python="$4"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prefix="$work/prefix with a blank"

cmake --install "$build" --prefix "$prefix" > "$work/install.log" || { cat "$work/install.log"; exit 1; }

# Nothing of the source or build tree is named in what CMake reads.
if grep -rlF -e "$source_tree" -e "$build" "$prefix/lib" --include='*.cmake'; then
  echo "the files above name the tree they were built in" >&2
  exit 1
fi

cmake -S "$source_tree/tests/install/consumer" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release > "$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
ninja -C "$work/consumer" > "$work/consumer.log" || { cat "$work/consumer.log"; exit 1; }
said="$("$work/consumer/consumer")"
echo "$said"
[[ "$said" == *agrees* && "$said" == *"mesoscope $version" ]]

# Another minor version is refused by name.
sed 's/Mesoscope 0.1/Mesoscope 9.9/' "$source_tree/tests/install/consumer/CMakeLists.txt" > "$work/CMakeLists.txt"
mkdir "$work/other" && mv "$work/CMakeLists.txt" "$work/other/" && cp "$source_tree/tests/install/consumer/main.cpp" "$work/other/"
if cmake -S "$work/other" -B "$work/other/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" > "$work/other.log" 2>&1; then
  echo "version 9.9 was found" >&2
  exit 1
fi
grep -q "$version" "$work/other.log"

[[ "$("$prefix/bin/meso" --version)" == "mesoscope $version" ]]
(cd "$work" && "$prefix/bin/meso" run dimer --level rate-equation --times 0:1:2 | grep -q X.mean)
plugin="$prefix/lib/mesoscope/libmesoscope_torch.so"
plugged="$("$prefix/bin/meso" list | sed -n '/(needs torch)/{s/ .*//p;q}')"
if [[ -e "$plugin" && -n "$plugged" ]]; then
  (cd "$work" && "$prefix/bin/meso" info "$plugged" | grep -q '^Levels')
fi
if [[ -n "$python" ]]; then
  module="$(cd "$prefix" && find . -path '*/dist-packages/mesoscope/__init__.py' | head -n 1)"
  (cd "$work" && PYTHONPATH="$prefix/${module%/mesoscope/__init__.py}" "$python" -c "
import mesoscope as meso
assert meso.__version__ == '$version' and meso.__file__.startswith('$prefix'), meso.__file__
print(meso.system('dimer')().compare('fsp', 'lna', times='0:1:3', relative=0.2))")
  if [[ -e "$plugin" && -n "$plugged" ]]; then
    (cd "$work" && PYTHONPATH="$prefix/${module%/mesoscope/__init__.py}" "$python" -c "
import mesoscope as meso
assert meso.system('$plugged').needs == 'torch'")
  fi
fi
