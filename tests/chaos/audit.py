"""Compares what the clients were answered with what the table holds, and finds every broken promise.

Pure: records in, violations out. Each id is a register that is written once, by one request: the rules about one id
are in audit_ids.py, those about one request in audit_requests.py. A request may be in doubt, so a rule says "nobody
can have written this", never "somebody should have".

A fault may exempt a violation, but only by an exemption of that very rule for that very time.
"""
import math
from collections import Counter
from collections.abc import Iterable, Iterator

from chaos import audit_ids, audit_requests
from chaos.findings import Exemption, Violation, violation
from chaos.history import Attempt, History, Sent
from chaos.orders import Rows

Exempted = Counter[tuple[str, str]]  # by rule and reason


def compare(history: History, rows: Rows, exemptions: Iterable[Exemption] = (),
            at: float | None = None) -> tuple[list[Violation], Exempted]:
    """All violations, the first in time first, and how many a fault has exempted. `at`: the table was read after that
    moment, while clients went on; what was answered later counts as in doubt."""
    exemptions, broken, exempted = tuple(exemptions), list[Violation](), Exempted()
    for found in _every(history, rows, math.inf if at is None else at):
        exemption = exempted_by(found, exemptions)
        if exemption is None:
            broken.append(found)
        else:
            exempted[found.rule, exemption.why] += 1
    return sorted(broken, key=lambda v: (v.at, v.rule, v.account or "", v.cid or "")), exempted


def audit(history: History, rows: Rows, exemptions: Iterable[Exemption] = (),
          at: float | None = None) -> list[Violation]:
    """The violations alone."""
    return compare(history, rows, exemptions, at)[0]


def _every(history: History, rows: Rows, at: float) -> Iterator[Violation]:
    keys = history.keys()
    histories = {key: audit_ids.IdHistory(key, sorted(attempts, key=_in_time), rows.get(key), at, history.epoch,
                                    history.holds) for key, attempts in keys.items()}
    for key, row in rows.items():
        if key not in histories:
            histories[key] = audit_ids.IdHistory(key, [], row, at, history.epoch)
    for one in histories.values():
        yield from audit_ids.check(one)
    yield from audit_ids.check_order_ids(rows)
    for request in history.every():
        yield from audit_requests.check(request, histories, at)


def _in_time(attempt: Attempt) -> tuple[float, int, int]:
    return attempt.request.began, attempt.request.n, attempt.slot


def exempted_by(found: Violation, exemptions: Iterable[Exemption]) -> Exemption | None:
    for exemption in exemptions:
        same = found.rule == exemption.rule or found.rule.startswith(exemption.rule + "/")
        there = exemption.replica is None or any(r.replica in (None, exemption.replica) for r in found.requests)
        if same and there and found.since <= exemption.until_s and found.at >= exemption.from_s:
            return exemption
    return None


def unresolved(orders: Iterable[Sent], at: float) -> list[Violation]:
    """Of orders that were repeated after all faults had been healed, and are not resolved."""
    return [violation("unresolved", at, "repeated after every fault was healed, and still without a final answer",
                      key=sent.key) for sent in orders]
