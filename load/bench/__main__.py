"""Measures ordersd beside its peers and its limits, on a private PostgreSQL with fsync on."""
import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench import conditions, report
from bench.figures import rows, table
from bench.loads import Bench
from bench.measure import clean
from bench.plan import Effort, Plan
from bench.postgres import Database
from bench.process import ROOT, Failure, output_of, raise_file_limit
from bench.scenarios import QUICK, SCENARIOS
from bench.systems import SYSTEMS, Programs

SKIPPED = 77  # what ctest takes for "skipped"
EPILOG = """Everything talks to 127.0.0.1 and to sockets under var/ only, ends by itself, and is removed at the end.
Systems whose tools are missing are left out, and the output says so: `scripts/deps load` installs what they need.
Exit status: 0 when all was measured, 1 when something failed, 77 when wrk is missing."""


def say(text: str) -> None:
    print(f"load/run: {text}", flush=True)


def names(text: str, known: dict[str, object], what: str) -> list[str]:
    chosen = [name for name in text.split(",") if name]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"load/run: no {what} {unknown[0]}; there are {', '.join(known)}")
    return chosen or list(known)


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="load/run", description=__doc__, epilog=EPILOG,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--list", action="store_true", help="show scenarios and systems, and end")
    made.add_argument("--scenarios", default="", metavar="A,B", help="all without it")
    made.add_argument("--systems", default="", metavar="A,B", help="beside ordersd; all without it")
    made.add_argument("--rounds", type=int, default=5, help="in each round every system is measured once (5)")
    made.add_argument("--seconds", type=float, default=5, help="of one measurement (5)")
    made.add_argument("--choosing-rounds", type=int, default=2, help="to choose the best settings of a system (2)")
    made.add_argument("--report", type=Path, metavar="FOLDER", help="write report.md, results.json and plots there")
    made.add_argument("--build", type=Path, metavar="FOLDER", help="use the programs of this build (build/release, made anew)")
    made.add_argument("--before", type=Path, metavar="PROGRAM", help="measure this ordersd too, beside the build's, everywhere")
    made.add_argument("--quick", action="store_true", help="two scenarios, one short round of ordersd: does the command work?")
    given = made.parse_args()
    given.scenario_names = list(QUICK) if given.quick else names(given.scenarios, SCENARIOS, "scenario")
    beside = [] if given.quick else names(given.systems, SYSTEMS, "system")
    given.system_names = [name for name in dict.fromkeys(["ordersd", "before", *beside]) if name != "before" or given.before]
    if given.quick:
        given.rounds, given.seconds = 1, 2
    return given


def show() -> None:
    for name, scenario in SCENARIOS.items():
        print(f"{name:18} {scenario.about}; beside {', '.join(scenario.against) or 'nothing'}")
    print()
    for name, system in SYSTEMS.items():
        print(f"{name:18} {system.about}")


def build_release() -> Path:
    say("building")
    for step in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
        output_of(["env", "-C", ROOT, *step], 1800)
    return ROOT / "build/release"


def run(given: argparse.Namespace, logs: Path) -> int:
    programs = Programs((given.build or build_release()).resolve(), logs, given.before and given.before.resolve())
    available = programs.make(given.system_names)
    for name, why in programs.missing.items():
        say(f"SKIPPED {name}: {why.splitlines()[0]}")
    database = Database(logs)
    folder = given.report or Path(tempfile.mkdtemp(prefix="report-", dir=logs))
    folder.mkdir(parents=True, exist_ok=True)
    clean(folder / "traces")
    try:
        database.start()
        database.empty(programs.ordersd)
        facts = {**conditions.machine(database.folder), **conditions.versions(programs.ordersd), "PostgreSQL": database.version(),
                 **database.settings(), "rounds": given.rounds, "seconds": given.seconds}
        plan = Plan(Bench(programs, database, given.seconds, folder), Effort(given.rounds, given.choosing_rounds, min(3, given.seconds)),
                    given.scenario_names, available, say)
        try:
            plan.run()
        finally:  # also when it was interrupted
            finish(plan, facts, given.report)
    finally:
        database.close()
    return 1 if plan.failures else 0


def finish(plan: Plan, facts: dict[str, object], folder: Path | None) -> None:
    print(f"\n{table(rows(plan.results))}\n")
    for failure in plan.failures:
        say(f"FAILED {failure}")
    if folder:
        report.write(plan, facts, folder)
        say(f"the report is {folder / 'report.md'}")


def main() -> int:
    given = arguments()
    if given.list:
        show()
        return 0
    if not shutil.which("wrk"):
        say("SKIPPED: wrk is missing: scripts/deps load installs it")
        return SKIPPED
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="bench-logs-") as logs:
        Path(logs).chmod(0o755)
        try:
            return run(given, Path(logs))
        except Failure as failure:
            say(f"FAILED: {failure}")
            return 1
        except KeyboardInterrupt:
            return 1


if __name__ == "__main__":
    sys.exit(main())
