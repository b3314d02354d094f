"""A failing run explains itself: what was broken, the requests of that id, and a timeline of faults, requests and logs.

Moments in the logs of ordersd are those of its own clock. Where a fault had stepped that clock they are out of place.
"""
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from chaos.findings import RULES, Violation
from chaos.history import Attempt, History, Request

if TYPE_CHECKING:
    from chaos.world import World

SHOWN_MAX = 5          # violations that are told in full: the first of each rule
REQUESTS_MAX = 40      # of one id
CONTENTS_MAX = 5
BEFORE_S, AFTER_S = 15.0, 5.0  # of the timeline around a violation
LINES_MAX = 250
TELLING = ("pool.", "group.", "order.", "schema.", "service.", "lookup.", "database.", "text")  # events of the timeline
FIGURES = re.compile(r"\d+")
NOISE = frozenset(("ts", "level", "event", "request_id"))


def keep(out: Path, world: "World", history: History, violations: Sequence[Violation], head: str) -> Path:
    """Logs, every answer and the timeline, in that folder, which is emptied first. Returns the timeline."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copytree(world.logs, out / "logs")
    history.save(out / "history.jsonl")
    events = [(n, event) for n, service in enumerate(world.replicas) for event in service.events()]
    timeline = out / "timeline.txt"
    timeline.write_text(explain(history, violations, world.timeline, events, head))
    return timeline


class Line(NamedTuple):
    at: float
    text: str


def explain(history: History, violations: Sequence[Violation], timeline: Iterable[tuple[float, str]],
            events: Iterable[tuple[int, dict[str, Any]]], head: str = "") -> str:
    """`timeline`: notes of the run; `events`: lines of the logs of ordersd, with the number of the replica."""
    notes = [Line(at, text) for at, text in timeline]
    logged = [(line, event) for n, event in events if (line := _logged(n, event, history.epoch)) is not None]
    told = _first_of_each_rule(violations)
    parts = [head, *_summary(violations)] if head else _summary(violations)
    for found in told:
        parts += ["", *_described(found, history), *_timeline(found, history, notes, logged)]
    parts += ["", "ALL NOTES OF THE RUN", *(_shown(line) for line in notes)]
    return "\n".join(parts) + "\n"


def _first_of_each_rule(violations: Sequence[Violation]) -> list[Violation]:
    first: dict[str, Violation] = {}
    for found in sorted(violations, key=lambda v: v.at):
        first.setdefault(found.rule, found)
    return list(first.values())[:SHOWN_MAX]


def _summary(violations: Sequence[Violation]) -> list[str]:
    if not violations:
        return ["NO PROMISE WAS BROKEN"]
    counts = Counter(v.rule for v in violations)
    lines = [f"BROKEN PROMISES: {len(violations)}"]
    for rule, count in counts.most_common():
        lines.append(f"  {count:6} {rule}: {RULES.get(rule.partition('/')[0], '')}")
    return lines


def _described(found: Violation, history: History) -> list[str]:
    name = f"{found.account}/{found.cid}" if found.account else "no id"
    lines = [f"{found.rule.upper()} at {found.at:.3f} s, {name}", f"  {found.text}"]
    attempts = _attempts(found, history)
    if attempts:
        lines.append(f"  The requests of this id, {len(attempts)} in all:")
        lines += [f"    {_told(attempt)}" for attempt in attempts[:REQUESTS_MAX]]
        contents = sorted({str(a.sent.content) for a in attempts if a.sent.content is not None})
        lines += [f"    content {i}: {content}" for i, content in enumerate(contents[:CONTENTS_MAX])]
    return lines


def _attempts(found: Violation, history: History) -> list[Attempt]:
    if found.account is not None:
        return history.by_id(found.account, found.cid)
    return [Attempt(request, 0) for request in found.requests if request.sent]


def _told(attempt: Attempt) -> str:
    request, verdict = attempt.request, attempt.verdict
    span = f"{request.began:9.3f} - " + ("open     " if request.ended is None else f"{request.ended:9.3f}")
    place = f" [{attempt.slot} of {len(request.sent)}]" if len(request.sent) > 1 else ""
    parts = [f"{span} #{request.n} {request.kind}{place} by {request.client} on port {request.connection or '-'}"]
    if request.replica:
        parts.append(f"at {request.replica}")
    if verdict is not None:
        code = f" {verdict.code}" if verdict.code else ""
        parts.append(f"-> {request.status or request.end} {verdict.outcome}{code} {verdict.order_id or ''}".rstrip())
    if attempt.sent.expect:
        parts.append(f"(made for {attempt.sent.expect})")
    if request.flaw:
        parts.append(f"FLAW {request.flaw}")
    return " ".join(parts)


# ---- the timeline ----

def _timeline(found: Violation, history: History, notes: Sequence[Line],
              logged: Sequence[tuple[Line, dict[str, Any]]]) -> Iterator[str]:
    attempts = _attempts(found, history)
    begin = min([found.since, *(a.request.began for a in attempts[:REQUESTS_MAX])]) - BEFORE_S
    end = max([found.at, *(a.request.ended or 0 for a in attempts[:REQUESTS_MAX])]) + AFTER_S
    ids = {a.request.request_id for a in attempts} | {request.request_id for request in found.requests}
    around = [note for note in notes if begin <= note.at <= end]
    around += _counted(line for line, event in logged if event.get("request_id") not in ids
                       and begin <= line.at <= end and event["event"].startswith(TELLING))
    of_id = [line for line, event in logged if event.get("request_id") in ids]
    for request in {a.request.n: a.request for a in attempts[:REQUESTS_MAX]}.values():
        of_id += _moments(request)
    of_id.append(Line(found.at, f">>> {found.rule.upper()}: {found.text}"))
    near = sorted(around, key=lambda line: abs(line.at - found.at))[:max(0, LINES_MAX - len(of_id))]
    yield f"  Timeline from {begin:.1f} s to {end:.1f} s (logs by the clock of ordersd):"
    yield from (f"    {_shown(line)}" for line in sorted(near + of_id))
    if len(near) < len(around):
        yield f"    … and {len(around) - len(near)} lines that are further from {found.at:.1f} s"


def _counted(lines: Iterable[Line]) -> list[Line]:
    """Lines of a log that say the same within a second become one; figures do not make a difference."""
    first: dict[tuple[int, str], Line] = {}
    counts: Counter[tuple[int, str]] = Counter()
    for line in lines:
        key = int(line.at), FIGURES.sub("", line.text)
        first.setdefault(key, line)
        counts[key] += 1
    return [Line(line.at, line.text if counts[key] == 1 else f"{line.text} ({counts[key]} times in a second)")
            for key, line in first.items()]


def _moments(request: Request) -> Iterator[Line]:
    yield Line(request.began, f"client {request.client}: request #{request.n} ({request.request_id}) begins")
    if request.ended is not None:
        outcomes = Counter(verdict.outcome for verdict in request.verdicts)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        yield Line(request.ended, f"client {request.client}: request #{request.n} {request.end} "
                                  f"{request.status or ''} {request.code or ''}: {counts}")


def _logged(n: int, event: dict[str, Any], epoch: float) -> Line | None:
    try:
        at = datetime.fromisoformat(str(event["ts"]).replace("Z", "+00:00")).timestamp() - epoch
    except (KeyError, ValueError):
        return None
    members = " ".join(f"{name}={value}" for name, value in event.items() if name not in NOISE)
    request = f" of {event['request_id']}" if "request_id" in event else ""
    return Line(at, f"replica-{n}: {event.get('event')}{request} {members}")


def _shown(line: Line) -> str:
    return f"{line.at:9.3f}  {line.text}"
