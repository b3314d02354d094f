#!/usr/bin/env bash
# Posts orders to ordersd until each of them is stored or refused. README.md beside this file has the rules.
#
#     post_orders.sh BASE_URL ACCOUNT ORDERS BATCH [SECONDS]
#
# Prints the client_order_id of each stored order. Needs bash, curl 7.84 and jq. --retry of curl is not used: it repeats
# whole requests, and only after some of the answers.
set -uo pipefail

request_s=15 # longer than ORDERS_COMMIT_TIMEOUT of the service, which is 10 s by default
pause_ms=100 pause_max_ms=5000

(($# == 4 || $# == 5)) || { echo "usage: post_orders.sh BASE_URL ACCOUNT ORDERS BATCH [SECONDS]" >&2; exit 2; }
base=${1%/} account=$2 count=$3 batch=$4 seconds=${5:-60}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
exit_code=0
declare -A in_doubt=() # ids that were sent once without a definite answer

# The ids are made here, once. A real program saves an order with its id before the first attempt. Decimals are strings:
# the quantity would be 0.1 as a number.
run=$(</proc/sys/kernel/random/uuid)
make_order() { # N: sets order
  printf -v order '{"account_id":"%s","client_order_id":"%s-%d","symbol":"ACME","side":"buy","type":"limit","quantity":"0.100000000000000005","limit_price":"%d.%02d"}' \
    "$account" "$run" "$1" $(((1250 + $1) / 100)) $(((1250 + $1) % 100))
}

# The key comes from a file, because everyone on the machine can read the arguments of a command.
secrets() { [[ -z ${ORDERSD_KEY:-} ]] || printf 'header = "Authorization: Bearer %s"\n' "$ORDERSD_KEY"; }

# post: sends the file orders, a line each. Sets status and retry_after, and leaves the answer in the file answer. Status
# 0: no whole answer came.
post() {
  local path=/v1/orders/batch type=application/x-ndjson words
  ((batch > 1)) || { path=/v1/orders type=application/json; }
  : >"$work/answer"
  words=$(curl -s -m "$request_s" -K <(secrets) -H "Content-Type: $type" --data-binary "@$work/orders" \
    -o "$work/answer" -w '%{http_code} %header{retry-after}' "$base$path") || words=0
  read -r status retry_after <<<"$words"
  [[ ${retry_after:-} =~ ^[0-9]{1,6}$ ]] || retry_after=0
}

# Writes a line for each order, with tabs between the fields: id, verdict, outcome, wait in ms, reason. The orders of a
# batch have results of their own, unless the whole request was refused. The defaults are for answers that are not of
# ordersd, as those of a balancer, and for no answer.
verdicts='
  ([try fromjson catch {}] + [{}])[0] | (if type == "object" then . else {} end) as $answer
  | ([$answer.results // [] | .[] | {key: "\(.index)", value: .}] | from_entries) as $results
  | range($orders | length) as $i
  | ($results["\($i)"] // {status: $status, error: $answer}) as $result
  | $result.status as $s | ($result.error // {}) as $problem
  | (if $problem | has("retryable") then $problem.retryable
     else ([0, 207, 408, 429] | index($s)) != null or $s >= 500 end) as $repeat
  | ($problem.outcome // (if $s >= 400 and $s < 500 then "not_accepted" else "unknown" end)) as $outcome
  | ($s == 200 or $s == 201) as $stored
  | [$orders[$i].client_order_id,
     (if $stored then "stored" elif $repeat then "repeat" else "refused" end),
     (if $stored or $problem.code == "client_order_id_reused" then "resolved" else $outcome end),
     $problem.retry_after_ms // 0,
     (if $s == 0 then "no answer" else [$s, $problem.code // empty] | map(tostring) | join(" ") end)]
  | @tsv'

give_up() { # ID WHY
  local word="not stored"
  [[ ! -v in_doubt[$1] ]] || word=unknown
  printf '%s %s: %s\n' "$word" "$1" "$2" >&2
  exit_code=1
}

# sort_orders LINE...: LINE is one of the verdicts. Prints the orders that are stored, gives up those that are refused,
# and sets `repeat`, the lines of those that are to be repeated, `left`, these orders, and wait_ms.
sort_orders() {
  local i=0 line id verdict outcome ms why
  repeat=() left=() wait_ms=$((10#$retry_after * 1000))
  for line; do
    IFS=$'\t' read -r id verdict outcome ms why <<<"$line"
    case $outcome in
      unknown) in_doubt[$id]=yes ;;
      resolved) unset "in_doubt[$id]" ;; # another order has this id, so this one is not stored
    esac
    case $verdict in
      stored) echo "$id" ;;
      refused) give_up "$id" "$why" ;;
      repeat)
        repeat+=("$line") left+=("${orders[i]}")
        ((ms <= wait_ms)) || wait_ms=$ms
        ;;
    esac
    i=$((i + 1))
  done
}

give_up_rest() {
  local line id why
  for line in "${repeat[@]}"; do
    IFS=$'\t' read -r id _ _ _ why <<<"$line"
    give_up "$id" "$why"
  done
  exit "$exit_code"
}

# send: repeats the orders of the array `orders` until none is left, or ends the program after `seconds`.
send() {
  local deadline=$((SECONDS + seconds)) pause=$pause_ms lines wait
  while :; do
    printf '%s\n' "${orders[@]}" >"$work/orders"
    post
    mapfile -t lines < <(jq -Rrs --argjson status "$((10#$status))" --slurpfile orders "$work/orders" "$verdicts" "$work/answer")
    ((${#lines[@]} == ${#orders[@]})) || { echo "post_orders.sh: jq has failed" >&2; exit 3; }
    sort_orders "${lines[@]}"
    ((${#repeat[@]} > 0)) || return 0
    wait_ms=$((wait_ms + RANDOM % pause))
    ((SECONDS + wait_ms / 1000 <= deadline)) || give_up_rest
    printf -v wait '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000))
    printf 'again: %d orders in %s s: %s\n' "${#repeat[@]}" "$wait" "${repeat[0]##*$'\t'}" >&2
    sleep "$wait"
    orders=("${left[@]}")
    pause=$((2 * pause < pause_max_ms ? 2 * pause : pause_max_ms))
  done
}

for ((first = 0; first < count; first += batch)); do
  orders=()
  for ((n = first; n < first + batch && n < count; n++)); do
    make_order "$n"
    orders+=("$order")
  done
  send
done
exit "$exit_code"
