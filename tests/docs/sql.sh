# sql.sh - what the scripts of this folder share: the SQL of docs/OPERATIONS.md, and psql on the server whose sockets
# are in $sockets. Sourced, from bash, after scripts/lib.sh.
# shellcheck shell=bash

# block NAME: the fenced SQL below "<!-- sql: NAME -->".
block() {
  local text
  text=$(awk -v mark="<!-- sql: $1 -->" '$0 == mark { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' "$root/docs/OPERATIONS.md")
  [[ -n $text ]] || die "docs/OPERATIONS.md has no SQL marked $1"
  echo "$text"
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockets" "$@"; }
