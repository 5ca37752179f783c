#!/bin/sh
# Installs what is missing on this machine: nginx, Redis and Prometheus (and strace, which slows a disk) from its package
# manager, Node and the rest from npm.
# Takes a moment if there is nothing to do. Leaves no new service running or enabled.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/usr/local/sbin

fail() {
  echo "setup: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian's packages start and enable services on 80, 6379 and 9090. This project starts its own.
install_debian() {
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM # dash runs the trap of EXIT only on exit
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  log=$(mktemp)
  { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
    >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "apt-get could not install $*: install them by hand"; }
  rm -f "$log"
  for package in "$@"; do
    [ -e "/etc/init.d/$package" ] || continue
    as_root deb-systemd-helper disable "$package.service" >/dev/null 2>&1 || true
    as_root update-rc.d "$package" disable >/dev/null 2>&1 || true
  done
}

missing=
tools="nginx redis-server prometheus openssl"
# Only one fault needs strace: if it cannot be installed, everything else works. macOS has none.
if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
  tools="$tools strace"
fi
for command in $tools; do
  command -v "$command" >/dev/null || missing="$missing $command"
done

if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 # package names, split on purpose
  if command -v apt-get >/dev/null; then
    by_hand="apt-get install --no-install-recommends$missing"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "missing:$missing. As root, run: $by_hand"
    echo "setup: installing$missing (apt-get) …"
    install_debian $missing
  elif command -v brew >/dev/null; then
    formulas=$(echo "$missing" | sed 's/redis-server/redis/')
    echo "setup: installing$formulas (brew) …"
    brew install --quiet $formulas || fail "brew could not install$formulas: install them by hand"
  else
    fail "missing:$missing. Install them with this system's package manager"
  fi
fi

if [ ! -x node_modules/.bin/node ] || ! cmp -s package-lock.json node_modules/.installed-lock.json; then
  echo "setup: installing npm packages …"
  npm ci --include=dev --no-fund --no-audit --loglevel=error || fail "npm could not install the packages: run npm ci"
  cp package-lock.json node_modules/.installed-lock.json
  missing="$missing npm-packages"
fi

# The kernel writes what was installed to the disk half a minute later, hundreds of MB. An fsync of Redis would wait
# behind it, beyond the deadline of a session (500 ms), and users would be answered 503. So it is written now.
[ -z "$missing" ] || sync
