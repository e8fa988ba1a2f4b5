#!/usr/bin/env bash
# Installs the Debian packages named in the given lists, and only those that are missing.
#
#   packages/install.sh packages/core.txt [packages/test.txt ...]
#
# Needs root, or sudo; without either it prints the exact command and stops. MESO_INSTALL=no skips it altogether, for
# machines whose libraries come from elsewhere (the configuration names what it cannot find).
set -euo pipefail

if [[ $# -eq 0 ]]; then
  echo "usage: packages/install.sh LIST..." >&2
  exit 2
fi
if [[ "${MESO_INSTALL:-yes}" == no ]]; then
  exit 0
fi

missing=()
for list in "$@"; do
  [[ -r "$list" ]] || { echo "packages/install.sh: cannot read the list '$list'" >&2; exit 2; }
  while read -r package command _; do
    [[ -z "$package" ]] && continue
    if [[ -n "${command:-}" ]] && command -v "$command" > /dev/null; then
      continue
    fi
    if ! command -v dpkg-query > /dev/null || [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" != installed ]]; then
      missing+=("$package")
    fi
  done < <(sed 's/#.*//' "$list")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if ! command -v apt-get > /dev/null; then
  echo "This is not a Debian system. Install what provides these Debian packages, then run again with MESO_INSTALL=no:" >&2
  echo "  ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [[ "$(id -u)" -ne 0 ]]; then
  # sudo counts if it asks nothing, or if there is somebody to answer.
  if command -v sudo > /dev/null && { sudo -n true 2> /dev/null || [[ -t 0 ]]; }; then
    as_root=(sudo)
  else
    echo "${#missing[@]} packages are missing, and there is neither root nor sudo. As root, run:" >&2
    echo "  apt-get update && $install" >&2
    exit 1
  fi
fi

echo "Installing ${#missing[@]} missing packages: ${missing[*]}"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
run() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "packages/install.sh: '$*' failed. By hand:  apt-get update && $install" >&2
    exit 1
  fi
}
run apt-get update
# shellcheck disable=SC2086  # a command line, to be split
run $install
