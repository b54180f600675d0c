# Sourced by the scripts beside it: finds Python, and makes the virtual environment what
# requirements.lock says. Says what it does, and does nothing where nothing is to do.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=$venv/bin/python
log=$root/.venv.log
lock=$root/var/venv.lock
needed_megabytes=1500

# Another project's modules and pip's habits of a person have no place in here.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# On a host of production `scripts` is a link, and there is no work tree around it.
[ -e "$root/requirements.lock" ] ||
  die "is for a work tree, and $root is none; here ./scripts/compose ps tells what runs, ./scripts/compose stop stops it"

# Up to 3.12 there is a Redis to be had from pip; a newer Python needs one that is installed.
find_python() {
  local name names="python3 python3.14 python3.13 python3.12 python3.11 python"
  if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then
    names="python3.12 python3.11 $names"
  fi
  for name in $names; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  die "needs Python 3.11 or newer on PATH; found $(python3 --version 2>/dev/null || echo none)."
}

# What the environment was made from, and where: a virtual environment cannot be moved.
wanted_stamp() { printf '%s %s\n' "$root" "$(cksum <"$root/requirements.lock")"; }

# False after the system has replaced the Python that it was made with.
runs() { "$python" -c 'import psutil' 2>/dev/null; }

is_ready() { [ "$(cat "$venv/.parterre" 2>/dev/null)" = "$(wanted_stamp)" ] && runs; }

# How far pip is, from its log: about once a second to a person, now and then to a file.
show_progress() { # SHELL
  local all got second=0
  all=$(grep -c '^[a-zA-Z0-9].*==' "$root/requirements.lock")
  while kill -0 "$1" 2>/dev/null; do
    got=$(grep -c '^Collecting ' "$log" || true)
    if [ -t 2 ]; then
      printf '\r  %s of up to %s packages, %s s ' "$got" "$all" "$SECONDS" >&2
    elif [ $((second % 15)) -eq 14 ]; then
      say "  $got of up to $all packages, $SECONDS s"
    fi
    second=$((second + 1))
    sleep 1
  done
}

install_packages() {
  local progress status=0
  : >"$log"
  show_progress $$ &
  progress=$!
  # shellcheck disable=SC2064  # the number of now
  trap "kill $progress 2>/dev/null || true" EXIT
  # The lock names every package. Left to resolve, an old pip asks for the newest of one with extras.
  "$python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes --no-deps \
    --requirement "$root/requirements.lock" >>"$log" 2>&1 || status=$?
  kill "$progress" 2>/dev/null || true
  wait "$progress" 2>/dev/null || true
  trap - EXIT
  if [ -t 2 ]; then printf '\r%60s\r' '' >&2; fi
  [ "$status" -eq 0 ] || explain_failure
}

explain_failure() {
  if grep -q 'No space left on device' "$log"; then
    die "the disk is full: free some space and try again."
  elif grep -qE 'NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries|Temporary failure|SSLError' "$log"; then
    die "the package index cannot be reached: check the network, a proxy or pip's settings. The whole log is .venv.log"
  fi
  die "dependencies could not be installed: $(grep '^ERROR' "$log" | tail -n 1 | cut -c 1-200). The whole log is .venv.log"
}

install() {
  local found free packages
  found=$(find_python)
  free=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$needed_megabytes" ] ||
    die "$root has $free MB left, $needed_megabytes MB are needed: free some space."
  if [ -e "$venv" ] && ! { grep -qsF "$root " "$venv/.parterre" && runs; }; then rm -rf "$venv"; fi
  say "Installing dependencies into .venv with $("$found" --version) (about a minute) ..."
  if [ ! -e "$venv" ]; then
    "$found" -m venv "$venv" >"$log" 2>&1 ||
      die "no virtual environment could be made (on Debian: apt install python3-venv); see .venv.log"
  fi
  install_packages
  packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n' "$root"/{service-kit,auth-service,event-service,notification-service,scripts} \
    >"$packages/parterre.pth"
  wanted_stamp >"$venv/.parterre"
  rm -f "$log"
  say "Installed in $SECONDS s."
}

# Two scripts that start together must not install into one another.
bootstrap() {
  if is_ready; then return; fi
  [ -w "$root" ] ||
    die "$root is not yours to write, and .venv has to go there: sudo chown -R $(id -un) '$root', or use a copy of your own."
  mkdir -p "$root/var"
  if command -v flock >/dev/null; then
    exec 9>"$lock"
    flock --nonblock 9 || { say "Another script is installing; waiting for it ..." && flock 9; }
    is_ready || install
    # What is started now must not keep the lock.
    exec 9>&-
  else
    take_folder
    is_ready || install
    rm -rf "$lock.d"
  fi
}

# The same where there is no flock: a folder is made by one only, and says who that is.
take_folder() {
  local owner
  until mkdir "$lock.d" 2>/dev/null; do
    owner=$(cat "$lock.d/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -rf "$lock.d"
    else
      sleep 1
    fi
  done
  echo $$ >"$lock.d/pid"
}
