"""Compares what the clients were answered with what the table holds, and finds every broken promise.

Pure: records in, violations out. Each id is a register that is written once, by one request: the rules about one id
are in audit_ids.py, those about one request in audit_requests.py. A request may be in doubt, so a rule says "nobody
can have written this", never "somebody should have".

A fault may excuse a violation, but only by an exemption of that very rule for that very time.
"""
import math
from collections import Counter
from collections.abc import Iterable, Iterator

from chaos import audit_ids, audit_requests
from chaos.findings import Exemption, Violation, violation
from chaos.history import Attempt, History, Sent
from chaos.orders import Rows

Excused = Counter[tuple[str, str]]  # by rule and reason


def compare(history: History, rows: Rows, exemptions: Iterable[Exemption] = (),
            at: float | None = None) -> tuple[list[Violation], Excused]:
    """All violations, the first in time first, and how many a fault has excused. `at`: the table was read after that
    moment, while clients went on; what was answered later counts as in doubt."""
    exemptions, broken, excused = tuple(exemptions), list[Violation](), Excused()
    for found in _every(history, rows, math.inf if at is None else at):
        excuse = excused_by(found, exemptions)
        if excuse is None:
            broken.append(found)
        else:
            excused[found.rule, excuse.why] += 1
    return sorted(broken, key=lambda v: (v.at, v.rule, v.account or "", v.cid or "")), excused


def audit(history: History, rows: Rows, exemptions: Iterable[Exemption] = (),
          at: float | None = None) -> list[Violation]:
    """The violations alone."""
    return compare(history, rows, exemptions, at)[0]


def _every(history: History, rows: Rows, at: float) -> Iterator[Violation]:
    keys = history.keys()
    stories = {key: audit_ids.Story(key, sorted(attempts, key=_in_time), rows.get(key), at, history.epoch,
                                    history.holds) for key, attempts in keys.items()}
    for key, row in rows.items():
        if key not in stories:
            stories[key] = audit_ids.Story(key, [], row, at, history.epoch)
    for story in stories.values():
        yield from audit_ids.check(story)
    yield from audit_ids.check_order_ids(rows)
    for request in history.every():
        yield from audit_requests.check(request, stories, at)


def _in_time(attempt: Attempt) -> tuple[float, int, int]:
    return attempt.request.began, attempt.request.n, attempt.slot


def excused_by(found: Violation, exemptions: Iterable[Exemption]) -> Exemption | None:
    for exemption in exemptions:
        same = found.rule == exemption.rule or found.rule.startswith(exemption.rule + "/")
        there = exemption.replica is None or any(r.replica in (None, exemption.replica) for r in found.requests)
        if same and there and found.since <= exemption.until_s and found.at >= exemption.from_s:
            return exemption
    return None


def unsettled(orders: Iterable[Sent], at: float) -> list[Violation]:
    """Of orders that were repeated after all faults had been healed, and are not settled."""
    return [violation("unsettled", at, "repeated after every fault was healed, and still without a final answer",
                      key=sent.key) for sent in orders]
