# shellcheck shell=bash
# Sourced by the testbed scripts: where their state lives, how they speak, fail and wait.
#
#   SPILLWAY_TESTBED  folder of all testbeds; default: .testbed in the checkout, or, where the unprivileged user
#                     that HTCondor runs as cannot reach that, a folder under /var/tmp
#
# $TESTBED/roots/    unpacked packages, shared by all testbeds and kept between runs
# $TESTBED/venv/     Python packages, likewise
# $TESTBED/NAME/     one testbed (its htcondor/, ec2/ and booter/ folders)

CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
POOL_UID=1000

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
# What this host cannot do (no root, no mirror, no mounts) is told apart from what went wrong: tests skip on 69.
cannot() {
  say "$*"
  exit 69
}

# Can the pool's user get there? Root runs HTCondor as that user, anyone else as themselves.
reachable() {
  [ "$(id -u)" != 0 ] || setpriv --reuid $POOL_UID --regid $POOL_UID --clear-groups test -x "$1"
}

if [ -z "${SPILLWAY_TESTBED:-}" ]; then
  SPILLWAY_TESTBED=$CHECKOUT/.testbed
  if ! reachable "$CHECKOUT"; then
    SPILLWAY_TESTBED=/var/tmp/spillway-testbed-$(printf '%s' "$CHECKOUT" | cksum | cut -d' ' -f1)
  fi
fi
mkdir -p "$SPILLWAY_TESTBED"
TESTBED=$(cd "$SPILLWAY_TESTBED" && pwd)
reachable "$TESTBED" || fail "user $POOL_UID cannot reach $TESTBED: set SPILLWAY_TESTBED to a folder that it can"
export SPILLWAY_TESTBED=$TESTBED

# need_packages PACKAGE...: install what is missing, as root on Debian and Ubuntu.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || cannot "needs ${missing[*]}, and there is no apt-get to install them with"
  [ "$(id -u)" = 0 ] || cannot "needs ${missing[*]}: run as root, or 'apt-get install ${missing[*]}'"
  say "installing ${missing[*]}"
  local apt=(apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$TESTBED/apt.log" 2>&1 ||
    { "${apt[@]}" update >>"$TESTBED/apt.log" 2>&1 &&
      "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>"$TESTBED/apt.log" 2>&1; } ||
    cannot "apt-get could not install ${missing[*]}; see $TESTBED/apt.log"
}

# wait_for SECONDS COMMAND...: run it again and again until it succeeds, or fail when the time is over.
wait_for() {
  local tries=$(($1 * 10))
  shift
  while [ $tries -gt 0 ]; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
    tries=$((tries - 1))
  done
  return 1
}

# A port that nothing listens on, below those that the system gives to outgoing connections.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo $port
}

# A process is named by its id and start time, so that a recycled id is never mistaken for it.
start_of() { [ -r "/proc/$1/stat" ] && sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20; }
record_process() { printf '%s %s\n' "$1" "$(start_of "$1")" >"$2"; }
# alive FILE: prints the id if the recorded process still runs.
alive() {
  local pid start
  [ -r "$1" ] && read -r pid start <"$1" && [ -n "$pid" ] && [ "$(start_of "$pid")" = "$start" ] && echo "$pid"
}
# stop_process FILE SECONDS: ask, wait, and kill what does not listen.
stop_process() {
  local pid
  pid=$(alive "$1") || return 0
  kill "$pid" 2>/dev/null || true
  if ! wait_for "$2" gone "$1"; then kill -9 "$pid" 2>/dev/null || true; wait_for 5 gone "$1" || true; fi
  rm -f "$1"
}
# tree PID: it and all that descend from it.
tree() {
  local child children
  echo "$1"
  children=$(cat "/proc/$1/task/$1/children" 2>/dev/null || true)
  for child in $children; do tree "$child"; done
}
gone() { ! alive "$1" >/dev/null; }
