"""The rules about one request: its answer came, in time and in form, refuses nothing without a reason, and tells the
truth about an atomic batch as a whole."""
import math
from collections.abc import Iterator, Mapping

from chaos.audit_ids import IdHistory
from chaos.findings import Violation, violation
from chaos.history import (ABSENT, ACKNOWLEDGED, ANSWERED, CLOSED, DEADLINE, FAILED, FOUND, MAY_WRITE, NOT_ACCEPTED,
                           REFUSED, REFUSED_DIAL, UNKNOWN, Key, Request, Verdict)

OF_ANOTHER = "batch_refused"  # 424: this order is good, another one of its atomic batch is not
CLOCK_SLACK_S = 0.1


def check(request: Request, histories: Mapping[Key, IdHistory], at: float) -> Iterator[Violation]:
    if request.ended is None or request.ended > at:
        yield from _open_for_too_long(request, at)
    else:
        yield from _ending(request)
        yield from _answers(request)
    if request.kind == "atomic":
        yield from _atomic_answer(request, at)
        yield from _atomic_table(request, histories)
    if request.kind == "get" and len(request.sent) > 1 and request.ended is not None:
        yield from _torn_read(request, histories)


# ---- it was answered, and in time ----

def _open_for_too_long(request: Request, at: float) -> Iterator[Violation]:
    if request.bound is not None and at - request.began > request.bound:
        waited = "at the end" if at == math.inf else f"after {at - request.began:.1f} s"
        yield _violation(request, "late", f"no answer {waited}", request.began + request.bound)


def _ending(request: Request) -> Iterator[Violation]:
    took = request.ended - request.began
    if request.flaw is not None:
        yield _violation(request, "garbled", request.flaw)
    if request.end == REFUSED_DIAL:
        yield _violation(request, "unavailable/dial", "no connection")
    elif request.end == CLOSED:
        yield _violation(request, "unanswered", f"the connection ended after {took:.3f} s")
    elif request.bound is not None and took > request.bound and request.end in (ANSWERED, DEADLINE):
        how = "answered" if request.end == ANSWERED else "no answer"
        yield _violation(request, "late", f"{how} after {took:.1f} s, the bound is {request.bound:.1f} s")


# ---- every refusal has a reason ----

def _answers(request: Request) -> Iterator[Violation]:
    if request.end != ANSWERED or request.flaw is not None:
        return
    told = set()
    for slot, verdict in enumerate(request.verdicts):
        rule = _complaint(request, slot, verdict)
        if rule is not None and rule not in told:
            told.add(rule)
            text = f"request {request.n}: {verdict.outcome} ({verdict.status} {verdict.code})"
            yield violation(rule, request.ended, text, request.sent[slot].key, [request])


def _complaint(request: Request, slot: int, verdict: Verdict) -> str | None:
    sent = request.sent[slot]
    if verdict.code == "internal_error":
        return "internal"
    if verdict.outcome == REFUSED:
        if sent.expect == verdict.code == "stale_order":
            early = sent.expires is not None and request.ended < sent.expires - CLOCK_SLACK_S
            return "refused/stale_order" if early else None
        if sent.expect == "stale_order" and verdict.code == "invalid_order":
            return "refused/in_the_future"  # its sent_at is ahead of the clock of ordersd
        return None if sent.expect == verdict.code else f"refused/{verdict.code}"
    if verdict.code == OF_ANOTHER:
        return None if request.kind == "atomic" else f"refused/{OF_ANOTHER}"
    return f"unavailable/{verdict.code}" if verdict.outcome in (NOT_ACCEPTED, UNKNOWN, FAILED) else None


# ---- atomic batches ----

def _atomic_answer(request: Request, at: float) -> Iterator[Violation]:
    """All are stored or none is. If orders are refused because of another one, that one is refused, too."""
    if request.ended is None or request.ended > at or not request.verdicts:
        return
    outcomes = {verdict.outcome for verdict in request.verdicts}
    if outcomes & ACKNOWLEDGED and outcomes - ACKNOWLEDGED:
        yield _violation(request, "atomic", f"answered {', '.join(sorted(outcomes))} in one")
    codes = {verdict.code for verdict in request.verdicts if verdict.status is not None and verdict.status >= 400}
    if codes == {OF_ANOTHER}:
        yield _violation(request, "atomic", "every order was refused for the sake of another one")


def _atomic_table(request: Request, histories: Mapping[Key, IdHistory]) -> Iterator[Violation]:
    """If one order is in the table that this batch alone can have written, then all of the batch are there."""
    written = [slot for slot in range(len(request.sent)) if _surely_wrote(request, slot, histories)]
    if not written:
        return
    for sent in request.sent:
        row = histories[sent.key].row
        if row is None or row.content != sent.content:
            first = request.sent[written[0]]
            yield violation("atomic", request.ended or request.began,
                            f"request {request.n}: {first.cid} of the batch is in the table, and this one is not",
                            sent.key, [request])


def _surely_wrote(request: Request, slot: int, histories: Mapping[Key, IdHistory]) -> bool:
    sent = request.sent[slot]
    history = histories[sent.key]
    if history.row is None or history.row.content != sent.content or request.outcome(slot, history.at) not in MAY_WRITE:
        return False
    return all(a.request is request for a in history.may_have_written(sent.content))


def _torn_read(request: Request, histories: Mapping[Key, IdHistory]) -> Iterator[Violation]:
    """One GET sees all of an atomic batch or nothing, of the ids that this batch alone can have written."""
    seen: dict[int, dict[str, Key]] = {}  # by the batch: an id for each outcome
    for sent, verdict in zip(request.sent, request.verdicts, strict=True):
        writers = [attempt.request for attempt in histories[sent.key].may_have_written()]
        if len(writers) == 1 and writers[0].kind == "atomic" and verdict.outcome in (FOUND, ABSENT):
            seen.setdefault(writers[0].n, {}).setdefault(verdict.outcome, sent.key)
    for batch, outcomes in seen.items():
        if len(outcomes) > 1:
            found, absent = outcomes[FOUND], outcomes[ABSENT]
            text = f"request {request.n} found {found[1]} of the atomic batch {batch}, and not {absent[1]}"
            yield violation("torn_read", request.ended, text, absent, [request])


def _violation(request: Request, rule: str, text: str, at: float | None = None) -> Violation:
    key = request.sent[0].key if request.sent else None
    return violation(rule, request.ended if at is None else at, f"request {request.n} ({request.kind}): {text}", key,
                     [request])
