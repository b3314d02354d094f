# lib.sh - shared by the load scripts: a release build, and a PostgreSQL and an ordersd that end with the
# script. Sourced, from bash, after scripts/lib.sh.
# shellcheck shell=bash

ordersd_pid='' pg_pid='' folder=''
results=$(mktemp)

clean_up() {
  trap '' INT TERM
  if [[ -n $ordersd_pid ]]; then
    kill -TERM "$ordersd_pid" 2>/dev/null || true
    wait "$ordersd_pid" || true
  fi
  pg_stop || true
  rm -rf "$results" ${folder:+"$folder"}
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

build_release() { (cd "$root" && cmake --preset release && cmake --build --preset release) >/dev/null; }

# start_database [SETTING...]: starts a private PostgreSQL under var/, with fsync on, and removes it at the end, unless
# DATABASE_URL names one.
start_database() {
  [[ -z ${DATABASE_URL:-} ]] || return 0
  mkdir -p "$root/var"
  folder=$(pg_folder "$(mktemp -d "$root/var/figures-XXXXXX")") || return 1
  pg_init "$folder/data" &&
    pg_start "$folder/data" "$folder" "$folder/log" max_connections=200 max_wal_size=4GB "$@" || return 1
  export DATABASE_URL="postgresql:///postgres?host=$folder&user=postgres"
}

ready() { curl -fs -o /dev/null -m 2 "$url/health/ready" || ! kill -0 "$ordersd_pid" 2>/dev/null; }

# Sets `url`. ORDERSD names another program than that of the release build, such as an older version.
start_ordersd() {
  HTTP_PORT=$((20000 + RANDOM % 12000))
  export HTTP_PORT HTTP_ADDRESS=127.0.0.1
  url=http://127.0.0.1:$HTTP_PORT
  setsid setpriv --pdeathsig TERM -- "${ORDERSD:-$(ordersd_program release)}" &
  ordersd_pid=$!
  until_true 60 ready && kill -0 "$ordersd_pid"
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"; }
