#!/usr/bin/env bash
# Debian packages for the tests. Several may ask at the same time; they take turns.
#
#   debian.sh install PACKAGE…      installs those that are missing; only root can
#   debian.sh unpack PACKAGE DIR    unpacks one under DIR without installing it: for a program out of
#                                   a package that would also start a service
set -u
cache=${GAMMA_ENGINES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gamma/engines}
mkdir -p "$cache" || exit 1
log=$cache/debian.log

fail() { tail -n 20 "$log" >&2; printf 'debian: %s\n' "$*" >&2; exit 1; }
refuse() { printf 'debian: %s\n' "$*" >&2; exit 1; }

is_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# The lists are read anew once a day: a list that is too old names versions that are gone.
update() {
  [ "$(id -u)" = 0 ] || return 0
  [ -n "$(find "$cache/debian.updated" -mmin -1440 2>/dev/null)" ] && return
  apt-get update -q >>"$log" 2>&1 && touch "$cache/debian.updated"
}

install() {
  local missing=() name
  for name in "$@"; do is_installed "$name" || missing+=("$name"); done
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || refuse "please install ${missing[*]}: only root can"
  update || fail 'apt-get update failed'
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q \
    --no-install-recommends "${missing[@]}" >>"$log" 2>&1 \
    || fail "apt-get could not install ${missing[*]}"
}

unpack() {
  local package=$1 dir=$2
  [ -d "$dir" ] && return
  update
  rm -rf "$dir.part"
  mkdir -p "$dir.part" || refuse "$dir.part cannot be made"
  (cd "$dir.part" && apt-get download -q "$package" && dpkg-deb -x "$package"_*.deb . \
    && rm "$package"_*.deb) >>"$log" 2>&1 || fail "$package could not be unpacked"
  mv "$dir.part" "$dir"
}

command -v apt-get >/dev/null || refuse "this machine has no apt-get; wanted: $*"
exec 9>"$cache/debian.lock"
flock 9
: >"$log"
case "${1:-} $#" in
  'install '[2-9]* | 'install 1'?) shift; install "$@" ;;
  'unpack 3') shift; unpack "$@" ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
