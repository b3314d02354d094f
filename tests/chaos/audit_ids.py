"""The rules about one id: what its requests were answered, and what the table has.

An id is a register that is written once. Only a request that was answered 201, or that is in doubt, can have written
it: every other answer promises that this request stored nothing and never will.
"""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chaos.findings import Violation, violation
from chaos.history import (ABSENT, ACKNOWLEDGED, ANSWERED, CREATED, FOUND, GAVE_UP, MAY_WRITE, NOT_FETCHED, REPLAYED,
                           REUSED, RESOLVED, UNKNOWN, WRITES, Attempt, Content, Key, Span)
from chaos.orders import Row, Rows

STAMP_SLACK_S = 0.1  # between the monotonic clock of the records and the wall clock of the stamps
# ordersd stamps an order when it has read the request. The client may be gone by then, and what it had sent may wait in
# sockets, in the balancer or for an accept: for HTTP_READ_TIMEOUT (5 s) while requests are read, for DRAINED_S (25 s)
# while the process behind a kept socket is replaced. The time in which a fault held requests comes on top.
HEARD_S = 30.0
MOMENT_SLACK_S = 1e-5  # a moment in microseconds, as a double
OWN_DOUBTS = ("commit_unknown", "shutting_down", "internal_error")  # codes of ordersd whose outcome may be unknown


@dataclass
class IdHistory:
    key: Key
    attempts: list[Attempt]  # by the time they began
    row: Row | None
    at: float     # the table was read after this moment
    epoch: float  # Unix time of second 0
    holds: Sequence[Span] = ()  # as in History
    writes: list[Attempt] = field(default_factory=list)
    reads: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writes = [a for a in self.attempts if a.request.kind in WRITES]
        self.reads = [a for a in self.attempts if a.request.kind == "get" and a.request.ended is not None]

    def may_have_written(self, content: Content | None = None) -> list[Attempt]:
        """Those who can have written the id, or this content under it, by what was known when the table was read."""
        return [a for a in self.writes if a.request.outcome(a.slot, self.at) in MAY_WRITE and _is_valid(a)
                and (content is None or a.sent.content == content)]

    def known(self, attempt: Attempt) -> bool:
        """Its answer had come before the table was read."""
        return attempt.request.ended is not None and attempt.request.ended <= self.at

    def answered(self, *outcomes: str) -> list[Attempt]:
        return [a for a in self.writes if self.known(a) and a.verdict.outcome in outcomes]


def _is_valid(attempt: Attempt) -> bool:
    return attempt.sent.expect in ("", "stale_order")


def _may_write(attempt: Attempt) -> bool:
    return _is_valid(attempt) and attempt.request.outcome(attempt.slot) in MAY_WRITE


def check(history: IdHistory) -> Iterator[Violation]:
    for rule in CHECKS:
        yield from rule(history)


def check_order_ids(rows: Rows) -> Iterator[Violation]:
    holders: dict[str, Key] = {}
    for key, row in rows.items():
        other = holders.setdefault(row.order_id, key)
        if other != key:
            text = f"order_id {row.order_id} is also that of {'/'.join(other)}"
            yield violation("doubled", row.received_at, text, key)


# ---- what was acknowledged is there ----

def lost(history: IdHistory) -> Iterator[Violation]:
    if history.row is not None:
        return
    for a in history.answered(*ACKNOWLEDGED):
        yield _violation(a, "lost", f"{_answer(a)}, and the table has no such order")


def changed(history: IdHistory) -> Iterator[Violation]:
    if history.row is None:
        return
    for a in history.answered(*ACKNOWLEDGED):
        differences = _differences(a, history.row)
        if differences:
            yield _violation(a, "changed", f"{_answer(a)}, and the table differs in {', '.join(differences)}")


def _differences(attempt: Attempt, row: Row) -> list[str]:
    verdict, content = attempt.verdict, attempt.sent.content
    found = [f"{name} (sent {getattr(content, name)!r}, stored {getattr(row.content, name)!r})"
             for name in content.differing(row.content)]
    if verdict.content is not None and verdict.content != content:
        found += [f"{name} as answered" for name in content.differing(verdict.content)]
    if verdict.order_id is not None and verdict.order_id != row.order_id:
        found.append(f"order_id (answered {verdict.order_id}, stored {row.order_id})")
    if verdict.received_at is not None and abs(verdict.received_at - row.received_at) > MOMENT_SLACK_S:
        found.append(f"received_at (answered {verdict.received_at:.6f}, stored {row.received_at:.6f})")
    return found


