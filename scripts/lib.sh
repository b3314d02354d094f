# lib.sh - shared by the scripts: output, timing, and a private PostgreSQL. Sourced, from bash.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() { say "$*" >&2; exit 1; }

# step WORDS COMMAND...: prints WORDS, runs the command, and prints how long it took.
step() {
  local words=$1 begin=$EPOCHREALTIME status=0
  shift
  say "$words"
  "$@" || status=$?
  say "  $( ((status == 0)) && echo done || echo "failed (status $status)") after $(seconds_since "$begin") s"
  return "$status"
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# until_true SECONDS COMMAND...: tries the command ten times a second; false if it did not succeed in time.
until_true() {
  local tries=$(($1 * 10))
  shift
  until "$@"; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

listens() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# ordersd_program PRESET: the path of the program that a build of the preset makes.
ordersd_program() {
  local path=$root/build/$1/ordersd
  [[ -x $path ]] || die "the $1 build has made no ordersd"
  echo "$path"
}

# ---- a private PostgreSQL ----
# The server refuses to run as root, so root runs it as the system user postgres.

# pg_bin [DATA]: the folder of the programs of the server version that made DATA, else of the newest version.
pg_bin() {
  local version
  if [[ -n ${1:-} && -s $1/PG_VERSION ]]; then
    version=$(<"$1/PG_VERSION")
  else
    version=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1 | cut -d/ -f5)
  fi
  [[ -x /usr/lib/postgresql/$version/bin/postgres ]] || die "no PostgreSQL server $version is installed"
  echo "/usr/lib/postgresql/$version/bin"
}

# exec replaces the shell, so that a caller that runs this in the background has the server's own pid. It runs in /,
# because postgres may not be allowed to enter the current folder.
pg_exec() {
  cd /
  ((EUID != 0)) && exec "$@"
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
}

# pg_folder WANTED: makes a folder that the server can use, and prints its path. It is WANTED, or one under /var/lib
# if postgres cannot enter the checkout.
pg_folder() {
  local folder=$1
  mkdir -p "$folder"
  if ((EUID == 0)); then
    chown postgres: "$folder"
    if ! (pg_exec test -w "$folder"); then
      rmdir "$folder"
      folder=/var/lib/ordersd-dev/$(sha256sum <<<"$1" | cut -c 1-12)
      mkdir -p "$folder"
      chown postgres: "$folder"
    fi
  fi
  chmod 700 "$folder"
  echo "$folder"
}

# pg_init DATA: makes a new database cluster, completely or not at all, unless there is one already.
pg_init() {
  local data=$1 bin
  [[ -e $data ]] && return
  rm -rf "$data.part"
  bin=$(pg_bin) &&
    (pg_exec "$bin/initdb" -D "$data.part" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null) &&
    mv "$data.part" "$data"
}

# pg_clear_stale DATA: removes what a killed run has left. If its server still runs, it is identified by its working
# directory, because its pid may belong to another process by now.
pg_clear_stale() {
  local data=$1 pid
  [[ -s $data/postmaster.pid ]] || return 0
  pid=$(head -n 1 "$data/postmaster.pid")
  if ! pg_gone "$pid" "$data"; then
    say "stopping the server that an earlier run has left, pid $pid"
    kill -INT "$pid"
    until_true 60 pg_gone "$pid" "$data" || die "it does not stop"
  fi
  rm -f "$data/postmaster.pid"
}

# Runs as the server's user, because in a container even root may not see another user's working directories.
pg_gone() { [[ $(pg_exec readlink "/proc/$1/cwd") != "$2" ]]; }

# pg_start DATA SOCKETS LOG [SETTING...]: starts a server on a unix socket in SOCKETS only; sets pg_pid. It has a
# session of its own, so that Ctrl-C reaches only this shell, which then ends things in the right order. If this
# shell is killed, the kernel stops the server.
pg_start() {
  local data=$1 sockets=$2 log=$3 bin setting settings=()
  shift 3
  for setting; do settings+=(-c "$setting"); done
  bin=$(pg_bin "$data") && pg_clear_stale "$data" || return 1
  (pg_exec setsid setpriv --pdeathsig INT -- "$bin/postgres" -D "$data" -k "$sockets" \
    -c listen_addresses= "${settings[@]}") </dev/null >>"$log" 2>&1 9>&- &
  pg_pid=$!
  until_true 60 pg_answers "$bin" "$sockets" && kill -0 "$pg_pid" 2>/dev/null && return
  tail -n 20 "$log" >&2
  return 1
}

# Also true if the server has ended, because there is nothing left to wait for.
pg_answers() { "$1/pg_isready" -q -h "$2" || ! kill -0 "$pg_pid" 2>/dev/null; }

# pg_stop: shuts the server down (fast) and waits for its end.
pg_stop() {
  [[ -n ${pg_pid:-} ]] || return 0
  kill -INT "$pg_pid" 2>/dev/null && wait "$pg_pid"
  pg_pid=
}
