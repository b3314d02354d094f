"""What a test of this folder found: figures for the report, and promises that were broken."""
import asyncio
import contextlib
import datetime
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from chaos import exit_codes, wait
from chaos.audit import Exempted
from chaos.explain import keep
from chaos.findings import Violation
from chaos.history import History
from chaos.lifecycle.measure import machine
from chaos.world import World

SHOWN = 20  # of many broken promises of one kind the first are enough


@dataclass
class Outcome:
    name: str
    figures: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)  # those of the audit
    skipped: str = ""  # why nothing was tested
    trouble: list[str] = field(default_factory=list)  # the harness itself failed

    def figure(self, name: str, value: str) -> None:
        self.figures.append((name, value))

    def expect(self, condition: bool, otherwise: str) -> None:
        if not condition:
            self.broken.append(otherwise)

    def audited(self, found: Sequence[Violation], exempted: Exempted, rows: int) -> None:
        self.figure("rows in the table", str(rows))
        for (rule, why), count in sorted(exempted.items()):
            self.figure("exempted", f"{count} x {rule}: {why}")
        self.figure("violations that the audit found", str(len(found)))
        self.violations += found
        self.broken += [f"{violation.rule}: {violation.text}" for violation in found]


@contextlib.asynccontextmanager
async def course(outcome: Outcome, world: World, arguments, say) -> AsyncIterator[History]:
    """The course of one case, from the start of its world to its end. What does not come in time, as a replica that is
    ready again, is a broken promise. A case that breaks one explains itself; then what it does beside ends, too."""
    try:
        await world.start()
        others = asyncio.all_tasks()
        history, world.on_note = History.starting(), lambda at, text: say(text)
        try:
            yield history
        except wait.TooLate as late:
            outcome.expect(False, str(late))
            for task in asyncio.all_tasks() - others:
                task.cancel()
        if outcome.broken:
            name = re.sub(r"\W+", "-", outcome.name)
            out = arguments.program.parent / "chaos" / f"{arguments.command}-{arguments.seed}" / name
            head = "\n".join((outcome.name, *outcome.broken))
            say(f"what happened: {keep(out, world, history, outcome.violations, head)}")
    finally:
        await world.close()


def chosen(cases: Sequence, text: str) -> list:
    """The cases whose name contains the text."""
    return [case for case in cases if text in case.name]


def report(outcomes: list[Outcome]) -> str:
    """Text that may be pasted into docs/RELIABILITY.md."""
    lines = [f"{datetime.date.today()}, {machine()}", ""]
    for outcome in outcomes:
        state = f"SKIPPED: {outcome.skipped}" if outcome.skipped else "BROKEN" if outcome.broken else "kept"
        lines += [f"**{outcome.name}**: {state}", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in outcome.figures]
        lines += [""]
        lines += [f"- HARNESS FAILED {text}" for text in outcome.trouble[:SHOWN]]
        lines += [f"- {text}" for text in outcome.broken[:SHOWN]]
        if len(outcome.broken) > SHOWN:
            lines += [f"- and {len(outcome.broken) - SHOWN} more"]
    return "\n".join(lines)


def exit_code(outcomes: list[Outcome]) -> int:
    if any(outcome.broken for outcome in outcomes):
        return exit_codes.BROKEN
    if any(outcome.trouble for outcome in outcomes):
        return exit_codes.HARNESS_FAILED
    return exit_codes.NOTHING_TESTED if all(outcome.skipped for outcome in outcomes) else exit_codes.KEPT