def doubled(history: IdHistory) -> Iterator[Violation]:
    if history.row is not None and history.row.copies > 1:
        yield violation("doubled", _stamp(history), f"the table has {history.row.copies} rows of it", history.key,
                        [a.request for a in history.writes])


def created_twice(history: IdHistory) -> Iterator[Violation]:
    created = sorted((a for a in history.writes if a.request.outcome(a.slot) == CREATED), key=lambda a: a.request.ended)
    proofs = _proofs(history) if created else []
    for i, a in enumerate(created):
        before = created[:i] + [p for p in proofs if p.request.ended_before(a.request.began)]
        if before:
            yield _violation(a, "created_twice", f"{_answer(a)}; before that, {_answer(before[0])}", before[0])


def _proofs(history: IdHistory) -> list[Attempt]:
    """Answers that say that the id is there."""
    return [a for a in history.attempts if a.request.ended is not None
            and a.verdict.outcome in RESOLVED | {FOUND, NOT_FETCHED} and not _is_twin(a)]


# ---- what is there was written by somebody ----

def ghost(history: IdHistory) -> Iterator[Violation]:
    if history.row is None or history.may_have_written(history.row.content):
        return
    sent_so = [a for a in history.writes if a.sent.content == history.row.content]
    if sent_so:
        text = "the table has it, and all who sent it were told that they stored nothing: " + _answers(sent_so)
    elif history.writes:
        text = "the table has it with a content that nobody sent"
    else:
        text = "the table has it, and nobody sent it"
    yield violation("ghost", _stamp(history), text, history.key, [a.request for a in history.writes])


def stamp(history: IdHistory) -> Iterator[Violation]:
    """The order carries the moment of its receipt, which tells whose request it was."""
    if history.row is None:
        return
    writers = history.may_have_written(history.row.content)
    writers = [a for a in writers if a.request.outcome(a.slot, history.at) == CREATED] or writers
    at = _stamp(history)
    if writers and not any(_was_under_way(a, at, history.holds) for a in writers):
        last = max(a.request.ended or a.request.began for a in writers)
        yield violation("stamp", max(at, last),
                        f"received at {at:.3f} s, when no request was on its way that can have written it: "
                        + _answers(history.writes), history.key, [a.request for a in writers])


def _was_under_way(attempt: Attempt, at: float, holds: Sequence[Span]) -> bool:
    """What ordersd itself answered has reached it before; any other request may reach it after its client has gone."""
    request = attempt.request
    if request.ended is None or at <= request.ended + STAMP_SLACK_S:
        return request.began - STAMP_SLACK_S <= at
    if request.end == ANSWERED and (attempt.verdict.outcome == CREATED or attempt.verdict.code in OWN_DOUBTS):
        return False
    return at - request.ended - _covered(holds, request.ended, at) <= HEARD_S


def _covered(spans: Sequence[Span], begin: float, end: float) -> float:
    """How much of the time from `begin` to `end` the spans cover; they may overlap."""
    covered = 0.0
    for since, until in sorted(spans):
        since, until = max(since, begin), min(until, end)
        covered += max(0.0, until - since)
        begin = max(begin, until)
    return covered


def _stamp(history: IdHistory) -> float:
    return history.row.received_at - history.epoch


# ---- what was said to be there before ----

def replayed(history: IdHistory) -> Iterator[Violation]:
    for a in history.writes:
        if a.request.outcome(a.slot) != REPLAYED:
            continue
        before = [b for b in history.writes if b is not a and _may_write(b) and b.sent.content == a.sent.content
                  and b.request.began < a.request.ended]
        if not before:
            yield _violation(a, "replayed",
                             f"{_answer(a)}, and nobody else can have stored it: {_answers(history.writes)}")


def reused(history: IdHistory) -> Iterator[Violation]:
    for a in history.writes:
        if a.request.outcome(a.slot) != REUSED or (_is_twin(a) and a.verdict.order_id is None):
            continue
        others = [b for b in history.writes if b is not a and _may_write(b) and b.sent.content != a.sent.content
                  and b.request.began < a.request.ended]
        if not others:
            yield _violation(a, "reused", f"{_answer(a)}, and nobody else can have stored another order under this id")
        elif history.known(a):
            yield from _reused_and_table(a, history.row)


def _is_twin(attempt: Attempt) -> bool:
    """Of an atomic batch that has the id twice: nothing is stored, and the answer names no order."""
    request = attempt.request
    return (request.kind == "atomic" and attempt.verdict is not None and attempt.verdict.outcome == REUSED
            and any(slot != attempt.slot and sent.key == attempt.sent.key and sent.content != attempt.sent.content
                    for slot, sent in enumerate(request.sent)))


