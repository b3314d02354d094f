"""A run with a planted bug: it goes on until the rule of the audit is broken that is about such a bug."""
import re
from collections import Counter
from dataclasses import dataclass, replace

from chaos import exit_codes
from chaos.findings import Violation
from chaos.planted.plants import Plant
from chaos.results import MISSING, Result, fault_lines
from chaos.run import Run, RunOptions

FOUND, NOT_FOUND, SKIPPED = exit_codes.KEPT, exit_codes.BROKEN, exit_codes.NOTHING_TESTED


@dataclass
class HuntResult:
    """What a hunt has come to."""
    plant: Plant
    found_s: float | None  # from the start of the clients until the rule was seen broken
    text: str              # what was seen
    struck: bool           # the planted code says that it did what it is there for
    others: Counter[str]   # other rules that were broken until then
    result: Result

    def verdict(self) -> tuple[int, str]:
        name, rule = self.plant.name, self.plant.rule
        if self.found_s is not None and self.struck:
            return FOUND, f"{name}: found after {self.found_s:.1f} s, {rule}: {self.text}"
        if self.found_s is not None:
            return NOT_FOUND, f"{name}: {rule} was broken, but not by the planted code, which never struck: {self.text}"
        if self.result.faults and all(fault.state == MISSING for fault in self.result.faults):
            return SKIPPED, f"SKIPPED {name}: {self.result.faults[0].text}"
        return NOT_FOUND, "\n".join(self._why_not())

    def _why_not(self) -> list[str]:
        struck = "has struck" if self.struck else "never struck: is its function still called?"
        others = ", ".join(f"{rule} {count}" for rule, count in self.others.items()) or "nothing"
        trouble = [self.result.trouble] if self.result.trouble else []
        return [f"{self.plant.name}: NOT FOUND; the planted code {struck}",
                f"{self.plant.rule} was not broken, broken was {others}", *trouble, *fault_lines([self.result])]


class Hunt(Run):
    """Other rules may be broken by the same bug: they do not end the run."""

    def __init__(self, options: RunOptions, plant: Plant) -> None:
        super().__init__(options)
        self._plant = plant
        self._others: Counter[str] = Counter()
        self._found_s: float | None = None
        self._struck = False

    async def hunt(self) -> HuntResult:
        result = await self.whole()
        text = self.violations[0].text if self.violations else ""
        return HuntResult(self._plant, self._found_s, text, self._struck, self._others, result)

    def _broken(self, *found: Violation) -> None:
        named = self._named()
        mine = [v for v in found if v.rule == self._plant.rule and self._plant.about(v, self.history, named)]
        self._others.update(violation.rule for violation in found)
        if mine and self._found_s is None:
            self._found_s = self._loaded_for()
        super()._broken(*mine)

    def _keep(self, result: Result) -> None:
        """The logs are gone after this. A hunt that finds nothing leaves its timeline, history and logs."""
        self._struck = f"planted: {self._plant.name}\n" in self._logs()
        if self._found_s is None:
            super()._keep(replace(result, trouble=result.trouble or f"{self._plant.name} was not found"))

    def _named(self) -> frozenset[str]:
        """The requests that the planted code says it has struck."""
        return frozenset(re.findall(rf"planted: {self._plant.name}: (\S+)\n", self._logs()))

    def _logs(self) -> str:
        return "".join(log.read_text(errors="replace") for service in self.world.replicas for log in service.logs)
