# Sourced by the scripts beside it: finds Python, and makes the virtual environment what
# requirements.lock says. Says what it does, and does nothing where nothing is to do.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=$venv/bin/python
needed_megabytes=1500

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  die "needs Python 3.11 or newer on PATH; found $(python3 --version 2>/dev/null || echo none)."
}

# What the environment was made from, and where: a virtual environment cannot be moved.
wanted_stamp() { printf '%s %s\n' "$root" "$(cksum <"$root/requirements.lock")"; }

is_ready() {
  [ -x "$python" ] && [ "$(cat "$venv/.parterre" 2>/dev/null)" = "$(wanted_stamp)" ]
}

install() {
  local found free
  found=$(find_python)
  free=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$needed_megabytes" ] ||
    die "$root has $free MB left, $needed_megabytes MB are needed: free some space."
  say "Installing dependencies into .venv with $("$found" --version) (about a minute) ..."
  if [ -e "$venv" ] && ! grep -qsF "$root " "$venv/.parterre"; then rm -rf "$venv"; fi
  "$found" -m venv "$venv" 2>"$root/.venv.log" ||
    die "no virtual environment could be made (on Debian: apt install python3-venv); see .venv.log"
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement "$root/requirements.lock" >"$root/.venv.log" 2>&1 || {
    tail -n 5 "$root/.venv.log" >&2
    die "dependencies could not be installed; is the package index reachable? The whole log is .venv.log"
  }
  local packages
  packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n' "$root"/{service-kit,auth-service,event-service,notification-service,scripts} \
    >"$packages/parterre.pth"
  wanted_stamp >"$venv/.parterre"
  rm -f "$root/.venv.log"
  say "Installed in $SECONDS s."
}

# Two scripts that start together must not install into one another; a folder is made by one only.
bootstrap() {
  is_ready && return
  local lock=$root/.venv.lock waited=0
  until mkdir "$lock" 2>/dev/null; do
    if [ "$waited" -eq 0 ]; then say "Another script is installing; waiting for it ..."; fi
    waited=$((waited + 1))
    [ "$waited" -lt 600 ] || die "waited 10 minutes; if nothing is installing, remove $lock"
    sleep 1
  done
  trap 'rmdir "$lock" 2>/dev/null' EXIT
  is_ready || install
  rmdir "$lock"
  trap - EXIT
}
