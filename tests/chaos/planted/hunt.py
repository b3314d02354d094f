"""scripts/chaos planted: runs ordersd with a planted bug until the rule of the audit is broken that is about such a bug.

Exit code 0: every bug was found. 1: one was not found, or never struck. 77: a fault that shows it cannot be injected."""
import argparse
import asyncio
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Sequence

from chaos import sandbox
from chaos.audit import Violation
from chaos.planted.plants import PLANTS, Plant
from chaos.results import MISSING, Result, fault_lines
from chaos.run import Run, Wanted
from chaos.world import ROOT, Options

FOUND, NOT_FOUND, SKIPPED = 0, 1, 77
CHECKPOINT_S = 2.0


class Hunt(Run):
    """A run that goes on until one rule is broken. Other rules may be broken by the same bug: they are only counted."""

    def __init__(self, wanted: Wanted, plant: Plant) -> None:
        super().__init__(wanted)
        self.plant = plant
        self.others: Counter[str] = Counter()
        self.found_s: float | None = None  # since the clients began
        self.struck = False

    def _broken(self, *found: Violation) -> None:
        wanted = [violation for violation in found if violation.rule.partition("/")[0] == self.plant.rule]
        self.others.update(violation.rule for violation in found if violation not in wanted)
        if wanted and self.found_s is None:
            self.found_s = self._loaded_for()
        super()._broken(*wanted)

    def _keep(self, result: Result) -> None:
        """The logs are gone after this. A hunt that finds nothing leaves its story."""
        self.struck = self._has_struck()
        if self.found_s is None:
            super()._keep(replace(result, trouble=result.trouble or f"{self.plant.name} was not found"))

    def _has_struck(self) -> bool:
        """Has the planted code done what it is there for? It says so in the log of ordersd."""
        said = f"planted: {self.plant.name}\n"
        return any(said in log.read_text(errors="replace") for service in self.world.replicas for log in service.logs)

    def verdict(self, result: Result) -> tuple[int, str]:
        name, rule = self.plant.name, self.plant.rule
        if self.found_s is not None and self.struck:
            return FOUND, f"{name}: found after {self.found_s:.1f} s, {rule}: {self.violations[0].text}"
        if self.found_s is not None:
            return NOT_FOUND, f"{name}: {rule} was broken, but not by the planted code, which never struck: {self.violations[0].text}"
        if result.faults and all(fault.state == MISSING for fault in result.faults):
            return SKIPPED, f"SKIPPED {name}: {result.faults[0].text}"
        others = ", ".join(f"{other} {count}" for other, count in self.others.items()) or "nothing"
        return NOT_FOUND, "\n".join((f"{name}: NOT FOUND; the planted code {'has' if self.struck else 'never'} struck; "
                                     f"{rule} was not broken, broken was {others}", result.trouble, *fault_lines([result])))


def program(args: argparse.Namespace, name: str) -> Path:
    return (args.programs / f"ordersd_planted_{name}").resolve()


def one(plant: Plant, args: argparse.Namespace) -> int:
    sandbox.begin()
    options = Options(seed=args.seed or plant.seed, replicas=1, program=program(args, plant.name),
                      settings=plant.settings)
    wanted = Wanted(options, plant.seconds, plant.faults, args.out / plant.name, args.rate, CHECKPOINT_S,
                    f"scripts/chaos planted {plant.name}", say=print if args.verbose else lambda text: None)

    async def whole() -> tuple[int, str]:
        hunt = Hunt(wanted, plant)
        return hunt.verdict(await hunt.whole())

    code, words = asyncio.run(whole())
    print(words, flush=True)
    return code


def several(names: Sequence[str], args: argparse.Namespace, argv: Sequence[str]) -> int:
    """Each hunt is a process of its own, in namespaces of its own where the machine allows that."""
    codes: Counter[int] = Counter()
    options = [word for word in argv if word not in names]
    for name in names:
        for _ in range(args.repeat):
            command, env = sandbox.command([sys.executable, "-m", "chaos", "planted", name, *options, "--one"])
            codes[subprocess.run(command, env=env).returncode] += 1
    print(f"{codes[FOUND]} of {codes.total()} planted bugs were found")
    return max((code for code in codes if code != SKIPPED), default=SKIPPED) if codes.keys() - {FOUND} else FOUND


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/chaos planted", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="*", metavar="NAME", help="the planted bugs; all without it")
    made.add_argument("--programs", type=Path, default=ROOT / "build/dev", help="where the build has left them (build/dev)")
    made.add_argument("--out", type=Path, default=ROOT / "build/chaos/planted", help="where a hunt that finds nothing tells why")
    made.add_argument("--seed", type=int, help="another seed than the one that is fixed for each")
    made.add_argument("--rate", type=float, default=200.0, help="orders a second that the clients send (200)")
    made.add_argument("--repeat", type=int, default=1, help="hunt each so often (1)")
    made.add_argument("--list", action="store_true", help="show them as a table, and end")
    made.add_argument("--verbose", action="store_true", help="show what the run does")
    made.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return made


def table() -> str:
    lines = ["| planted bug | faults | rule | seed | found within | how it shows |", "|---|---|---|---|---|---|"]
    for p in PLANTS.values():
        lines.append(f"| {p.name} | {', '.join(p.faults) or 'none'} | `{p.rule}` | {p.seed} | {p.seconds:g} s | {p.shown} |")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    args = parser().parse_args(argv)
    names = args.names or list(PLANTS)
    if unknown := [name for name in names if name not in PLANTS]:
        print(f"scripts/chaos planted: no such bug: {', '.join(unknown)}; there are {', '.join(PLANTS)}", file=sys.stderr)
        return 2
    if args.list:
        print(table())
        return 0
    missing = [name for name in names if not program(args, name).is_file()]
    if missing:
        print(f"scripts/chaos planted: {args.programs} has no ordersd_planted_{missing[0]}: cmake --build --preset dev",
              file=sys.stderr)
        return 2
    if args.one:
        return one(PLANTS[names[0]], args)
    return several(names, args, argv)
