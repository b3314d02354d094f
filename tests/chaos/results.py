"""What a run has come to: counts, faults, recovery times; as text, as a line of JSON, and as a table of many runs."""
import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import exit_codes
from chaos.audit import Exempted
from chaos.history import Span

# What became of a fault.
INJECTED = "injected"
NO_EFFECT = "no effect"  # it was injected, and nothing was hit by it
NOT_NOW = "not possible"  # when its time came
MISSING = "missing"  # this machine or this run cannot have it
HARNESS_FAILED = "harness failed"  # inject() or heal() raised
NOT_REACHED = "not reached"  # the run has ended before


@dataclass
class FaultRecord:
    """One fault of the schedule, and what became of it."""
    kind: str
    group: str
    planned: float
    text: str
    state: str = NOT_REACHED
    began: float | None = None
    healed: float | None = None     # the cause is gone
    recovered: float | None = None  # every replica has stored an order since
    overlapped: bool = False        # another fault was there between `began` and `recovered`

    @property
    def recovery_s(self) -> float | None:
        return None if self.healed is None or self.recovered is None else self.recovered - self.healed


@dataclass
class Result:
    seed: int | str
    replicas: int
    seconds: float
    faults: list[FaultRecord] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)    # orders by what the answers said
    requests: dict[str, int] = field(default_factory=dict)    # by kind
    rows: int = 0
    violations: list[dict[str, Any]] = field(default_factory=list)
    exempted: dict[str, dict[str, int]] = field(default_factory=dict)  # findings by rule and reason
    stalls: list[Span] = field(default_factory=list)  # when the machine stood still
    trouble: str = ""  # the harness itself failed
    command: str = ""

    def injected(self) -> list[FaultRecord]:
        return [fault for fault in self.faults if fault.state == INJECTED]

    def exit_code(self) -> int:
        if self.violations:
            return exit_codes.BROKEN
        if self.trouble:
            return exit_codes.HARNESS_FAILED
        return exit_codes.NOTHING_TESTED if self.faults and not self.injected() else exit_codes.KEPT

    def note_exempted(self, exempted: Exempted) -> None:
        for (rule, why), count in exempted.items():
            self.exempted.setdefault(rule, {})[why] = count

    def append_to(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(self), separators=(",", ":")) + "\n")


def load(path: Path) -> list[Result]:
    results = []
    for line in path.read_text(encoding="utf-8").splitlines():
        members = _renamed(json.loads(line))
        members["faults"] = [FaultRecord(**fault) for fault in members["faults"]]
        members["stalls"] = [(began, ended) for began, ended in members["stalls"]]
        results.append(Result(**members))
    return results


def _renamed(members: dict[str, Any]) -> dict[str, Any]:
    """The names that files of earlier runs have for the same things."""
    if "excused" in members:
        members["exempted"] = members.pop("excused")
    for fault in members["faults"]:
        if "alone" in fault:
            fault["overlapped"] = not fault.pop("alone")
        if fault["state"] == "broken":
            fault["state"] = HARNESS_FAILED
    return members


# ---- text ----

def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} / {max(values):.1f}" if values else "-"


def recoveries(results: Iterable[Result]) -> dict[str, list[FaultRecord]]:
    """By kind: all injected faults."""
    found: dict[str, list[FaultRecord]] = {}
    for result in results:
        for fault in result.injected():
            found.setdefault(fault.kind, []).append(fault)
    return dict(sorted(found.items()))


def _row(kind: str, faults: Sequence[FaultRecord]) -> tuple[str, ...]:
    measured = [f.recovery_s for f in faults if f.recovery_s is not None]
    alone = [f.recovery_s for f in faults if f.recovery_s is not None and not f.overlapped]
    unseen = f" ({len(faults) - len(measured)} not seen)" if len(measured) < len(faults) else ""
    return kind, str(len(faults)), _seconds(measured) + unseen, _seconds(alone)


def fault_lines(results: Sequence[Result]) -> list[str]:
    """By kind how often, and seconds of recovery as median / worst: of all, and of those that met no other fault. A
    recovery is not seen when another fault outlasts the time for it."""
    head = ("fault", "times", "recovery s", "met no other")
    rows = [head, *(_row(kind, faults) for kind, faults in recoveries(results).items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def not_injected(results: Iterable[Result]) -> list[str]:
    counts = Counter((fault.state, fault.text) for result in results for fault in result.faults
                     if fault.state in (MISSING, HARNESS_FAILED))
    return [f"SKIPPED {text}" if state == MISSING else f"HARNESS FAILED {text}" for state, text in sorted(counts)]


def left_out(results: Iterable[Result]) -> list[str]:
    """Faults that could not be injected when their time came: what they need was another fault's, or was not there."""
    counts = Counter(fault.kind for result in results for fault in result.faults if fault.state == NOT_NOW)
    return [f"left out, since their moment was not right: {_counts(counts)}"] if counts else []


def without_effect(faults: Iterable[FaultRecord]) -> list[str]:
    counts = Counter(fault.kind for fault in faults if fault.state == NO_EFFECT)
    return [f"had no effect, and not counted above: {_counts(counts)}"] if counts else []


def exempted_lines(results: Iterable[Result]) -> list[str]:
    """A line for each rule: how many findings a fault, or a stall of the machine, has exempted."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        for rule, reasons in result.exempted.items():
            counts.setdefault(rule, Counter()).update(reasons)
    return [f"exempted {rule} {reasons.total():,}: {_counts(reasons)}" for rule, reasons in sorted(counts.items())]


def stood_still(results: Iterable[Result]) -> list[str]:
    spans = [ended - began for result in results for began, ended in result.stalls]
    return [f"the machine stood still {len(spans)} times, for {sum(spans):.0f} s in all"] if spans else []


def summary(results: Sequence[Result]) -> str:
    outcomes: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for result in results:
        outcomes.update(result.outcomes)
        requests.update(result.requests)
    broken = [r for r in results if r.violations]
    seeds = ", ".join(str(r.seed) for r in broken)
    lines = [f"{len(results)} run{'s' * (len(results) != 1)}, {sum(r.seconds for r in results) / 60:.1f} minutes, "
             f"{sum(requests.values()):,} requests ({_counts(requests)})",
             f"orders: {_counts(outcomes)}; {sum(r.rows for r in results):,} in the table",
             *fault_lines(results), *without_effect(fault for result in results for fault in result.faults),
             *left_out(results), *not_injected(results), *exempted_lines(results), *stood_still(results),
             f"{sum(len(r.violations) for r in results)} broken promises"
             + (f", in {len(broken)} of {len(results)} runs: seeds {seeds}" if broken else "")]
    return "\n".join(lines)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common())


def markdown(results: Sequence[Result]) -> str:
    """The table by fault, for docs/RELIABILITY.md."""
    lines = ["| fault | times | recovery in seconds, median / worst | of those that met no other fault |", "|---|---|---|---|"]
    for kind, faults in recoveries(results).items():
        _, times, all_of_them, alone = _row(kind, faults)
        lines.append(f"| `{kind}` | {times} | {all_of_them} | {alone} |")
    return "\n".join(lines)
