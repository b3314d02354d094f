# sql.sh - what the scripts of this folder share: the SQL of a document, docs/OPERATIONS.md unless $document names another, and psql on the server whose sockets
# are in $sockets. Sourced, from bash, after scripts/lib.sh.
# shellcheck shell=bash

# block NAME: the fenced SQL below "<!-- sql: NAME -->".
block() {
  local text
  text=$(awk -v mark="<!-- sql: $1 -->" '$0 == mark { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' "$root/${document:=docs/OPERATIONS.md}")
  [[ -n $text ]] || die "$document has no SQL marked $1"
  echo "$text"
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockets" "$@"; }
