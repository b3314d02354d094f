"""Compares what the clients were answered with what the table holds, and finds every broken promise.

Pure: records in, violations out. Each id is a register that is written once, by one request: the rules about one id
are in audit_ids.py, those about one request in audit_requests.py. A request may be in doubt, so a rule says "nobody
can have written this", never "somebody should have".

A fault may excuse a violation, but only by an exemption of that very rule for that very time.
"""
import math
from collections.abc import Iterable, Iterator

from chaos import audit_ids, audit_requests
from chaos.findings import RULES, Exemption, Violation, violation
from chaos.history import Attempt, History, Sent
from chaos.orders import Rows

__all__ = ['RULES', 'Exemption', 'Violation', 'audit', 'excused_by', 'unsettled']


def audit(history: History, rows: Rows, exemptions: Iterable[Exemption] = (),
          at: float | None = None) -> list[Violation]:
    """All violations, the first in time first. `at`: the table was read after that moment, while clients went on;
    what was answered later counts as in doubt."""
    exemptions = tuple(exemptions)
    moment = math.inf if at is None else at
    found = (v for v in _every(history, rows, moment) if excused_by(v, exemptions) is None)
    return sorted(found, key=lambda v: (v.at, v.rule, v.account or '', v.cid or ''))


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
        same = found.rule == exemption.rule or found.rule.startswith(exemption.rule + '/')
        if same and found.since <= exemption.until_s and found.at >= exemption.from_s:
            return exemption
    return None


def unsettled(orders: Iterable[Sent], at: float) -> list[Violation]:
    """Of orders that were repeated after all faults had been healed, and are not settled."""
    return [violation('unsettled', at, 'repeated after every fault was healed, and still without a final answer',
                      key=sent.key) for sent in orders]
