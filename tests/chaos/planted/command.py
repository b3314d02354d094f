"""scripts/chaos planted: does a run find each of the planted bugs?

Exit code 0: every bug was found. 1: one was not found, or never struck. 77: a fault that shows one cannot be injected.
"""
import argparse
import asyncio
import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chaos import exit_codes, sandbox
from chaos.planted.hunt import FOUND, NOT_FOUND, SKIPPED, HuntResult, Hunt
from chaos.planted.plants import PLANTS, Plant
from chaos.run import RunOptions
from chaos.world import ROOT, WorldOptions

CHECKPOINT_S = 2.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/chaos planted", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="*", metavar="NAME", help="the planted bugs; all without it")
    made.add_argument("--programs", type=Path, default=ROOT / "build/dev", help="the folder of the build (build/dev)")
    made.add_argument("--out", type=Path, default=ROOT / "build/chaos/planted",
                      help="for the timeline, history and logs of a failed hunt")
    made.add_argument("--seed", type=int, help="another seed than the one that is fixed for each")
    made.add_argument("--rate", type=float, default=200.0, help="orders a second that the clients send (200)")
    made.add_argument("--repeat", type=int, default=1, help="hunt each so often (1)")
    made.add_argument("--results", type=Path, help="append to this file what each hunt has come to, a line of JSON")
    made.add_argument("--list", action="store_true", help="show a table, with the figures of --results, and end")
    made.add_argument("--verbose", action="store_true", help="show what the run does")
    made.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return made


# ---- a hunt, in its own process ----

def program(args: argparse.Namespace, name: str) -> Path:
    return (args.programs / f"ordersd_planted_{name}").resolve()


def one(plant: Plant, args: argparse.Namespace) -> int:
    sandbox.begin()
    options = WorldOptions(seed=args.seed or plant.seed, replicas=1, program=program(args, plant.name),
                      settings=plant.settings)
    run_options = RunOptions(options, plant.seconds, plant.faults, args.out / plant.name, args.rate, CHECKPOINT_S,
                    f"scripts/chaos planted {plant.name}", say=print if args.verbose else lambda text: None)

    async def hunted() -> HuntResult:
        return await Hunt(run_options, plant).hunt()

    result = asyncio.run(hunted())
    if args.results:
        with args.results.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"name": plant.name, "seed": options.seed, "found_s": result.found_s}) + "\n")
    code, text = result.verdict()
    print(text, flush=True)
    if result.found_s is None:
        print(f"what happened: {run_options.out}/timeline.txt", flush=True)
    return code


# ---- all of them ----

def several(names: Sequence[str], args: argparse.Namespace, argv: Sequence[str]) -> int:
    codes: Counter[int] = Counter()
    options = [argument for argument in argv if argument not in names]
    for name in names:
        for _ in range(args.repeat):
            code = sandbox.run_again("chaos", ["planted", name, *options, "--one"])
            if code == exit_codes.INTERRUPTED:
                return code
            codes[code] += 1
    print(f"{codes[FOUND]} of {codes.total()} planted bugs were found")
    if codes.keys() - {FOUND, SKIPPED}:
        return NOT_FOUND
    return SKIPPED if codes[SKIPPED] else FOUND


# ---- the table of docs/RELIABILITY.md ----

def row(plant: Plant) -> str:
    """Its beginning, which the document must have."""
    faults = ", ".join(f"`{kind}`" for kind in plant.faults) or "none"
    return f"| `{plant.name}` | {faults} | `{plant.rule}` | {plant.seed} |"


def table(results: Path | None) -> str:
    lines = ["| planted bug | faults | rule | seed | found | after, median / worst | how it shows |",
             "|---|---|---|---|---|---|---|"]
    hunts = [json.loads(line) for line in results.read_text().splitlines()] if results else []
    for plant in PLANTS.values():
        found = [hunt["found_s"] for hunt in hunts if hunt["name"] == plant.name and hunt["seed"] == plant.seed]
        after = [seconds for seconds in found if seconds is not None]
        times = f"{statistics.median(after):.0f} / {max(after):.0f} s" if after else "-"
        lines.append(f"{row(plant)} {len(after)} of {len(found)} | {times} | {plant.shown} |")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    args = parser().parse_args(argv)
    names = args.names or list(PLANTS)
    if unknown := [name for name in names if name not in PLANTS]:
        print(f"scripts/chaos planted: no such bug: {', '.join(unknown)}; there are {', '.join(PLANTS)}",
              file=sys.stderr)
        return exit_codes.USAGE
    if args.list:
        print(table(args.results))
        return 0
    if missing := [name for name in names if not program(args, name).is_file()]:
        print(f"scripts/chaos planted: {program(args, missing[0])} is not there: "
              "cmake --preset dev && cmake --build --preset dev", file=sys.stderr)
        return exit_codes.USAGE
    try:
        return one(PLANTS[names[0]], args) if args.one else several(names, args, argv)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
