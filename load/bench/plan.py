"""In which order things are measured: first the best settings are chosen, then all systems are compared in rounds."""
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.clients import Figures
from bench.loads import Bench
from bench.measure import doubtful, measure
from bench.process import Failure
from bench.scenarios import SCENARIOS, Scenario
from bench.systems import SYSTEMS, Settings, System

CHOOSING = "singles-256"  # where peers get their settings


@dataclass
class Compared:
    """A system in a scenario: one entry a round, None where the measurement failed."""
    system: System
    rounds: list[Figures | None] = field(default_factory=list)


@dataclass
class Choice:
    """What was tried to choose the settings of a system."""
    scenario: str
    system: str
    tried: list[tuple[Settings, list[float]]]
    best: Settings


@dataclass(frozen=True)
class Effort:
    rounds: int = 5
    choosing_rounds: int = 2
    choosing_seconds: float = 3


class Plan:
    def __init__(self, bench: Bench, effort: Effort, names: Sequence[str], systems: Sequence[str],
                 say: Callable[[str], None]) -> None:
        self.bench, self.effort, self.say = bench, effort, say
        self.scenarios = [SCENARIOS[name] for name in names]
        self.available = list(systems)
        self.results: dict[str, list[Compared]] = {}
        self.choices: list[Choice] = []
        self.failures: list[str] = []
        self.chosen: dict[str, Settings] = {}
        self.begun, self.done, self.total = time.monotonic(), 0, self._count()

    def systems_of(self, scenario: Scenario) -> list[System]:
        return [SYSTEMS[name] for name in ("ordersd", "before", *scenario.against) if name in self.available]

    def _count(self) -> int:
        count, once = 0, set()
        for scenario in self.scenarios:
            for system in self.systems_of(scenario):
                count += self.effort.rounds
                if len(system.options) > 1 and (system.again or system.name not in once):
                    count += len(system.options) * self.effort.choosing_rounds
                    once.add(system.name)
        return count

    # ---- running ----

    def run(self) -> None:
        for system in dict.fromkeys(system for scenario in self.scenarios for system in self.systems_of(scenario)):
            if len(system.options) > 1 and not system.again:
                self._choose(SCENARIOS[CHOOSING], system)
        for scenario in self.scenarios:
            self.say(f"{scenario.name}: {scenario.about}")
            try:
                with scenario.conditions(self.bench):
                    self._compare(scenario)
            except Failure as failure:
                self._failed(f"{scenario.name}: {failure}")

    def _compare(self, scenario: Scenario) -> None:
        compared = [Compared(self._settled(scenario, system)) for system in self.systems_of(scenario)]
        self.results[scenario.name] = compared
        for number in range(self.effort.rounds):
            for one in compared if number % 2 == 0 else reversed(compared):
                counts = scenario.syscalls and number == 0
                one.rounds.append(self._measure(self.bench, scenario, one.system, f"round {number + 1}", counts))

    def _settled(self, scenario: Scenario, system: System) -> System:
        if system.again and len(system.options) > 1:
            return system.with_settings(self._choose(scenario, system))
        if system.name in ("ordersd", "before"):
            return system.with_settings(scenario.settings)
        return system.with_settings(self.chosen.get(system.name, system.options[0]))

    def _choose(self, scenario: Scenario, system: System) -> Settings:
        """Tries all settings in turn. The figures of these runs are not those that are compared."""
        bench = dataclasses.replace(self.bench, seconds=self.effort.choosing_seconds)
        tried: list[tuple[Settings, list[float]]] = [(option, []) for option in system.options]
        for _ in range(self.effort.choosing_rounds):
            for option, values in tried:
                words = "trying " + " ".join(f"{name}={value}" for name, value in option.items())
                figures = self._measure(bench, scenario, system.with_settings(option), words)
                if figures:
                    values.append(figures[scenario.figure])
        ranked = [(statistics.median(values), option) for option, values in tried if values]
        best = (min if scenario.fewer else max)(ranked, key=lambda pair: pair[0])[1] if ranked else system.options[0]
        self.choices.append(Choice(scenario.name, system.name, tried, best))
        self.chosen[system.name] = best
        return best

    def _measure(self, bench: Bench, scenario: Scenario, system: System, words: str, syscalls: bool = False) -> Figures | None:
        try:
            figures = measure(bench, scenario, system, syscalls)
        except (Failure, OSError) as failure:  # the other measurements can still be made
            self._failed(f"{scenario.name}, {system.name}, {words}: {failure}")
            figures = None
        self.done += 1
        if figures:
            self.say(f"{self._progress()} {scenario.name}, {system.name}, {words}: {summary(figures)}")
        return figures

    def _failed(self, why: str) -> None:
        self.failures.append(why)
        self.say(f"FAILED {why}")

    def _progress(self) -> str:
        left_s = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
        return f"[{self.done}/{self.total}, {left_s // 60:.0f} min {left_s % 60:02.0f} s left]"


def summary(figures: Figures) -> str:
    text = f"{figures['orders_per_s']:,.0f} orders/s, p50 {figures['p50_ms']:.2f} ms, p99 {figures['p99_ms']:.2f} ms"
    if doubtful(figures):
        text += f" (other programs took {figures['others_share'] + figures['stolen_share']:.0%} of the machine)"
    if figures.get("faults"):
        text += f" ({figures['faults']:.0f} requests failed)"
    return text
