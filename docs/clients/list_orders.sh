#!/usr/bin/env bash
# Lists the orders of an account, or those whose client_order_id begins with PREFIX: one a line, as JSON, in the order of
# their ids.
#
#     list_orders.sh BASE_URL ACCOUNT [PREFIX]
#
# Needs bash and curl 7.84. --retry is right here: reading again changes nothing. If a page does not come, the exit status
# is that of curl, and what was printed is a part of the list.
set -euo pipefail

request_s=15

(($# == 2 || $# == 3)) || { echo "usage: list_orders.sh BASE_URL ACCOUNT [PREFIX]" >&2; exit 2; }
base=${1%/}
next="/v1/orders?account_id=$2${3:+&client_order_id_prefix=$3}&limit=1000"
page=$(mktemp) || exit 2
trap 'rm -f "$page"' EXIT

# The key comes from a file, because everyone on the machine can read the arguments of a command.
secrets() { [[ -z ${ORDERSD_KEY:-} ]] || printf 'header = "Authorization: Bearer %s"\n' "$ORDERSD_KEY"; }

# The Link to the next page has a path and a query. Without a Link the list has ended.
while [[ -n $next ]]; do
  : >"$page"
  link=$(curl -fsS -m "$request_s" --retry 8 -K <(secrets) -H 'Accept: application/x-ndjson' \
    -o "$page" -w '%header{link}' "$base$next")
  cat "$page"
  next=''
  [[ ! $link =~ ^'<'(/[^>]*)'>; rel="next"'$ ]] || next=${BASH_REMATCH[1]}
done