def _reused_and_table(attempt: Attempt, row: Row | None) -> Iterator[Violation]:
    verdict, content = attempt.verdict, attempt.sent.content
    if row is None:
        yield _violation(attempt, "lost", f"{_answer(attempt)}, and the table has no order of this id")
    elif row.content == content:
        yield _violation(attempt, "reused", f"{_answer(attempt)}, and the table has this very order")
    elif verdict.order_id is not None and verdict.order_id != row.order_id:
        yield _violation(attempt, "changed",
                         f"{_answer(attempt)}, named {verdict.order_id}, and the table has {row.order_id}")
    elif verdict.differing is not None and sorted(verdict.differing) != sorted(content.differing(row.content)):
        yield _violation(attempt, "reused", f"{_answer(attempt)}: differs in {', '.join(verdict.differing)}, "
                                     f"in truth in {', '.join(content.differing(row.content))}")


def unfit(history: IdHistory) -> Iterator[Violation]:
    for a in history.writes:
        outcome = a.request.outcome(a.slot)
        if outcome in ACKNOWLEDGED and not _is_valid(a):
            yield _violation(a, "unfit", f"{_answer(a)}, and it was made to be refused by {a.sent.expect}")
        elif outcome == CREATED and a.sent.expires is not None and a.sent.expires < a.request.began:
            yield _violation(a, "unfit",
                             f"{_answer(a)}, and it was too old {a.request.began - a.sent.expires:.3f} s before")


# ---- reads ----

def stale_read(history: IdHistory) -> Iterator[Violation]:
    proofs = _proofs(history)
    if not proofs:
        return
    first = min(proofs, key=lambda a: a.request.ended)
    for read in history.reads:
        if read.verdict.outcome == ABSENT and first.request.ended_before(read.request.began):
            yield _violation(read, "stale_read",
                             f"{_answer(read)}; {first.request.ended:.3f} s: {_answer(first)}", first)


def phantom_read(history: IdHistory) -> Iterator[Violation]:
    for read in history.reads:
        if read.verdict.outcome != FOUND or not history.known(read):
            continue
        if history.row is None:
            yield _violation(read, "phantom_read", f"{_answer(read)}, and the table has no such order")
        elif history.row.order_id != read.verdict.order_id:
            yield _violation(read, "phantom_read", f"{_answer(read)}, and the table has {history.row.order_id}")


def wrong_read(history: IdHistory) -> Iterator[Violation]:
    for read in history.reads:
        verdict = read.verdict
        if verdict.outcome == NOT_FETCHED:
            yield _violation(read, "wrong_read", "not_fetched was said of an order that is small")
        if verdict.outcome != FOUND:
            continue
        before = [a for a in history.writes if _may_write(a) and a.request.began < read.request.ended]
        if not any(a.sent.content == verdict.content for a in before):
            yield _violation(read, "wrong_read",
                      f"{_answer(read)}, as nobody can have stored it before: {_answers(history.writes)}")
        elif history.row is not None and history.row.order_id == verdict.order_id and (
                history.row.content != verdict.content
                or abs(history.row.received_at - (verdict.received_at or 0)) > MOMENT_SLACK_S):
            yield _violation(read, "wrong_read", f"{_answer(read)}, and the table shows it otherwise")


CHECKS: tuple[Callable[[IdHistory], Iterator[Violation]], ...] = (
    lost, changed, doubled, created_twice, ghost, stamp, replayed, reused, unfit, stale_read, phantom_read, wrong_read)


# ---- the text of a violation ----

def _violation(attempt: Attempt, rule: str, text: str, *others: Attempt) -> Violation:
    request = attempt.request
    return violation(rule, request.ended, text, attempt.sent.key, [request, *(other.request for other in others)],
                     since=request.began)


def _answer(attempt: Attempt) -> str:
    request, verdict = attempt.request, attempt.verdict
    if verdict is None:
        return f"request {request.n} is open"
    text = f"request {request.n} was answered {verdict.outcome}"
    if request.end not in (ANSWERED, "") and verdict.outcome == UNKNOWN:
        how = "was given up" if request.end == GAVE_UP else f"ended without an answer ({request.end})"
        text = f"request {request.n} {how}"
    return text + (f" ({verdict.code})" if verdict.code else "")


def _answers(attempts: list[Attempt]) -> str:
    shown = "; ".join(_answer(a) for a in attempts[:8])
    return shown + (f"; and {len(attempts) - 8} more" if len(attempts) > 8 else "")
