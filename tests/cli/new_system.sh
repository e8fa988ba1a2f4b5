#!/usr/bin/env bash
# Adds a system by one folder in a copy of the source tree, builds the program there, and shows that it knows the system,
# that a study of it gets its verdict, and that no other file changed.
#
#   new_system.sh SOURCE_TREE BUILD_TREE
#
# Cheap where ccache is there: the tree's paths are not part of its keys (CMakeLists.txt), so the copy finds what the
# ordinary build has compiled, as long as its build folder lies at the same place in the tree.
set -euo pipefail
source_tree="$1" build_tree="$2"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
fail() { echo "new_system: $*" >&2; exit 1; }

copy="$work/tree"
mkdir "$copy"
for part in CMakeLists.txt cmake src systems apps testing tests bench; do
  [[ -e "$source_tree/$part" ]] && cp -R "$source_tree/$part" "$copy/"
done
(cd "$copy" && find . -type f -print0 | sort -z | xargs -0 sha256sum) > "$work/before"
mkdir -p "$copy/systems/tests"
cp -R "$source_tree/tests/cli/toy" "$copy/systems/tests/coin-toss"

case "$build_tree" in
  "$source_tree"/*) build="$copy/${build_tree#"$source_tree"/}" ;;
  *) build="$work/build" ;;
esac
downloads="$(sed -n 's/^MESO_DOWNLOADS:PATH=//p' "$build_tree/CMakeCache.txt")"
cmake -S "$copy" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMESO_TESTS=OFF ${downloads:+"-DMESO_DOWNLOADS=$downloads"} > "$work/configure.log" 2>&1 ||
  { cat "$work/configure.log"; fail "the copy does not configure"; }
nice -n 5 ninja -C "$build" meso > "$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; fail "the copy does not build"; }

program="$build/apps/meso/meso"
"$program" list > "$work/list" && grep -q '^coin-toss ' "$work/list" || fail "meso list does not have the new system"
"$program" info coin-toss > "$work/info" && grep -q 'probability of heads' "$work/info" || fail "meso info does not explain it"
"$program" compare "$copy/systems/tests/coin-toss/studies/tosses.toml" --expect agrees --progress none -o "$work/out" || fail "its study does not agree"
[[ -s "$work/out/report/index.html" ]] || fail "there is no report"
"$build_tree/apps/meso/meso" list > "$work/list"
grep -q coin-toss "$work/list" && fail "the toy is in the ordinary build"

(cd "$copy" && sha256sum --quiet -c "$work/before") || fail "a file outside the new folder changed"
[[ "$build" == "$copy"/* ]] && rm -rf "$build"
extra="$(cd "$copy" && find . -type f | wc -l)" known="$(wc -l < "$work/before")" own="$(find "$copy/systems/tests/coin-toss" -type f | wc -l)"
[[ "$extra" -eq $((known + own)) ]] || fail "files appeared outside the new folder"
echo "one folder, $own files, nothing else changed"
