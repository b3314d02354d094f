#!/usr/bin/env python3
"""Posts orders to ordersd until each of them is stored or refused. README.md beside this file has the rules.

    post_orders.py BASE_URL ACCOUNT ORDERS BATCH [SECONDS]

Prints the client_order_id of each stored order. Needs Python 3.11 and no package.
"""
import http.client
import json
import os
import random
import sys
import time
import urllib.parse
import uuid
from decimal import Decimal
from typing import NamedTuple

REQUEST_S = 15  # longer than ORDERS_COMMIT_TIMEOUT of the service, which is 10 s by default
PAUSE_S, PAUSE_MAX_S = 0.1, 5.0


def make_orders(account: str, count: int) -> list[dict]:
    """The ids are made here, once. A real program saves an order with its id before the first attempt."""
    run = uuid.uuid4().hex
    return [{"account_id": account, "client_order_id": f"{run}-{n}", "symbol": "ACME", "side": "buy", "type": "limit",
             "quantity": "0.100000000000000005",  # a string, because a float would be 0.1
             "limit_price": str(Decimal("12.50") + n * Decimal("0.01"))} for n in range(count)]


class Answer(NamedTuple):
    status: int  # 0: no whole answer came
    retry_after_s: float
    document: dict  # empty if the body is not a JSON object


class Verdict(NamedTuple):
    """What an answer says of one order."""
    stored: bool
    repeat: bool
    unknown: bool  # this attempt may have stored the order
    code: str
    wait_s: float
    why: str


def verdict_of(status: int, problem: dict) -> Verdict:
    """The defaults are for answers that are not of ordersd, as those of a balancer, and for no answer."""
    code = problem.get("code", "")
    repeat = problem.get("retryable", status in (0, 207, 408, 429) or status >= 500)
    outcome = problem.get("outcome", "not_accepted" if 400 <= status < 500 else "unknown")
    return Verdict(status in (200, 201), repeat, outcome == "unknown", code, problem.get("retry_after_ms", 0) / 1000,
                   f"{status} {code}".rstrip() if status else "no answer")


def verdicts_of(answer: Answer, count: int) -> list[Verdict]:
    """The orders of a batch have results of their own, unless the whole request was refused."""
    results = {result["index"]: result for result in answer.document.get("results", [])}
    return [verdict_of(results[i]["status"], results[i].get("error", {})) if i in results
            else verdict_of(answer.status, answer.document) for i in range(count)]


def parse(body: bytes) -> dict:
    try:
        document = json.loads(body)
    except ValueError:  # a page of a balancer, for example
        return {}
    return document if isinstance(document, dict) else {}


class Sender:
    """Has one connection, which is opened again when it is broken."""

    def __init__(self, base_url: str) -> None:
        url = urllib.parse.urlsplit(base_url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self.connection, self.base_path = kind(url.netloc, timeout=REQUEST_S), url.path.rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if key := os.environ.get("ORDERSD_KEY"):
            self.headers["Authorization"] = f"Bearer {key}"
        self.in_doubt: set[str] = set()  # ids that were sent once without a definite answer
        self.all_stored = True

    def post(self, path: str, document: object) -> Answer:
        try:
            self.connection.request("POST", self.base_path + path, json.dumps(document).encode(), self.headers)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return Answer(0, 0.0, {})
        seconds = answer.headers.get("Retry-After", "")
        return Answer(answer.status, float(seconds) if seconds.isdecimal() else 0.0, parse(body))

    def give_up(self, order: dict, verdict: Verdict) -> None:
        name, self.all_stored = order["client_order_id"], False
        print(f"{'unknown' if name in self.in_doubt else 'not stored'} {name}: {verdict.why}", file=sys.stderr, flush=True)

    def sort(self, orders: list[dict], verdicts: list[Verdict]) -> list[tuple[dict, Verdict]]:
        """Prints the orders that are stored, gives up those that are refused, and returns those that are to be repeated."""
        repeat = []
        for order, verdict in zip(orders, verdicts):
            name = order["client_order_id"]
            if verdict.stored:
                print(name, flush=True)
                continue
            if verdict.unknown:
                self.in_doubt.add(name)
            if verdict.code == "client_order_id_reused":  # another order has this id, so this one is not stored
                self.in_doubt.discard(name)
            if verdict.repeat:
                repeat.append((order, verdict))
            else:
                self.give_up(order, verdict)
        return repeat

    def send(self, orders: list[dict], single: bool, seconds: float) -> None:
        """Repeats the orders until none is left, or ends the program after `seconds`."""
        deadline, attempt = time.monotonic() + seconds, 0
        while True:
            answer = self.post("/v1/orders", orders[0]) if single else self.post("/v1/orders/batch", orders)
            repeat = self.sort(orders, verdicts_of(answer, len(orders)))
            if not repeat:
                return
            wait_s = max(answer.retry_after_s, *(verdict.wait_s for _, verdict in repeat))
            wait_s += random.uniform(0, min(PAUSE_MAX_S, PAUSE_S * 2 ** min(attempt, 10)))
            if time.monotonic() + wait_s > deadline:
                for order, verdict in repeat:
                    self.give_up(order, verdict)
                sys.exit(1)
            print(f"again: {len(repeat)} orders in {wait_s:.3f} s: {repeat[0][1].why}", file=sys.stderr, flush=True)
            time.sleep(wait_s)
            orders, attempt = [order for order, _ in repeat], attempt + 1


def main() -> int:
    if len(sys.argv) not in (5, 6):
        print("usage: post_orders.py BASE_URL ACCOUNT ORDERS BATCH [SECONDS]", file=sys.stderr)
        return 2
    base_url, account, count, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    seconds = float(sys.argv[5]) if len(sys.argv) == 6 else 60.0
    sender, orders = Sender(base_url), make_orders(account, count)
    for i in range(0, count, batch):
        sender.send(orders[i:i + batch], batch == 1, seconds)
    return 0 if sender.all_stored else 1


if __name__ == "__main__":
    sys.exit(main())
