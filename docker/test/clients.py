#!/usr/bin/env python3
"""clients URL FOLDER: posts orders from eight threads until SIGTERM, then resolves the open orders and reports.

Each order is repeated with the same id until it is answered 2xx, as the contract asks of clients. Half of the
threads repeat it at once. The others post new orders first and repeat at the end; they give up an order whose
first answer is "not_accepted", which must then not be stored. FOLDER gets a line for each order, in the files
acknowledged (client_order_id order_id) and refused (client_order_id). The report is one line of JSON. Exit
status 1 if the contract does not allow one of the answers.
"""
import collections
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

THREADS = 8
RESOLVE_S = 200  # the longest time that an order may be without a 2xx
PROMISED = {200, 201, 502, 503, 504}


class Report:
    def __init__(self, folder):
        self.lock = threading.Lock()
        self.answers = collections.Counter()
        self.broken = []
        self.slowest_s = 0.0
        self.acknowledged = open(os.path.join(folder, "acknowledged"), "a", buffering=1)
        self.refused = open(os.path.join(folder, "refused"), "a", buffering=1)

    def answer(self, status, outcome):
        with self.lock:
            self.answers[f"{status} {outcome}".strip()] += 1

    def breach(self, words):
        with self.lock:
            self.broken.append(words)


def post(connection, order_id):
    """Returns (status, document), or (0, {}) when no whole answer came."""
    body = {"account_id": "engine", "client_order_id": order_id, "symbol": "ACME", "side": "buy",
            "type": "market", "quantity": "1"}
    try:
        connection.request("POST", "/v1/orders", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return 0, {}


def check(report, order_id, status, document):
    """What the status promises, and the document must say the same."""
    outcome = document.get("outcome", "")
    report.answer(status or "none", outcome)
    if status == 0:
        return "unknown"
    if status not in PROMISED:
        report.breach(f"{order_id}: {status} {document}")
    elif status in (502, 504) and outcome != "unknown":
        report.breach(f"{order_id}: {status} says {outcome}")
    elif status == 503 and outcome not in ("not_accepted", "unknown"):
        report.breach(f"{order_id}: 503 says {outcome}")
    return outcome


def attempt(report, connection, order_id):
    """Returns "stored", "not_accepted" or "unknown"."""
    status, document = post(connection, order_id)
    outcome = check(report, order_id, status, document)
    if status not in (200, 201):
        return outcome
    report.acknowledged.write(f"{order_id} {document['order_id']}\n")
    return "stored"


def resolve(report, connection, order_id):
    begin = time.monotonic()
    while attempt(report, connection, order_id) != "stored":
        if time.monotonic() - begin > RESOLVE_S:
            report.breach(f"{order_id}: not resolved in {RESOLVE_S} s")
            return
        time.sleep(0.05)
    report.slowest_s = max(report.slowest_s, time.monotonic() - begin)


def client(report, address, number, over):
    connection = http.client.HTTPConnection(address, timeout=20)
    count, later = 0, []
    while not over.is_set():
        count += 1
        order_id = f"{os.getpid()}-{number}-{count}"
        if number % 2 == 0:
            resolve(report, connection, order_id)
        else:
            outcome = attempt(report, connection, order_id)
            if outcome == "not_accepted":
                report.refused.write(f"{order_id}\n")
            elif outcome != "stored":
                later.append(order_id)
        time.sleep(0.005)
    for order_id in later:
        resolve(report, connection, order_id)
    connection.close()


def main():
    address, folder = urllib.parse.urlsplit(sys.argv[1]).netloc, sys.argv[2]
    report, over = Report(folder), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threads = [threading.Thread(target=client, args=(report, address, n, over)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"answers": dict(sorted(report.answers.items())),
                      "slowest_s": round(report.slowest_s, 2), "broken": report.broken[:5]}))
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
